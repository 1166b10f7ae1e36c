"""The repository of subscriptions."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Integer,
    Select,
    bindparam,
    case,
    func,
    select,
    text,
)

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


def _current(owner: str) -> Select[Any]:
    """Return the query for an owner's active subscription, or else for its newest one."""
    is_active = case((subscriptions.c.status == SubscriptionStatus.ACTIVE, 0), else_=1)
    of_owner = select(subscriptions).where(subscriptions.c[owner] == bindparam("owner"))
    return of_owner.order_by(is_active, subscriptions.c.created_at.desc(), subscriptions.c.id.desc()).limit(1)


_OF_CUSTOMER, _OF_ORGANIZATION = _current("customer_id"), _current("organization_id")
_DUE = (
    select(subscriptions)
    .where(subscriptions.c.expires_at <= bindparam("now"), subscriptions.c.status != SubscriptionStatus.EXPIRED)
    .order_by(subscriptions.c.expires_at, subscriptions.c.id)
    .limit(bindparam("limit", type_=Integer))
    .with_for_update(skip_locked=True)
)
_NEXT_EXPIRY = select(func.min(subscriptions.c.expires_at)).where(subscriptions.c.status != SubscriptionStatus.EXPIRED)


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

    def current_of_customer(self, customer_id: str) -> Subscription | None:
        """Return the customer's active subscription, or else its newest one."""
        return self._fetch_one(_OF_CUSTOMER, owner=customer_id)

    def current_of_organization(self, organization_id: str) -> Subscription | None:
        """Return the organization's active subscription, or else its newest one."""
        return self._fetch_one(_OF_ORGANIZATION, owner=organization_id)

    def due(self, now: datetime, limit: int) -> list[Subscription]:
        """Return subscriptions whose expiry is over and not recorded, locked. Those that others lock are left out."""
        return self._fetch_all(_DUE, now=now, limit=limit)

    def next_expiry(self) -> datetime | None:
        """Return when the next subscription expires; None if none does."""
        expiry: datetime | None = self._connection.scalar(_NEXT_EXPIRY)
        return expiry
