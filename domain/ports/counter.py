"""Counting requests against rate limits."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Budget:
    """What is left of a caller's requests for this minute; `reset_at` is in epoch seconds."""

    allowed: bool
    limit: int
    remaining: int
    reset_at: int


class Counter(Protocol):
    """Counts requests against a budget a minute."""

    def hit(self, bucket: str, limit: int) -> Budget: ...
