"""Redis 7 or later, or Valkey: limits and news that processes share, as long as it answers."""

from domain.adapters.redis.counter import Counter
from domain.adapters.redis.notifier import Notifier
from domain.adapters.redis.server import Server

__all__ = ["Counter", "Notifier", "Server"]
