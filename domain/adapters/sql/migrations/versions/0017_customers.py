"""Operations that wait for those of a customer, and services that start again when their customer is reactivated."""

from alembic import op
from sqlalchemy import Column, DateTime, String

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("operations", Column("behind_customer", String().with_variant(String(collation="C"), "postgresql")))
    op.add_column("services", Column("suspended_at", DateTime(timezone=True)))
