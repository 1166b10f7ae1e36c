"""The repository of operations: the queue of background work."""

from datetime import datetime

from sqlalchemy import ColumnElement, Index, and_, bindparam, delete, exists, or_, select, text, update

from domain.adapters.sql.repository import Repository
from domain.adapters.sql.tables import entity_table, list_indexes
from domain.errors import Conflict
from domain.events.event_types import EventContent, operation_progress
from domain.model.operation import Operation, OperationStatus
from domain.ports.repositories import operations as ports

operations = entity_table("operations", Operation)
_running = text("status = 'running'")
Index("operations_running", operations.c.lock_key, unique=True, sqlite_where=_running, postgresql_where=_running)
list_indexes(operations, "created_at id", "status id", "kind id", "lock_key status id")
list_indexes(operations, "resource_id created_at id", "customer_id created_at id", "actor_id created_at id")

_QUEUED, _RUNNING = OperationStatus.QUEUED, OperationStatus.RUNNING
_UNFINISHED = (
    select(operations)
    .where(operations.c.lock_key == bindparam("lock_key"), operations.c.status.in_([_QUEUED, _RUNNING]))
    .order_by(operations.c.id)
)
_NEWEST = (
    select(operations)
    .where(operations.c.resource_id == bindparam("resource_id"))
    .order_by(operations.c.created_at.desc(), operations.c.id.desc())
    .limit(1)
)


def _claimable() -> ColumnElement[bool]:
    """A running operation whose lease is over may go on, though its lock key is busy; a queued one waits."""
    this, other, now = operations.c, operations.alias("other").c, bindparam("now", type_=operations.c.lease_until.type)
    earlier = or_(other.status == _RUNNING, and_(other.status == _QUEUED, other.id < this.id))
    busy = exists().where(other.lock_key == this.lock_key, earlier)
    unfinished = other.status.in_([_QUEUED, _RUNNING])
    behind = exists().where(other.customer_id == this.behind_customer, unfinished, other.id != this.id)
    return or_(
        and_(this.status == _RUNNING, this.lease_until <= now),
        and_(this.status == _QUEUED, ~busy, ~behind),
    )


# Built once: building the statement takes longer than running it.
_FIRST_CLAIMABLE = select(operations).where(_claimable()).order_by(operations.c.id).limit(1)
_CLAIM = _FIRST_CLAIMABLE.with_for_update(key_share=True, skip_locked=True)


class Operations(Repository[Operation], ports.Operations):
    """Operations. They outlive their resource, since they say how its removal went."""

    table = operations
    entity = Operation
    internal = True
    filters = frozenset({"kind", "status", "resource_id", "customer_id", "actor_id"})
    sorts = frozenset({"created_at", "status", "kind"})

    def event(self, operation: Operation) -> EventContent:
        """Return the event that a change of the operation publishes."""
        return operation_progress(operation)

    def claim(self, owner: str, now: datetime, until: datetime) -> Operation | None:
        """Take the oldest operation that may run now; None if there is none, or other workers are faster."""
        operation = self._fetch_one(_CLAIM, now=now)
        if operation is None:
            return None
        operation.status, operation.lease_owner, operation.lease_until = _RUNNING, owner, until
        operation.attempts, operation.started_at = operation.attempts + 1, operation.started_at or now
        try:
            self.save(operation)
        except Conflict:  # the unique index decides: another operation of this lock key runs already
            return None
        return operation

    def can_claim(self, now: datetime) -> bool:
        """Return whether an operation may run now."""
        return self._fetch_one(_FIRST_CLAIMABLE, now=now) is not None

    def renew(self, operation_id: str, owner: str, until: datetime) -> Operation | None:
        """Extend the lease; None if it is no longer the owner's. The revision stays, since clients see no leases."""
        this = self.table.c
        leased = (this.id == operation_id, this.lease_owner == owner, this.status == _RUNNING)
        renewed = update(self.table).where(*leased).values(lease_until=until).returning(*this)
        return self._entity_of(self._write(renewed).first())

    def newest(self, resource_id: str) -> Operation | None:
        """Return the newest operation of a resource."""
        return self._fetch_one(_NEWEST, resource_id=resource_id)

    def remove_ended(self, before: datetime, limit: int) -> int:
        """Remove at most `limit` operations that ended before this time. Return how many."""
        this = self.table.c
        ended = select(this.id).where(this.created_at < before, this.finished_at < before)
        oldest = ended.order_by(this.created_at, this.id).limit(limit)
        return int(self._write(delete(self.table).where(this.id.in_(oldest))).rowcount)

    def remove_history(self, resource_id: str, before: datetime) -> None:
        """Remove the operations of a resource that ended before this time."""
        this = self.table.c
        self._write(delete(self.table).where(this.resource_id == resource_id, this.finished_at < before))

    def unfinished(self, lock_key: str) -> list[Operation]:
        """Return the queued and running operations of a lock key, oldest first."""
        return self._fetch_all(_UNFINISHED, lock_key=lock_key)
