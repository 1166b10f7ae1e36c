"""Identifiers that sort by time."""

import os
from datetime import UTC, datetime, timedelta

from ulid import ULID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def new_id(prefix: str, after: str = "") -> str:
    """Return an identifier that sorts by the time at which it was made, such as `svc_01k9…`.

    It sorts behind `after`, an earlier identifier with the same prefix, even if the clock has been set back since.
    """
    made = f"{prefix}_{str(ULID()).lower()}"
    return made if made > after else f"{prefix}_{_next(after.removeprefix(f'{prefix}_'))}"


def id_at(prefix: str, at: datetime) -> str:
    """Return a new identifier that sorts by the given time."""
    return _of_bytes(prefix, _milliseconds(at) + os.urandom(10))


def first_id(prefix: str, at: datetime) -> str:
    """Return the identifier that sorts before all that are made at a time or later, and after all earlier ones."""
    return _of_bytes(prefix, _milliseconds(at) + bytes(10))


def _next(text: str) -> str:
    number = int.from_bytes(ULID.from_str(text).bytes) + 1
    return str(ULID.from_bytes(number.to_bytes(16))).lower()


def _of_bytes(prefix: str, content: bytes) -> str:
    return f"{prefix}_{str(ULID.from_bytes(content)).lower()}"


def _milliseconds(at: datetime) -> bytes:
    return max((at - _EPOCH) // timedelta(milliseconds=1), 0).to_bytes(6)
