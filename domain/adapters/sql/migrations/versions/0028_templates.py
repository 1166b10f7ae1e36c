"""Custom templates."""

from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, PrimaryKeyConstraint, String, Text

revision = "0028"
down_revision = "0025"

WORDS = String().with_variant(String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table of custom templates."""
    op.create_table(
        "templates",
        Column("id", WORDS, nullable=False),
        *(Column(name, Text(), nullable=False) for name in ("summary", "template")),
        *(Column(name, DateTime(timezone=True), nullable=False) for name in ("created_at", "updated_at")),
        Column("logo", WORDS),
        Column("revision", BigInteger(), nullable=False),
        PrimaryKeyConstraint("id", name="templates_id"),
    )
