"""The audit record: its events, the heads of its chains and, encrypted, their key."""

from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, Integer, PrimaryKeyConstraint, String, Text, text

revision = "0015"
down_revision = "0014"

WORDS = String().with_variant(String(collation="C"), "postgresql")
OPTIONAL = (
    "actor_id",
    "actor_name",
    "actor_customer_id",
    "session_id",
    "address",
    "resource_type",
    "resource_id",
    "customer_id",
    "request_id",
    "error_code",
)


def upgrade() -> None:
    """Create three tables. The panel fills in the key and the heads when it starts."""
    _create_events()
    op.create_table(
        "audit_heads",
        Column("chain", BigInteger, nullable=False),
        Column("number", BigInteger, nullable=False),
        Column("hash", WORDS, nullable=False),
        Column("seal", WORDS, nullable=False),
        PrimaryKeyConstraint("chain", name="audit_heads_id"),
    )
    op.create_table(
        "audit_key",
        Column("id", Integer, nullable=False, autoincrement=False),
        Column("sealed", WORDS, nullable=False),
        PrimaryKeyConstraint("id", name="audit_key_id"),
    )


def _create_events() -> None:
    op.create_table(
        "audit_events",
        Column("chain", BigInteger, nullable=False),
        Column("number", BigInteger, nullable=False),
        Column("id", WORDS, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False),
        Column("action", WORDS, nullable=False),
        Column("outcome", String(20), nullable=False),
        Column("actor_type", String(20), nullable=False),
        *(Column(name, WORDS) for name in OPTIONAL),
        Column("changes", Text, nullable=False),
        Column("previous", WORDS, nullable=False),
        Column("hash", WORDS, nullable=False),
        PrimaryKeyConstraint("id", name="audit_events_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("audit_events_place", "audit_events", ["chain", "number"], unique=True)
    for name in ("actor_id", "resource_id"):
        op.create_index(f"audit_events_by_{name}", "audit_events", [name, "id"])
    op.create_index(
        "audit_events_by_customer_id",
        "audit_events",
        ["customer_id", "id"],
        sqlite_where=text("customer_id IS NOT NULL"),
        postgresql_where=text("customer_id IS NOT NULL"),
    )
