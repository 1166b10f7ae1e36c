"""Subscriptions: list, create, read and update them, and change their status."""

from domain.subscriptions.changes import create_subscription, update_subscription
from domain.subscriptions.reading import get_subscription, list_subscriptions
from domain.subscriptions.status import expire_subscription, resume_subscription, suspend_subscription

__all__ = [
    "create_subscription",
    "expire_subscription",
    "get_subscription",
    "list_subscriptions",
    "resume_subscription",
    "suspend_subscription",
    "update_subscription",
]
