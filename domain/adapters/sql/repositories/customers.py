"""The repository of customers."""

from collections.abc import Collection

from sqlalchemy import ForeignKeyConstraint, bindparam, select

from domain.adapters.sql.repositories.subscriptions import subscriptions
from domain.adapters.sql.repository import Repository
from domain.adapters.sql.search import TextSearch
from domain.adapters.sql.tables import entity_table, list_indexes
from domain.model.customer import Customer, TenantStatus
from domain.model.subscription import SubscriptionStatus
from domain.ports.repositories import customers as ports

customers = entity_table(
    "customers", Customer, ForeignKeyConstraint(["organization_id"], ["organizations.id"], ondelete="RESTRICT")
)
list_indexes(customers, "created_at id", "name id", "organization_id created_at id")

customers.info["conditions"] = {
    "plan_id": lambda value: customers.c.id.in_(
        select(subscriptions.c.customer_id).where(
            subscriptions.c.plan_id == value, subscriptions.c.status != SubscriptionStatus.EXPIRED
        )
    )
}
_SUSPENDED = select(customers.c.id).where(
    customers.c.id.in_(bindparam("ids", expanding=True)), customers.c.status == TenantStatus.SUSPENDED
)


class Customers(Repository[Customer], ports.Customers):
    """Customers."""

    table = customers
    entity = Customer
    filters = frozenset({"status", "organization_id", "plan_id"})
    sorts = frozenset({"name", "created_at"})
    search = TextSearch(customers.c.name)

    def suspended(self, customer_ids: Collection[str]) -> frozenset[str]:
        """Return those of these customers that are suspended."""
        if not customer_ids:
            return frozenset()
        return frozenset(self._connection.scalars(_SUSPENDED, {"ids": list(customer_ids)}))
