"""The repository of operations: the queue of work."""

from datetime import datetime

from sqlalchemy import ColumnElement, Index, and_, bindparam, exists, or_, select, text, update

from domain.adapters.sql.repository import Repository
from domain.adapters.sql.tables import entity_table, list_indexes
from domain.errors import Conflict
from domain.events.event_types import EventContent, operation_progress
from domain.model.operation import Operation, OperationStatus
from domain.ports import store as ports

operations = entity_table("operations", Operation)
_running = text("status = 'running'")
Index("operations_running", operations.c.service_id, unique=True, sqlite_where=_running, postgresql_where=_running)
list_indexes(operations, "created_at id", "status id", "kind id", "service_id status id")
list_indexes(operations, "customer_id created_at id", "actor_id created_at id")

_OF_SERVICE = (
    select(operations)
    .where(operations.c.service_id == bindparam("service_id"))
    .where(operations.c.status.in_(bindparam("statuses", expanding=True)))
    .order_by(operations.c.id)
)


_QUEUED, _RUNNING = OperationStatus.QUEUED, OperationStatus.RUNNING


class Operations(Repository[Operation], ports.Operations):
    """Operations: the queue of work. They outlive their service, for they tell how its removal went."""

    table = operations
    entity = Operation
    filters = frozenset({"kind", "status", "service_id", "customer_id", "actor_id"})
    sorts = frozenset({"created_at", "status", "kind"})

    def event(self, operation: Operation) -> EventContent:
        """Return the event that a change of the operation publishes."""
        return operation_progress(operation)

    def claim(self, owner: str, now: datetime, until: datetime) -> Operation | None:
        """Take the oldest one that may run now; None when there is none, or others are faster."""
        first = select(self.table).where(self._claimable(now)).order_by(self.table.c.id).limit(1)
        operation = self._fetch_one(first.with_for_update(key_share=True, skip_locked=True))
        if operation is None:
            return None
        operation.status, operation.lease_owner, operation.lease_until = _RUNNING, owner, until
        operation.attempts, operation.started_at = operation.attempts + 1, operation.started_at or now
        try:
            self.save(operation)
        except Conflict:  # the index that allows one running operation a service had the last word
            return None
        return operation

    def _claimable(self, now: datetime) -> ColumnElement[bool]:
        """Abandoned work before queued work: it alone may go on while its service counts as busy."""
        this, other = self.table.c, self.table.alias("other").c
        earlier = or_(other.status == _RUNNING, and_(other.status == _QUEUED, other.id < this.id))
        busy = exists().where(other.service_id == this.service_id, earlier)
        return or_(
            and_(this.status == _RUNNING, this.lease_until <= now),
            and_(this.status == _QUEUED, ~busy),
        )

    def renew(self, operation_id: str, owner: str, until: datetime) -> Operation | None:
        """Extend the lease; None when it is no longer the owner's. The revision stays: no caller sees leases."""
        this = self.table.c
        mine = (this.id == operation_id, this.lease_owner == owner, this.status == _RUNNING)
        renewed = update(self.table).where(*mine).values(lease_until=until).returning(*this)
        return self._entity_of(self._write(renewed).first())

    def waiting(self, service_id: str) -> list[Operation]:
        """Queued operations of a service, oldest first."""
        return self._of(service_id, _QUEUED)

    def unfinished(self, service_id: str) -> list[Operation]:
        """Queued and running operations of a service, oldest first."""
        return self._of(service_id, _QUEUED, _RUNNING)

    def _of(self, service_id: str, *statuses: OperationStatus) -> list[Operation]:
        return self._fetch_all(_OF_SERVICE, service_id=service_id, statuses=statuses)
