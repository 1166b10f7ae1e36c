"""The repository of subscriptions."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from domain.model.subscription import Subscription
from domain.ports.repository import Repository


class Subscriptions(Repository[Subscription], Protocol):
    """Subscriptions. Each owner has at most one that is active."""

    def count_by_plan(self, plan_ids: Collection[str]) -> dict[str, int]:
        """Return how many subscriptions that have not expired each plan has, by ID. Plans without any are left out."""

    def current_of_customer(self, customer_id: str) -> Subscription | None:
        """Return the customer's active subscription, or else its newest one. It is not locked."""

    def current_of_organization(self, organization_id: str) -> Subscription | None:
        """Return the organization's active subscription, or else its newest one. It is not locked."""

    def due(self, now: datetime, limit: int) -> list[Subscription]:
        """Return subscriptions whose expiry is over and not recorded, locked. Those that others lock are left out."""

    def next_expiry(self) -> datetime | None:
        """Return when the next subscription expires; None if none does."""
