"""How many a list has in all: to count a million takes far longer than to read a page of them."""

from collections.abc import Callable, Hashable
from time import monotonic

FEW = 1000
_KEPT = 10.0  # seconds
_MOST = 10_000  # different questions


class Totals:
    """Up to a thousand are counted each time, more than that once in ten seconds. Threads may share it."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[int, float]] = {}

    def of(self, asked: Hashable, count: Callable[[], int]) -> int:
        """What `count` answers, or answered to the same question a moment ago."""
        total, until = self._kept.get(asked, (0, 0.0))
        if monotonic() < until:
            return total
        total = count()
        if total > FEW:
            if len(self._kept) >= _MOST:
                self._kept.clear()
            self._kept[asked] = total, monotonic() + _KEPT
        return total
