"""From what the panel answers, when it says no, to one sentence for whoever watches."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import orjson

from domain import errors
from handlers.program.watch.key import KEY

_KINDS: dict[int, type[errors.Refusal]] = {
    400: errors.BadRequest,
    403: errors.Forbidden,
    404: errors.NotFound,
    410: errors.Gone,
}


def refusal(status: int, headers: Mapping[str, str], body: bytes, url: str) -> errors.Refusal:
    """What an answer means that is no success."""
    if status == 401:
        return errors.Unauthenticated(f"The panel at {url} does not know the key in {KEY}, or that key has ended")
    if status == 429:
        return errors.TooMany("Too many requests for this key", retry_after=_seconds(headers.get("Retry-After", "")))
    words = _words(body)
    if words is None:
        return errors.Unavailable(f"What answers at {url} is no panel, or one that is away: it says {status}")
    return _KINDS.get(status, errors.Unavailable)(words)


def _words(body: bytes) -> str | None:
    """Message and details, when it is an error as the panel renders them."""
    with suppress(ValueError, TypeError, KeyError):
        error: dict[str, Any] = orjson.loads(body)["error"]
        return f"{error['message']}: {error['details']}" if error.get("details") else str(error["message"])
    return None


def _seconds(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 1
