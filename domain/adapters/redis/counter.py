"""Rate limits that all processes share. The `limits` library counts them in Redis; `counting` defines the window."""

import time
from functools import lru_cache
from math import ceil

from limits import RateLimitItemPerMinute
from limits.storage import RedisStorage
from redis import Redis

from domain import ports
from domain.adapters.redis.server import Server
from domain.errors import Unavailable
from domain.ports.counter import Budget

_WINDOW = 60  # seconds
_per_minute = lru_cache(maxsize=256)(RateLimitItemPerMinute)


class Counter:
    """Count the budgets of an installation.

    While Redis is unavailable, `fallback` counts. It starts with full budgets.
    """

    def __init__(self, server: Server, instance: str, fallback: ports.Counter) -> None:
        self._server = server
        self._storage = RedisStorage("redis://", connection_pool=server.pool, key_prefix=f"panel:{instance}:limits")
        self._fallback = fallback

    def hit(self, bucket: str, limit: int) -> Budget:
        try:
            with self._server.connection() as client:
                return self._count(client, bucket, limit)
        except Unavailable:
            return self._fallback.hit(bucket, limit)

    def _count(self, client: Redis, bucket: str, limit: int) -> Budget:
        """Count one request.

        INCR is the only write, so that no two processes get the same number. The library's limiter would send another
        command for the remainder, and would round the reset to seconds from now, which makes it vary by a second.
        """
        item = _per_minute(limit)
        key = item.key_for(bucket)
        count = self._storage.incr(key, item.get_expiry())
        now, end = time.time(), client.pexpiretime(self._storage.prefixed_key(key)) / 1000
        expired = end < 0  # between the two commands
        if end > now + 2 * _WINDOW:  # the clock of Redis was set back: the window would last too long
            client.pexpire(self._storage.prefixed_key(key), _WINDOW * 1000)
        # A window ends within its length from now, also if the clock of this machine is behind that of Redis.
        return Budget(count <= limit, limit, max(0, limit - count), ceil(now if expired else min(end, now + _WINDOW)))
