"""The repository of events."""

from datetime import datetime
from typing import Protocol

from domain.model.event import Event


class Events(Protocol):
    """Events. A change of a service, deployment or operation adds its event in the same block."""

    def after(self, sequence: int, limit: int) -> list[Event]:
        """Return at most `limit` events with higher numbers, in the order of commits."""

    def bounds(self) -> tuple[int, int]:
        """Return the numbers of the oldest and the newest event; (1, 0) if there are none."""

    def compress(self, keep: int) -> int:
        """Compress some of the oldest events, which are read like all others, except the newest `keep`.

        Return how many; 0 if there is nothing left to compress.
        """

    def remove_before(self, before: datetime) -> int:
        """Delete older events, except the newest of all. Return how many.

        Compressed events stay until all that are compressed with them are older.
        """
