"""The values that JSON does not know: times and durations."""

from datetime import datetime
from typing import Any

from domain.model import timestamps

Json = dict[str, Any]


def timestamp(at: datetime | None) -> str | None:
    """Return a time as RFC 3339 text, None if it is not known yet."""
    return timestamps.format_time(at) if at else None


def milliseconds(start: datetime | None, end: datetime | None) -> int | None:
    """Return the milliseconds from start to end, None if one of them is not known yet."""
    return int((end - start).total_seconds() * 1000) if start and end else None
