"""The repository of schedules."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from domain.model.schedule import Schedule


class Schedules(Protocol):
    """Recurring jobs: when each is due, and which worker runs it."""

    def put(self, added: Sequence[Schedule]) -> None:
        """Add those whose name is new; of the others change nothing but `every`."""

    def get(self, name: str) -> Schedule | None: ...
    def due(self, names: Collection[str], now: datetime) -> bool:
        """Return whether one of these is due and no worker runs it."""

    def claim(self, names: Collection[str], owner: str, now: datetime, until: datetime) -> Schedule | None:
        """Take the one of these that is due for longest and that no worker runs, with a lease until then."""

    def lock(self, name: str) -> None:
        """Lock the row until the block ends."""

    def bring_forward(self, name: str, at: datetime) -> None:
        """Make a job due at this time, unless it is due earlier."""

    def finish(self, name: str, owner: str, ran_at: datetime, next_at: datetime, error: str | None) -> None:
        """Write a run and give up the lease. Nothing is written if the lease is no longer the owner's."""

    def owners(self) -> set[str]:
        """Return the workers that have a lease on a schedule."""

    def release(self, owner: str) -> None:
        """Give up the leases of a worker, whose runs are done again."""
