"""Timestamps, as the API, events and logs write them."""

from datetime import datetime


def format_time(at: datetime) -> str:
    """Return a UTC time in RFC 3339, without trailing zeros of the second."""
    text = at.isoformat(timespec="microseconds" if at.microsecond % 1000 else "milliseconds")
    return text.replace("+00:00", "Z").replace(".000Z", "Z")
