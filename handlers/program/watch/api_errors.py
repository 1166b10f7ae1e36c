"""Translate error responses of the panel's API into errors with a message for a person."""

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


def api_error(status: int, headers: Mapping[str, str], body: bytes, url: str) -> errors.Refusal:
    """Return the error for an unsuccessful response of the panel at `url`."""
    if status == 401:
        return errors.Unauthenticated(
            f"The panel at {url} rejects the key in {KEY}: it is unknown, expired or revoked;"
            " `ai-admin-panel create-key` prints a new one"
        )
    if status == 429:
        return errors.TooMany("Too many requests with this key", retry_after=_seconds(headers.get("Retry-After", "")))
    text = _error_text(body)
    if text is None:
        return errors.Unavailable(f"The server at {url} is not a panel, or the panel is down: status {status}")
    return _KINDS.get(status, errors.Unavailable)(text)


def _error_text(body: bytes) -> str | None:
    """Return message and details of the panel's error format, None for any other body."""
    with suppress(ValueError, TypeError, KeyError):
        error: dict[str, Any] = orjson.loads(body)["error"]
        return f"{error['message']}: {error['details']}" if error.get("details") else str(error["message"])
    return None


def _seconds(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 1
