"""Rate limits in this process's memory, by the `limits` library.

Fixed windows that begin with a caller's first request: at the reset the whole budget is back, so the header is exact
and whoever waits for it is let in. A moving window would give back one request at a time, and cost a list a caller.
"""

from functools import lru_cache
from math import ceil
from threading import Lock

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from domain.ports import Budget

_a_minute = lru_cache(maxsize=256)(RateLimitItemPerMinute)


class Counter:
    """Buckets are forgotten when their minute is over."""

    def __init__(self) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._lock = Lock()

    def hit(self, bucket: str, limit: int) -> Budget:
        item = _a_minute(limit)
        # The library counts and dates a new window in two steps; a hit from between them would be lost.
        with self._lock:
            allowed = self._limiter.hit(item, bucket)
            reset_at, remaining = self._limiter.get_window_stats(item, bucket)
        return Budget(allowed, limit, remaining, ceil(reset_at))
