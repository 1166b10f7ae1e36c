"""Cache how many rows a list has: counting a million rows takes far longer than reading a page of them."""

from collections.abc import Callable, Hashable
from time import monotonic

SMALL = 1000  # rows; a total up to this is counted each time
_LIFETIME = 10.0  # seconds
_MAX_ENTRIES = 10_000


class Totals:
    """Cache totals of more than `SMALL` rows for ten seconds. Threads may share an instance."""

    def __init__(self) -> None:
        self._entries: dict[Hashable, tuple[int, float]] = {}

    def get(self, key: Hashable, count: Callable[[], int]) -> int:
        """Return the cached total for `key`, or call `count`."""
        total, expires_at = self._entries.get(key, (0, 0.0))
        if monotonic() < expires_at:
            return total
        total = count()
        if total > SMALL:
            if len(self._entries) >= _MAX_ENTRIES:
                self._entries.clear()
            self._entries[key] = total, monotonic() + _LIFETIME
        return total
