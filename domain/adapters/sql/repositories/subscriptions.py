"""The repository of subscriptions."""

from collections.abc import Collection

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, bindparam, func, select, text

from domain.adapters.sql.repository import Repository
from domain.adapters.sql.tables import entity_table, list_indexes
from domain.model.subscription import Subscription, SubscriptionStatus
from domain.ports.repositories import subscriptions as ports

subscriptions = entity_table(
    "subscriptions",
    Subscription,
    ForeignKeyConstraint(["plan_id"], ["plans.id"], ondelete="RESTRICT"),
    ForeignKeyConstraint(["customer_id"], ["customers.id"], ondelete="CASCADE"),
    ForeignKeyConstraint(["organization_id"], ["organizations.id"], ondelete="CASCADE"),
    CheckConstraint("(customer_id IS NULL) <> (organization_id IS NULL)", name="subscriptions_owner"),
)
_is_active = text("status = 'active'")
for _owner in ("customer_id", "organization_id"):
    Index(
        f"subscriptions_active_{_owner}",
        subscriptions.c[_owner],
        unique=True,
        sqlite_where=_is_active,
        postgresql_where=_is_active,
    )
list_indexes(subscriptions, "created_at id", "customer_id created_at id", "organization_id created_at id")
list_indexes(subscriptions, "plan_id created_at id", "expires_at id")
_TAKEN = ("The owner has an active subscription already", "already_subscribed")
_COUNT_BY_PLAN = (
    select(subscriptions.c.plan_id, func.count().label("subscriptions"))
    .where(subscriptions.c.plan_id.in_(bindparam("plan_ids", expanding=True)))
    .where(subscriptions.c.status != SubscriptionStatus.EXPIRED)
    .group_by(subscriptions.c.plan_id)
)


class Subscriptions(Repository[Subscription], ports.Subscriptions):
    """Subscriptions. Each owner has at most one that is active."""

    table = subscriptions
    entity = Subscription
    filters = frozenset({"customer_id", "organization_id", "plan_id", "status"})
    sorts = frozenset({"created_at", "expires_at"})
    conflicts = {  # noqa: RUF012 - as declared
        "subscriptions_active_customer_id": _TAKEN,
        "subscriptions_active_organization_id": _TAKEN,
        "subscriptions_customer_id": _TAKEN,  # as SQLite names a unique index: by its columns
        "subscriptions_organization_id": _TAKEN,
    }

    def count_by_plan(self, plan_ids: Collection[str]) -> dict[str, int]:
        """Return how many subscriptions that have not expired each plan has, by ID. Plans without any are left out."""
        if not plan_ids:
            return {}
        rows = self._connection.execute(_COUNT_BY_PLAN, {"plan_ids": list(plan_ids)})
        return {row.plan_id: row.subscriptions for row in rows}
