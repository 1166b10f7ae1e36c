"""Logins at an identity provider: which of its sessions a session belongs to, and tokens that may be used once."""

from alembic import op
from sqlalchemy import Column, DateTime, PrimaryKeyConstraint, String

revision = "0012"
down_revision = "0011"

WORDS = String().with_variant(String(collation="C"), "postgresql")


def upgrade() -> None:
    """Add two columns of sessions, and the table of used tokens."""
    with op.batch_alter_table("sessions") as sessions:
        sessions.add_column(Column("provider_session_id", WORDS))
        sessions.add_column(Column("sealed_id_token", WORDS))
    op.create_index("sessions_by_provider_session_id", "sessions", ["provider_session_id"])
    op.create_table(
        "used_tokens",
        Column("digest", WORDS, nullable=False),
        Column("expires_at", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("digest", name="used_tokens_id"),
    )
    op.create_index("used_tokens_by_expires_at", "used_tokens", ["expires_at"])
