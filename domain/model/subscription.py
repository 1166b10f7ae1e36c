"""Subscriptions: which plan a customer or an organization has, and since when."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.model.hidden import HIDDEN


class SubscriptionStatus(StrEnum):
    """The status of a subscription. Only an active one lets its owner create, deploy, start and enlarge services."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Transition:
    """A change of a subscription's status. Without an actor the panel itself made it."""

    status: SubscriptionStatus
    at: datetime
    actor_id: str | None = None


@dataclass
class Subscription:
    """A plan of a customer or of an organization: exactly one of the two IDs is set.

    It ends at `expires_at`. `external_id` and `metadata` are the operator's own, for example of a billing system.
    """

    id: str
    plan_id: str
    created_at: datetime
    updated_at: datetime
    customer_id: str | None = None
    organization_id: str | None = None
    status: SubscriptionStatus = SubscriptionStatus.ACTIVE
    expires_at: datetime | None = None
    external_id: str | None = field(default=None, metadata=HIDDEN)
    metadata: dict[str, str] = field(default_factory=dict, metadata=HIDDEN)
    transitions: tuple[Transition, ...] = ()
    revision: int = 1

    def status_at(self, now: datetime) -> SubscriptionStatus:
        """Return the status; a subscription has expired at the very moment of its expiry, recorded or not."""
        if self.expires_at is not None and self.expires_at <= now:
            return SubscriptionStatus.EXPIRED
        return self.status
