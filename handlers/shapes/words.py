"""What shapes are written in."""

from datetime import datetime
from typing import Any

Json = dict[str, Any]


def moment(at: datetime | None) -> str | None:
    """RFC 3339 in UTC, with milliseconds where there are any."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z").replace(".000Z", "Z") if at else None


def duration(start: datetime | None, end: datetime | None) -> int | None:
    """Milliseconds from start to end."""
    return int((end - start).total_seconds() * 1000) if start and end else None
