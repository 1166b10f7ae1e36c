"""Rate limits in this process's memory, by the `limits` library.

A fixed window begins with a caller's first request. At its end the whole budget is back, so the reset header is exact.
A moving window would return one request at a time, and need a list for each caller.
"""

import time
from functools import lru_cache
from math import ceil
from threading import Lock, Timer

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from domain.ports.counter import Budget

_per_minute = lru_cache(maxsize=256)(RateLimitItemPerMinute)


_CLEANUP_SECONDS = 60
_WINDOW_SECONDS = 60


class _NoTimer(Timer):
    """Replaces the library's timer, which starts a thread every hundredth of a second to check all buckets."""

    def __init__(self) -> None:
        super().__init__(0, lambda: None)

    def is_alive(self) -> bool:
        """Return True, so that the library starts no timer."""
        return True


class Counter:
    """Counts in memory. A bucket is removed within a minute after its window ends."""

    def __init__(self) -> None:
        self._storage = MemoryStorage()
        self._storage.timer = _NoTimer()
        self._limiter = FixedWindowRateLimiter(self._storage)
        self._lock = Lock()
        self._cleaned_at = time.time()

    def hit(self, bucket: str, limit: int) -> Budget:
        item = _per_minute(limit)
        # The library counts a new window and sets its end in two steps; a request between them would be lost.
        with self._lock:
            self._remove_expired()
            if self._limiter.get_window_stats(item, bucket).reset_time > time.time() + _WINDOW_SECONDS + 1:
                self._limiter.clear(item, bucket)  # the clock was set back: the window would last until it catches up
            allowed = self._limiter.hit(item, bucket)
            reset_at, remaining = self._limiter.get_window_stats(item, bucket)
        return Budget(allowed, limit, remaining, ceil(reset_at))

    def _remove_expired(self) -> None:
        if time.time() - self._cleaned_at < _CLEANUP_SECONDS:
            return
        self._cleaned_at = time.time()
        for bucket in list(self._storage.expirations):
            self._storage.get(bucket)  # the library removes an expired bucket when it is read
