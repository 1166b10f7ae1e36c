"""Compressed blocks of events."""

from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, LargeBinary, PrimaryKeyConstraint

revision = "0025"
down_revision = "0019"


def upgrade() -> None:
    """Make the table of blocks."""
    op.create_table(
        "event_blocks",
        Column("first", BigInteger(), nullable=False, autoincrement=False),
        Column("last", BigInteger(), nullable=False),
        Column("newest_at", DateTime(timezone=True), nullable=False),
        Column("events", LargeBinary(), nullable=False),
        PrimaryKeyConstraint("first", name="event_blocks_id"),
    )
