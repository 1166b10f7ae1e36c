"""The repository of subscriptions."""

from collections.abc import Collection
from typing import Protocol

from domain.model.subscription import Subscription
from domain.ports.repository import Repository


class Subscriptions(Repository[Subscription], Protocol):
    """Subscriptions. Each owner has at most one that is active."""

    def count_by_plan(self, plan_ids: Collection[str]) -> dict[str, int]:
        """Return how many subscriptions that have not expired each plan has, by ID. Plans without any are left out."""
