"""The volumes of services."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, DateTime, ForeignKeyConstraint, PrimaryKeyConstraint, String, Text

revision = "0030"
down_revision = "0029"

WORDS = String().with_variant(String(collation="C"), "postgresql")
TIME = DateTime(timezone=True)


def upgrade() -> None:
    """Make the table of volumes. Each service's next deployment fills it."""
    op.create_table(
        "volumes",
        *(Column(name, WORDS, nullable=False) for name in ("id", "service_id", "name")),
        *(Column(name, TIME, nullable=False) for name in ("created_at", "updated_at")),
        Column("mounts", Text(), nullable=False),
        Column("attached", Boolean(), nullable=False),
        Column("host_path", WORDS),
        Column("backup", Boolean(), nullable=False),
        Column("size_bytes", BigInteger()),
        Column("measured_at", TIME),
        Column("revision", BigInteger(), nullable=False),
        PrimaryKeyConstraint("id", name="volumes_id"),
        ForeignKeyConstraint(["service_id"], ["services.id"], name="volumes_of_services", ondelete="CASCADE"),
    )
    op.create_index("volumes_name", "volumes", ["service_id", "name"], unique=True)
