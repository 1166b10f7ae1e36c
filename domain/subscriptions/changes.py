"""Create and update subscriptions."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, NotRequired, TypedDict

from domain.errors import Invalid
from domain.identity.access import Caller, not_found
from domain.model.identifiers import new_id
from domain.model.plan import Plan, PlanKind
from domain.model.schedule import EXPIRE_SUBSCRIPTIONS
from domain.model.subscription import Subscription, SubscriptionStatus, Transition
from domain.ports import Ports
from domain.ports.store import Work
from domain.resources import revisions
from domain.resources.dry_run import Change, DryRun, Outcome, perform
from domain.resources.queries import parse_time
from domain.subscriptions.reading import get_existing
from domain.tenancy.overruns import overruns_of_subscription

_MOST_METADATA = 50


class SubscriptionCreate(TypedDict):
    """The body of `create_subscription`."""

    plan_id: str
    customer_id: NotRequired[str]
    organization_id: NotRequired[str]
    expires_at: NotRequired[str | None]
    external_id: NotRequired[str | None]
    metadata: NotRequired[dict[str, str]]


class SubscriptionUpdate(TypedDict, total=False):
    """The body of `update_subscription`."""

    plan_id: str
    expires_at: str | None
    external_id: str | None
    metadata: dict[str, str | None]


def create_subscription(
    ports: Ports, caller: Caller, body: SubscriptionCreate, *, dry_run: bool = False
) -> Outcome[Subscription]:
    """Create an active subscription.

    Raise NotFound if owner or plan do not exist, Invalid if they or the expiry do not fit, and Conflict if the owner
    has an active subscription.
    """
    now = ports.clock.now()
    values = _with_expiry(body, now)
    created = Transition(SubscriptionStatus.ACTIVE, now, caller.id)
    subscription = Subscription(id=new_id("sub"), created_at=now, updated_at=now, transitions=(created,), **values)

    def create(work: Work) -> tuple[Subscription, DryRun]:
        _require_owner(work, subscription)
        plan = get_fitting_plan(work, subscription)
        add_subscription(work, subscription)
        change = Change("create", "subscription", None, f"Subscribes to {plan.name}")
        return subscription, DryRun((change,), overruns=overruns_of_subscription(work, subscription, plan))

    return perform(ports, create, dry_run=dry_run)


def update_subscription(
    ports: Ports,
    _caller: Caller,
    subscription_id: str,
    body: SubscriptionUpdate,
    *,
    if_match: str | None = None,
    dry_run: bool = False,
) -> Outcome[Subscription]:
    """Apply a merge patch. Raise NotFound for an unknown plan, and Invalid for one of another kind or a past expiry."""
    now = ports.clock.now()
    values = _with_expiry(body, now)

    def update(work: Work) -> tuple[Subscription, DryRun]:
        before = get_existing(work, subscription_id)
        revisions.match(if_match, before.revision, "subscription")
        values["metadata"] = _merged(before.metadata, body.get("metadata", {}))
        subscription = replace(before, **values, updated_at=now)
        plan = get_fitting_plan(work, subscription)
        work.subscriptions.save(subscription)
        schedule_expiry(work, subscription)
        change = Change("update", "subscription", subscription_id, f"Changes the subscription to {plan.name}")
        return subscription, DryRun((change,), overruns=overruns_of_subscription(work, subscription, plan))

    outcome = perform(ports, update, dry_run=dry_run)
    if outcome.dry_run:
        outcome.result.revision -= 1  # the save was rolled back: If-Match takes the revision before it
    return outcome


def add_subscription(work: Work, subscription: Subscription) -> None:
    """Store a new subscription. Raise Conflict if its owner has an active one."""
    work.subscriptions.add(subscription)
    schedule_expiry(work, subscription)


def schedule_expiry(work: Work, subscription: Subscription) -> None:
    """Have the job that expires subscriptions run when this one ends."""
    if subscription.expires_at is not None and subscription.status is not SubscriptionStatus.EXPIRED:
        work.schedules.bring_forward(EXPIRE_SUBSCRIPTIONS, subscription.expires_at)


def _with_expiry(body: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return the fields of a body with the expiry as a time. Raise Invalid if it has passed or does not exist."""
    text = body.get("expires_at")
    if text is None:
        return {**body}
    try:
        expires_at = parse_time(text)
    except ValueError:
        raise Invalid({"expires_at": f"{text} is not a valid time"}) from None
    if expires_at <= now:
        raise Invalid({"expires_at": f"{text} has passed already"})
    return {**body, "expires_at": expires_at}


def _require_owner(work: Work, subscription: Subscription) -> None:
    """Lock the owner. Raise Invalid unless the subscription has exactly one, and NotFound if that does not exist."""
    if (subscription.customer_id is None) == (subscription.organization_id is None):
        message = "Name either a customer or an organization"
        raise Invalid({"customer_id": message, "organization_id": message})
    if subscription.customer_id is not None and work.customers.get(subscription.customer_id) is None:
        raise not_found("Customer", subscription.customer_id)
    if subscription.organization_id is not None and work.organizations.get(subscription.organization_id) is None:
        raise not_found("Organization", subscription.organization_id)


def get_fitting_plan(work: Work, subscription: Subscription) -> Plan:
    """Return the plan, locked. Raise NotFound if it does not exist, and Invalid if its owner needs another kind."""
    plan = work.plans.get(subscription.plan_id)
    if plan is None:
        raise not_found("Plan", subscription.plan_id)
    kind = PlanKind.CUSTOMER if subscription.customer_id else PlanKind.RESOURCE
    if plan.kind is not kind:
        raise Invalid(
            {"plan_id": f"{plan.name} is a plan of the kind {plan.kind}; the owner needs one of the kind {kind}"}
        )
    return plan


def _merged(before: Mapping[str, str], change: Mapping[str, str | None]) -> dict[str, str]:
    merged = {name: value for name, value in {**before, **change}.items() if value is not None}
    if len(merged) > _MOST_METADATA:
        raise Invalid({"metadata": f"has {len(merged)} values; at most {_MOST_METADATA} are allowed"})
    return merged
