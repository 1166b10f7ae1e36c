"""Identifiers that sort by time."""

from ulid import ULID


def new_id(prefix: str) -> str:
    """An identifier that sorts by the time it was made, such as `svc_01k9…`."""
    return f"{prefix}_{str(ULID()).lower()}"
