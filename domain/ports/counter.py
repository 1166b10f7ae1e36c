"""Counting requests against rate limits."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Budget:
    """A caller's remaining requests in the current minute. `reset_at` is in seconds since the epoch."""

    allowed: bool
    limit: int
    remaining: int
    reset_at: int


class Counter(Protocol):
    """Counts the requests of a bucket against a limit per minute."""

    def hit(self, bucket: str, limit: int) -> Budget: ...
