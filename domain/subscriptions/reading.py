"""Read subscriptions: the list, and one with its transitions."""

from dataclasses import replace
from typing import Any, Literal, TypedDict, Unpack

from domain.errors import BadRequest
from domain.identity.access import Caller, not_found
from domain.model.subscription import Subscription, SubscriptionStatus
from domain.ports import Ports
from domain.ports.repository import Page
from domain.ports.store import Work
from domain.resources.queries import parse_time, query

_FILTERS = ("customer_id", "organization_id", "plan_id", "status")


class ListSubscriptionsParameters(TypedDict, total=False):
    """The query parameters of `list_subscriptions`."""

    page: int
    per_page: int
    order: Literal["asc", "desc"]
    sort: Literal["created_at", "expires_at"]
    customer_id: str
    organization_id: str
    plan_id: str
    status: SubscriptionStatus
    expiring_before: str


def list_subscriptions(
    ports: Ports, _caller: Caller, **parameters: Unpack[ListSubscriptionsParameters]
) -> Page[Subscription]:
    """Return a page of subscriptions. Raise BadRequest if `expiring_before` is not a time."""
    values: dict[str, Any] = {**parameters}
    before = values.pop("expiring_before", None)
    filters = {name: values.pop(name, None) for name in _FILTERS}
    try:
        expires_before = None if before is None else parse_time(before)
    except ValueError:
        message = "The parameter expiring_before is not a time that exists"
        raise BadRequest(message, details=f"expiring_before: {before}") from None
    with ports.store.read() as work:
        return work.subscriptions.page(replace(query(**values, filters=filters), expires_before=expires_before))


def get_subscription(ports: Ports, _caller: Caller, subscription_id: str) -> Subscription:
    """Return the subscription, or raise NotFound."""
    with ports.store.read() as work:
        return get_existing(work, subscription_id)


def get_existing(work: Work, subscription_id: str) -> Subscription:
    """Return the subscription, or raise NotFound."""
    subscription = work.subscriptions.get(subscription_id)
    if subscription is None:
        raise not_found("Subscription", subscription_id)
    return subscription
