"""Change the status of subscriptions: by a request, or when they expire."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from domain.errors import Conflict
from domain.identity.access import Caller
from domain.model.audit_event import FieldChange
from domain.model.subscription import Subscription, SubscriptionStatus, Transition
from domain.ports import Ports
from domain.ports.store import Work
from domain.subscriptions.changes import schedule_expiry
from domain.subscriptions.reading import get_existing

ACTIVE, SUSPENDED, EXPIRED = SubscriptionStatus
_AUDITED = {ACTIVE: "subscription.resume", SUSPENDED: "subscription.suspend", EXPIRED: "subscription.expire"}
_MOST_TRANSITIONS = 50
_AT_ONCE = 100


def suspend_subscription(ports: Ports, caller: Caller, subscription_id: str) -> Subscription:
    """Suspend an active subscription. Raise Conflict if it has expired."""
    return _change(ports, caller, subscription_id, SUSPENDED, from_statuses=(ACTIVE,))


def resume_subscription(ports: Ports, caller: Caller, subscription_id: str) -> Subscription:
    """Make a subscription active. Raise Conflict if its expiry has passed or its owner has another active one."""
    return _change(ports, caller, subscription_id, ACTIVE, from_statuses=(SUSPENDED, EXPIRED))


def expire_subscription(ports: Ports, caller: Caller, subscription_id: str) -> Subscription:
    """End a subscription now. The effect is that of `expire_due`."""
    return _change(ports, caller, subscription_id, EXPIRED, from_statuses=(ACTIVE, SUSPENDED))


def expire_due(ports: Ports) -> None:
    """Expire all subscriptions whose time has come. Safe to run at any time, and twice."""
    now = ports.clock.now()
    while True:
        with ports.store.begin() as work:
            due = work.subscriptions.due(now, _AT_ONCE)
            for subscription in due:
                _transition(work, subscription, EXPIRED, now, actor_id=None)
        if len(due) < _AT_ONCE:
            return


def _change(
    ports: Ports,
    caller: Caller,
    subscription_id: str,
    status: SubscriptionStatus,
    *,
    from_statuses: Collection[SubscriptionStatus],
) -> Subscription:
    now = ports.clock.now()
    with ports.store.begin() as work:
        subscription = get_existing(work, subscription_id)
        current = subscription.status_at(now) if status is not EXPIRED else subscription.status
        if current is status:
            return subscription
        if current not in from_statuses:
            message = f"Cannot make the subscription {status}: it is {current}"
            raise Conflict(message, code="wrong_state", details="Resume it first")
        _require_time_left(subscription, status, now)
        return _transition(work, subscription, status, now, actor_id=caller.id)


def _require_time_left(subscription: Subscription, status: SubscriptionStatus, now: datetime) -> None:
    if status is ACTIVE and subscription.expires_at is not None and subscription.expires_at <= now:
        raise Conflict(
            "Cannot resume the subscription: its expiry has passed",
            code="wrong_state",
            details=f"Set expires_at to a later time or null: PATCH /api/subscriptions/{subscription.id}",
        )


def _transition(
    work: Work, subscription: Subscription, status: SubscriptionStatus, now: datetime, *, actor_id: str | None
) -> Subscription:
    transitions = (*subscription.transitions, Transition(status, now, actor_id))[-_MOST_TRANSITIONS:]
    changed = replace(subscription, status=status, transitions=transitions, updated_at=now)
    work.subscriptions.save(changed)
    schedule_expiry(work, changed)
    work.audit_events.record(
        _AUDITED[status],
        ("subscription", changed.id),
        customer_id=changed.customer_id,
        changes=(FieldChange("status", subscription.status, status),),
    )
    return changed
