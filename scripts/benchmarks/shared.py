"""What both peers do like the panel: the same rules, keys from the same table, budgets by the same library.

It is less than the panel does: no use of a key is noted, and lookups run without a snapshot around them.
"""

import hmac
import json
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from types import SimpleNamespace
from typing import Any

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from sqlalchemy import DateTime, bindparam, column, create_engine, select, table

from domain import credentials, networks
from domain.access import PERMISSIONS
from domain.model import Role, new_id
from handlers import routing
from handlers.openapi31 import Document
from handlers.published import DOCUMENT

WORLD: Any = SimpleNamespace(openings=routing.openings(Document.load(DOCUMENT.content)))
"""All that the measured rules ask of their ports."""

_ENGINE = create_engine(os.environ["BENCH_DATABASE"], pool_size=40)
_KEYS = table(
    "api_keys",
    *(column(name) for name in ("id", "digest", "role", "denied_permissions", "allowed_ips", "rate_limit_rpm")),
    *(column(name, DateTime()) for name in ("expires_at", "previous_until")),
    column("previous_digest"),
    column("prefix"),
)
_BY_PREFIX = select(_KEYS).where(_KEYS.c.prefix == bindparam("prefix"))
_LIMIT = RateLimitItemPerMinute(int(os.environ["PANEL_RATE_LIMIT_AUTHENTICATED"]))
_LIMITER = FixedWindowRateLimiter(MemoryStorage())


class DeniedError(Exception):
    """No such key, or not from there, or not any more."""


@dataclass(frozen=True)
class Caller:
    """Whose key it is."""

    id: str
    permissions: frozenset[str]
    limit: int | None


def authenticate(text: str, address: str) -> Caller:
    """Look the key up and compare it as the panel does."""
    with _ENGINE.connect() as connection:
        row = connection.execute(_BY_PREFIX, {"prefix": credentials.prefix_of(text)}).first()
    now = datetime.now(UTC).replace(tzinfo=None)
    if row is None or not _matches(row, text, now) or (row.expires_at and row.expires_at <= now):
        raise DeniedError
    if not networks.admits(json.loads(row.allowed_ips), address):
        raise DeniedError
    denied = frozenset(json.loads(row.denied_permissions))
    return Caller(row.id, PERMISSIONS[Role(row.role)] - denied, row.rate_limit_rpm)


def _matches(row: Any, text: str, now: datetime) -> bool:  # noqa: ANN401 - a row has the columns asked for
    given = credentials.digest(text)
    current = hmac.compare_digest(given, row.digest)
    previous = hmac.compare_digest(given, row.previous_digest or "0" * 64)
    return current or (previous and row.previous_until is not None and now < row.previous_until)


def headers(caller: Caller) -> dict[str, str]:
    """Count the request, and tell of the budget and of the request's id."""
    item = RateLimitItemPerMinute(caller.limit) if caller.limit else _LIMIT
    if not _LIMITER.hit(item, caller.id):
        raise DeniedError
    reset_at, remaining = _LIMITER.get_window_stats(item, caller.id)
    return {
        "x-request-id": new_id("req"),
        "x-ratelimit-limit": str(item.amount),
        "x-ratelimit-remaining": str(remaining),
        "x-ratelimit-reset": str(ceil(reset_at or time.time())),
    }
