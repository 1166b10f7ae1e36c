"""Rate limits in this process's memory, by the `limits` library.

Fixed windows that begin with a caller's first request: at the reset the whole budget is back, so the header is exact
and whoever waits for it is let in. A moving window would give back one request at a time, and cost a list a caller.
"""

import time
from functools import lru_cache
from math import ceil
from threading import Lock, Timer

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from domain.ports.counter import Budget

_a_minute = lru_cache(maxsize=256)(RateLimitItemPerMinute)


_FORGET_EVERY = 60


class _Unneeded(Timer):
    """In the place of the library's timers: it starts a thread every hundredth of a second to look at all buckets."""

    def __init__(self) -> None:
        super().__init__(0, lambda: None)

    def is_alive(self) -> bool:
        """So that none is started."""
        return True


class Counter:
    """Buckets are forgotten within a minute after theirs is over."""

    def __init__(self) -> None:
        self._storage = MemoryStorage()
        self._storage.timer = _Unneeded()
        self._limiter = FixedWindowRateLimiter(self._storage)
        self._lock = Lock()
        self._forgotten_at = time.time()

    def hit(self, bucket: str, limit: int) -> Budget:
        item = _a_minute(limit)
        # The library counts and dates a new window in two steps; a hit from between them would be lost.
        with self._lock:
            self._forget()
            allowed = self._limiter.hit(item, bucket)
            reset_at, remaining = self._limiter.get_window_stats(item, bucket)
        return Budget(allowed, limit, remaining, ceil(reset_at))

    def _forget(self) -> None:
        if time.time() - self._forgotten_at < _FORGET_EVERY:
            return
        self._forgotten_at = time.time()
        for bucket in list(self._storage.expirations):
            self._storage.get(bucket)  # the library drops what is over when it is looked at
