"""Sessions of browsers, tickets for sockets, and samples of what services take."""

from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, Double, ForeignKeyConstraint, PrimaryKeyConstraint, String, Text

revision = "0003"
down_revision = "0002"

WORDS = String().with_variant(String(collation="C"), "postgresql")
TIME = DateTime(timezone=True)


def upgrade() -> None:
    """Make the three tables."""
    _sessions()
    _tickets()
    _samples()


def _of_keys(table: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["api_key_id"], ["api_keys.id"], name=f"{table}_of_api_keys", ondelete="CASCADE")


def _sessions() -> None:
    op.create_table(
        "sessions",
        *(Column(name, WORDS, nullable=False) for name in ("id", "digest", "api_key_id", "api_key_digest")),
        *(Column(name, TIME, nullable=False) for name in ("created_at", "last_seen_at", "expires_at")),
        *(Column(name, WORDS, nullable=False) for name in ("device", "ip")),
        Column("revision", BigInteger(), nullable=False),
        PrimaryKeyConstraint("id", name="sessions_id"),
        _of_keys("sessions"),
    )
    op.create_index("sessions_digest", "sessions", ["digest"], unique=True)
    op.create_index("sessions_by_api_key_id", "sessions", ["api_key_id", "created_at", "id"])
    op.create_index("sessions_by_expires_at", "sessions", ["expires_at"])


def _tickets() -> None:
    op.create_table(
        "tickets",
        *(Column(name, WORDS, nullable=False) for name in ("digest", "api_key_id", "api_key_digest")),
        Column("expires_at", TIME, nullable=False),
        *(Column(name, WORDS) for name in ("session_id", "origin")),
        Column("topics", Text()),
        PrimaryKeyConstraint("digest", name="tickets_id"),
        _of_keys("tickets"),
        ForeignKeyConstraint(["session_id"], ["sessions.id"], name="tickets_of_sessions", ondelete="CASCADE"),
    )
    for name in ("api_key_id", "session_id", "expires_at"):
        op.create_index(f"tickets_by_{name}", "tickets", [name])


def _samples() -> None:
    figures = ("cpu", "memory_mb", "network_rx", "network_tx", "block_read", "block_write")
    op.create_table(
        "samples",
        Column("service_id", WORDS, nullable=False),
        Column("at", TIME, nullable=False),
        *(Column(name, Double(), nullable=False) for name in figures),
        PrimaryKeyConstraint("service_id", "at", name="samples_id"),
        ForeignKeyConstraint(["service_id"], ["services.id"], name="samples_of_services", ondelete="CASCADE"),
    )
    op.create_index("samples_by_at", "samples", ["at"])
