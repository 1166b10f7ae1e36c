"""What services and deployments count against quotas. It is unknown until their next deployment."""

from alembic import op
from sqlalchemy import BigInteger, Column, Double, Text

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add the columns."""
    for table in ("services", "deployments"):
        op.add_column(table, Column("demand", Text()))
    op.add_column("services", Column("counted_cpu", Double()))
    for name in ("counted_memory_mb", "counted_storage_mb"):
        op.add_column("services", Column(name, BigInteger()))
