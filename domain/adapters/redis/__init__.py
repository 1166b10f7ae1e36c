"""Redis 7 or later, or Valkey: limits and news that processes share, as long as it answers."""

from domain.adapters.redis.counter import Counter
from domain.adapters.redis.feed import Feed
from domain.adapters.redis.server import Server

__all__ = ["Counter", "Feed", "Server"]
