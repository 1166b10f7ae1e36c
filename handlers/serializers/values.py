"""What shapes are written in."""

from datetime import datetime
from typing import Any

from domain.model import timestamps

Json = dict[str, Any]


def moment(at: datetime | None) -> str | None:
    """Its text; null for what has not happened."""
    return timestamps.text(at) if at else None


def duration(start: datetime | None, end: datetime | None) -> int | None:
    """Milliseconds from start to end."""
    return int((end - start).total_seconds() * 1000) if start and end else None
