"""Times as they are written in everything that leaves the panel."""

from datetime import datetime


def text(at: datetime) -> str:
    """RFC 3339 in UTC, with as many digits of a second as there are."""
    shown = at.isoformat(timespec="microseconds" if at.microsecond % 1000 else "milliseconds")
    return shown.replace("+00:00", "Z").replace(".000Z", "Z")
