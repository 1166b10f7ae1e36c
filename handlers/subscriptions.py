"""Handlers of the tag `subscriptions`."""

from typing import Unpack

from domain import subscriptions
from domain.identity.access import Caller
from domain.ports import Ports
from domain.subscriptions.changes import SubscriptionCreate, SubscriptionUpdate
from domain.subscriptions.reading import ListSubscriptionsParameters
from handlers import answers
from handlers.openapi31 import Answer
from handlers.serializers import subscriptions as serialize


def list_subscriptions(ports: Ports, caller: Caller, **parameters: Unpack[ListSubscriptionsParameters]) -> Answer:
    """GET /subscriptions"""
    return answers.page(subscriptions.list_subscriptions(ports, caller, **parameters), serialize.subscription)


def create_subscription(ports: Ports, caller: Caller, body: SubscriptionCreate, dry_run: bool = False) -> Answer:
    """POST /subscriptions"""
    outcome = subscriptions.create_subscription(ports, caller, body, dry_run=dry_run)
    return answers.created(outcome, serialize.subscription)


def get_subscription(ports: Ports, caller: Caller, subscription_id: str) -> Answer:
    """GET /subscriptions/{subscription_id}"""
    return answers.ok(subscriptions.get_subscription(ports, caller, subscription_id), serialize.subscription)


def update_subscription(
    ports: Ports,
    caller: Caller,
    subscription_id: str,
    body: SubscriptionUpdate,
    if_match: str | None = None,
    dry_run: bool = False,
) -> Answer:
    """PATCH /subscriptions/{subscription_id}"""
    outcome = subscriptions.update_subscription(
        ports, caller, subscription_id, body, if_match=if_match, dry_run=dry_run
    )
    return answers.ok(outcome, serialize.subscription)


def suspend_subscription(ports: Ports, caller: Caller, subscription_id: str) -> Answer:
    """POST /subscriptions/{subscription_id}/suspend"""
    return answers.ok(subscriptions.suspend_subscription(ports, caller, subscription_id), serialize.subscription)


def resume_subscription(ports: Ports, caller: Caller, subscription_id: str) -> Answer:
    """POST /subscriptions/{subscription_id}/resume"""
    return answers.ok(subscriptions.resume_subscription(ports, caller, subscription_id), serialize.subscription)


def expire_subscription(ports: Ports, caller: Caller, subscription_id: str) -> Answer:
    """POST /subscriptions/{subscription_id}/expire"""
    return answers.ok(subscriptions.expire_subscription(ports, caller, subscription_id), serialize.subscription)
