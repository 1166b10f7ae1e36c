"""The leases that a worker holds: renewed while operations run, given up when they end."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from threading import Lock

from domain.errors import Unavailable
from domain.model.operation import Operation, OperationStatus
from domain.ports import Ports
from domain.ports.repository import Query
from domain.work.lease import Lease
from handlers.program import worker_id

LENGTH = timedelta(seconds=10)


class Leases:
    """The leases of one worker, by the id of their operation."""

    def __init__(self, ports: Ports, owner: str) -> None:
        self._ports = ports
        self._owner = owner
        self._lock = Lock()
        self._held: dict[str, Lease] = {}

    def __len__(self) -> int:
        return len(self._held)

    def claim(self) -> tuple[Operation, Lease] | None:
        """Take the next operation that may run, with a lease on it; None if there is none."""
        now = self._ports.clock.now()
        with self._ports.store.read() as work:  # a transaction that writes would wait for all others
            if not work.operations.can_claim(now):
                return None
        with self._ports.store.begin() as work:
            operation = work.operations.claim(self._owner, now, now + LENGTH)
        if operation is None:
            return None
        lease = Lease(self._owner, self._ports.clock, operation.lease_until)
        with self._lock:
            self._held[operation.id] = lease
        return operation, lease

    def drop(self, operation_id: str) -> None:
        """Forget a lease, since its operation has ended or cannot be ended."""
        with self._lock:
            self._held.pop(operation_id, None)

    def lose_all(self) -> None:
        """Make every operation stop at its next step and write nothing more."""
        with self._lock:
            for lease in self._held.values():
                lease.lost.set()

    def give_back(self, operation_id: str) -> None:
        """Let the next worker have an operation that was stopped; stopping in order does not count as an attempt."""
        with suppress(Unavailable), self._ports.store.begin() as work:
            operation = work.operations.get(operation_id)
            if operation and operation.lease_owner == self._owner:
                operation.lease_until, operation.attempts = self._ports.clock.now(), operation.attempts - 1
                work.operations.save(operation)

    def keep(self) -> None:
        """Renew leases that are due, and tell operations that they are cancelled. Writes only to renew."""
        with self._lock:
            held = dict(self._held)
        if not held:
            return
        self._renew({operation_id: lease for operation_id, lease in held.items() if self._is_due(lease)})
        with self._ports.store.read() as work:
            for operation_id, lease in held.items():
                operation = work.operations.get(operation_id)
                if operation and operation.cancel_requested:
                    lease.cancelled.set()

    def _is_due(self, lease: Lease) -> bool:
        return lease.until is not None and lease.until - self._ports.clock.now() < LENGTH * 2 / 3

    def _renew(self, due: Mapping[str, Lease]) -> None:
        if not due:
            return
        until = self._ports.clock.now() + LENGTH
        with self._ports.store.begin() as work:
            renewed = {name for name in due if work.operations.renew(name, self._owner, until)}
        for operation_id, lease in due.items():
            if operation_id in renewed:
                lease.until = until
            else:
                lease.lost.set()


def end_leases_of_dead_workers(ports: Ports) -> None:
    """Make what workers of this machine held, whose processes have ended, free to be taken at once."""
    now = ports.clock.now()
    with ports.store.begin() as work:
        for operation in work.operations.page(Query({"status": OperationStatus.RUNNING}, per_page=100)).items:
            if operation.lease_owner and worker_id.is_dead(operation.lease_owner):
                work.operations.renew(operation.id, operation.lease_owner, now)
        for owner in work.schedules.owners():
            if worker_id.is_dead(owner):
                work.schedules.release(owner)
