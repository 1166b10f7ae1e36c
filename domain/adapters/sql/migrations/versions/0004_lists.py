"""Lists of services: an index for each filter in each order, so that a list of many costs no more than one of few."""

from alembic import op

revision = "0004"
down_revision = "0003"

ORDERS = {
    "status": ("created_at", "updated_at", "name"),
    "customer_id": ("updated_at", "name", "status"),
    "template": ("updated_at", "name", "status"),
    "deploy_method": ("updated_at", "name", "status"),
}


def upgrade() -> None:
    """Make the indexes."""
    for kind, orders in ORDERS.items():
        for order in orders:
            op.create_index(f"services_by_{kind}_{order}", "services", [kind, order, "id"])
