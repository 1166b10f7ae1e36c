"""Registries and their logins."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, DateTime, PrimaryKeyConstraint, String, text

revision = "0016"
down_revision = "0015"

WORDS = String().with_variant(String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table of registries."""
    op.create_table(
        "registries",
        *(Column(name, WORDS, nullable=False) for name in ("id", "name", "host", "username", "password")),
        *(Column(name, DateTime(timezone=True), nullable=False) for name in ("created_at", "updated_at", "login_at")),
        Column("customer_id", WORDS),
        Column("shared", Boolean(), nullable=False),
        Column("login_error", WORDS),
        Column("revision", BigInteger(), nullable=False),
        PrimaryKeyConstraint("id", name="registries_id"),
    )
    op.create_index("registries_host", "registries", [text("coalesce(customer_id, '')"), "host"], unique=True)
    op.create_index("registries_by_created_at", "registries", ["created_at", "id"])
    op.create_index("registries_by_name", "registries", ["name", "id"])
    op.create_index("registries_by_host", "registries", ["host", "id"])
    op.create_index("registries_by_customer_id", "registries", ["customer_id", "created_at", "id"])
