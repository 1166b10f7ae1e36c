"""The repository of operations: the queue of background work."""

from datetime import datetime
from typing import Protocol

from domain.model.operation import Operation
from domain.ports.repository import Repository


class Operations(Repository[Operation], Protocol):
    """Operations: the queue of background work."""

    def claim(self, owner: str, now: datetime, until: datetime) -> Operation | None:
        """Take the oldest operation that may run: queued behind no other of its lock key, or running without a lease.

        Sets status running, `lease_owner`, `lease_until`, `attempts` + 1, and `started_at` at the first claim. No two
        callers ever get the same operation.
        """

    def can_claim(self, now: datetime) -> bool:
        """Return whether an operation may run: `claim` then takes it, unless another worker is faster."""

    def renew(self, operation_id: str, owner: str, until: datetime) -> Operation | None:
        """Extend the lease and return the operation; None if it is no longer the owner's."""

    def newest(self, resource_id: str) -> Operation | None:
        """Return the newest operation of a resource."""

    def remove_ended(self, before: datetime, limit: int) -> int:
        """Remove at most `limit` operations that ended before this time, oldest first. Return how many."""

    def remove_history(self, resource_id: str, before: datetime) -> None:
        """Remove the operations of a resource that ended before this time."""

    def unfinished(self, lock_key: str) -> list[Operation]:
        """Return the queued and running operations of a lock key, oldest first."""
