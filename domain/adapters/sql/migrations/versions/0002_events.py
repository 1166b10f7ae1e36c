"""Events: what happened, in the order in which it was committed."""

from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, PrimaryKeyConstraint, String, Text

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table; what happened before is not told."""
    words = String().with_variant(String(collation="C"), "postgresql")
    op.create_table(
        "events",
        Column("sequence", BigInteger(), nullable=False),
        Column("id", words, nullable=False),
        Column("type", String(20), nullable=False),
        Column("at", DateTime(timezone=True), nullable=False),
        Column("resource", words, nullable=False),
        Column("data", Text(), nullable=False),
        Column("customer_id", words),
        PrimaryKeyConstraint("sequence", name="events_id"),
    )
    op.create_index("events_by_at", "events", ["at"])
