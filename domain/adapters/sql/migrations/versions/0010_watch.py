"""The first seconds of a new version, in which the one before it comes back if the new one fails."""

from alembic import op
from sqlalchemy import Column, Text

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the column to services. Those of the release before are not watched."""
    op.add_column("services", Column("watch", Text()))
