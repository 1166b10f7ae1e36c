"""Redis 7 or later, or Valkey: rate limits and notifications that processes share while the server is available."""

from domain.adapters.redis.counter import Counter
from domain.adapters.redis.notifier import Notifier
from domain.adapters.redis.server import Server

__all__ = ["Counter", "Notifier", "Server"]
