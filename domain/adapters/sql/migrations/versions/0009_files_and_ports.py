"""Contents of the files of definitions, and ports of the host that services have."""

from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, ForeignKeyConstraint, PrimaryKeyConstraint, String

revision = "0009"
down_revision = "0008"

WORDS = String().with_variant(String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the two tables."""
    op.create_table(
        "files",
        *(Column(name, WORDS, nullable=False) for name in ("service_id", "digest", "content")),
        Column("size", BigInteger(), nullable=False),
        Column("used_at", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("service_id", "digest", name="files_id"),
        ForeignKeyConstraint(["service_id"], ["services.id"], ondelete="CASCADE", name="files_of_services"),
    )
    op.create_table(
        "published_ports",
        Column("protocol", WORDS, nullable=False),
        Column("host_port", BigInteger(), nullable=False),
        Column("service_id", WORDS, nullable=False),
        PrimaryKeyConstraint("protocol", "host_port", name="published_ports_id"),
        ForeignKeyConstraint(["service_id"], ["services.id"], ondelete="CASCADE", name="published_ports_of_services"),
    )
    op.create_index("published_ports_by_service_id", "published_ports", ["service_id"])
