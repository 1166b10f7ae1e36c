"""Deploy hooks and the deliveries that they have accepted."""

from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, ForeignKeyConstraint, PrimaryKeyConstraint, String, Text

revision = "0024"
down_revision = "0030"

WORDS = String().with_variant(String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables of deploy hooks and of their deliveries."""
    op.create_table(
        "deploy_hooks",
        *(Column(name, WORDS, nullable=False) for name in ("id", "service_id", "name")),
        Column("provider", String(20), nullable=False),
        Column("secret", WORDS, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False),
        *(Column(name, WORDS) for name in ("customer_id", "branch", "tag")),
        Column("last_delivery", Text()),
        Column("revision", BigInteger(), nullable=False),
        PrimaryKeyConstraint("id", name="deploy_hooks_id"),
        ForeignKeyConstraint(["service_id"], ["services.id"], ondelete="CASCADE", name="deploy_hooks_of_services"),
    )
    op.create_index("deploy_hooks_by_service_id", "deploy_hooks", ["service_id", "created_at", "id"])
    op.create_table(
        "seen_deliveries",
        *(Column(name, WORDS, nullable=False) for name in ("hook_id", "digest")),
        Column("received_at", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("hook_id", "digest", name="seen_deliveries_id"),
        ForeignKeyConstraint(
            ["hook_id"], ["deploy_hooks.id"], ondelete="CASCADE", name="seen_deliveries_of_deploy_hooks"
        ),
    )
    op.create_index("seen_deliveries_by_hook_id", "seen_deliveries", ["hook_id", "received_at"])
