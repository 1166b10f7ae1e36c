"""Credentials: API keys, sessions and tickets as they are made, shown, looked at again, and forgotten."""

from domain.credentials.desk import Desk
from domain.credentials.forgetting import forget_expired
from domain.credentials.standing import caller, expired, hold, lives, permissions, unknown
from domain.credentials.text import digest, new_cookie, new_text, new_ticket, prefix_of

__all__ = [
    "Desk",
    "caller",
    "digest",
    "expired",
    "forget_expired",
    "hold",
    "lives",
    "new_cookie",
    "new_text",
    "new_ticket",
    "permissions",
    "prefix_of",
    "unknown",
]
