"""A worker's lease on an operation."""

from datetime import datetime
from threading import Event

from domain.ports.clock import Clock


class LeaseLost(BaseException):
    """Another worker may have the operation: stop at once and write nothing.

    A BaseException, as `asyncio.CancelledError` is: tasks that handle every failure must not handle this one.
    """


class Lease:
    """A worker's lease on one operation. The worker's heartbeat renews `until` and sets `cancelled` or `lost`."""

    def __init__(self, owner: str, clock: Clock | None = None, until: datetime | None = None) -> None:
        self.owner = owner
        self.until = until
        self.cancelled = Event()
        self.lost = Event()
        self._clock = clock

    def check(self) -> None:
        """Raise LeaseLost if the lease is lost or has run out."""
        if self._clock and self.until and self._clock.now() >= self.until:
            self.lost.set()
        if self.lost.is_set():
            raise LeaseLost
