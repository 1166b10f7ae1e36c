"""What customers need: operations that wait for those of a customer, suspended services, and traffic by month."""

from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, ForeignKeyConstraint, PrimaryKeyConstraint, String

revision = "0018"
down_revision = "0017"

WORDS = String().with_variant(String(collation="C"), "postgresql")
TIME = DateTime(timezone=True)


def upgrade() -> None:
    """Add the columns and tables."""
    op.add_column("operations", Column("behind_customer", WORDS))
    op.add_column("services", Column("suspended_at", TIME))
    op.create_table(
        "traffic_readings",
        Column("container", WORDS, nullable=False),
        Column("service_id", WORDS, nullable=False),
        Column("customer_id", WORDS, nullable=False),
        Column("started_at", TIME, nullable=False),
        Column("at", TIME, nullable=False),
        Column("bytes", BigInteger(), nullable=False),
        PrimaryKeyConstraint("container", name="traffic_readings_id"),
        ForeignKeyConstraint(["service_id"], ["services.id"], name="traffic_readings_of_services", ondelete="CASCADE"),
    )
    op.create_index("traffic_readings_by_service_id", "traffic_readings", ["service_id"])
    op.create_table(
        "traffic",
        Column("customer_id", WORDS, nullable=False),
        Column("month", WORDS, nullable=False),
        Column("bytes", BigInteger(), nullable=False),
        PrimaryKeyConstraint("customer_id", "month", name="traffic_id"),
        ForeignKeyConstraint(["customer_id"], ["customers.id"], name="traffic_of_customers", ondelete="CASCADE"),
    )
