"""Rate limits that all processes share, counted in Redis by the `limits` library; what a window is, `counting` says."""

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

_a_minute = lru_cache(maxsize=256)(RateLimitItemPerMinute)


class Counter:
    """Budgets of an installation. While Redis is away, `otherwise` counts, and gives everybody a new budget."""

    def __init__(self, server: Server, instance: str, otherwise: ports.Counter) -> None:
        self._server = server
        self._storage = RedisStorage("redis://", connection_pool=server.pool, key_prefix=f"panel:{instance}:limits")
        self._otherwise = otherwise

    def hit(self, bucket: str, limit: int) -> Budget:
        try:
            with self._server.asked() as client:
                return self._counted(client, bucket, limit)
        except Unavailable:
            return self._otherwise.hit(bucket, limit)

    def _counted(self, client: Redis, bucket: str, limit: int) -> Budget:
        """One step counts, so that no two processes get the same number; the library's limiter would ask once more
        for what remains, and round the reset to seconds from now, which lets it waver.
        """
        item = _a_minute(limit)
        key = item.key_for(bucket)
        count = self._storage.incr(key, item.get_expiry())
        ends = client.pexpiretime(self._storage.prefixed_key(key)) / 1000
        over = ends < 0  # since it was counted
        return Budget(count <= limit, limit, max(0, limit - count), ceil(time.time() if over else ends))
