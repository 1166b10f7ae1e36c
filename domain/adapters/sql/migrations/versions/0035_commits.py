"""The commit that a deployment from git was built from."""

from alembic import op
from sqlalchemy import Column, String

revision = "0035"
down_revision = "0024"

WORDS = String().with_variant(String(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the column; earlier deployments have no commit."""
    op.add_column("deployments", Column("commit", WORDS))
