"""Custom domains of services."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    String,
    Text,
    text,
)

revision = "0029"
down_revision = "0028"

WORDS = String().with_variant(String(collation="C"), "postgresql")
TIME = DateTime(timezone=True)


def upgrade() -> None:
    """Make the table of custom domains."""
    op.create_table(
        "custom_domains",
        *(Column(name, WORDS, nullable=False) for name in ("id", "host", "path", "service_id", "token")),
        *(Column(name, TIME, nullable=False) for name in ("created_at", "updated_at")),
        *(Column(name, WORDS) for name in ("customer_id", "redirect_to")),
        Column("force_https", Boolean(), nullable=False),
        Column("status", String(20), nullable=False),
        Column("verified_at", TIME),
        Column("verification_error", WORDS),
        Column("dns", Text(), nullable=False),
        Column("routing_error", WORDS),
        Column("certificate", Text()),
        *(Column(name, WORDS) for name in ("certificate_chain", "certificate_key")),
        Column("revision", BigInteger(), nullable=False),
        PrimaryKeyConstraint("id", name="custom_domains_id"),
        ForeignKeyConstraint(["service_id"], ["services.id"], name="custom_domains_of_services", ondelete="CASCADE"),
    )
    _create_indexes()


def _create_indexes() -> None:
    owner, verified = text("coalesce(customer_id, '')"), text("verified_at IS NOT NULL")
    op.create_index("custom_domains_claim", "custom_domains", [owner, "host", "path"], unique=True)
    op.create_index(
        "custom_domains_host",
        "custom_domains",
        ["host", "path"],
        unique=True,
        sqlite_where=verified,
        postgresql_where=verified,
    )
    for name in ("created_at", "host", "status"):
        op.create_index(f"custom_domains_by_{name}", "custom_domains", [name, "id"])
    for name in ("customer_id", "service_id"):
        op.create_index(f"custom_domains_by_{name}", "custom_domains", [name, "created_at", "id"])
