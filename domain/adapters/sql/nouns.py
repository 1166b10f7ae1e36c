"""The repositories of services, deployments and operations, and the questions that only one of them is asked."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import ColumnElement, and_, bindparam, delete, exists, func, insert, or_, select, update

from domain.adapters.sql import tables
from domain.adapters.sql.repository import Repository
from domain.errors import Conflict
from domain.model import (
    Deployment,
    DeploymentStatus,
    Health,
    LogLine,
    Operation,
    OperationStatus,
    Service,
    ServiceStatus,
    Usage,
)


class Services(Repository[Service]):
    """Services; a name is unique within a customer."""

    table = tables.services
    entity = Service
    filters = frozenset({"status", "customer_id", "template", "deploy_method"})
    sorts = frozenset({"name", "status", "created_at", "updated_at"})
    taken = {"services_name": ("A service of this name exists already", "name_taken")}  # noqa: RUF012 - as declared

    def observe(self, service_id: str, status: ServiceStatus, health: Health, usage: Usage) -> None:
        """Write live figures, but not while deploying; the revision rises only when `status` changes."""
        known = self.get(service_id)
        if known is None or known.status is ServiceStatus.DEPLOYING:
            return
        known.health, known.usage = health, usage
        if known.status is status:
            figures = update(self.table).where(self.table.c.id == service_id)
            self._change(figures.values(health=health, usage=usage))
        else:
            known.status = status
            self.save(known)

    def named(self, name: str, customer_id: str | None) -> Service | None:
        """The customer's service of this name."""
        owner = func.coalesce(self.table.c.customer_id, "") == (customer_id or "")
        return self._one(select(self.table).where(owner, self.table.c.name == name))

    def wanted_running(self) -> list[Service]:
        """Every service whose live deployment should be running and that no work is going on at."""
        this, work = self.table.c, tables.operations.c
        busy = exists().where(work.service_id == this.id, work.status == OperationStatus.RUNNING)
        wanted = (this.wanted == ServiceStatus.RUNNING, this.live_deployment_id.is_not(None), ~busy)
        return self._all(select(self.table).where(*wanted).order_by(this.id))


# Kept, as every look at a service asks them.
_NEWEST = (
    select(tables.deployments)
    .where(tables.deployments.c.service_id == bindparam("service_id"))
    .order_by(tables.deployments.c.created_at.desc(), tables.deployments.c.id.desc())
    .limit(1)
)
_OF_SERVICE = (
    select(tables.operations)
    .where(tables.operations.c.service_id == bindparam("service_id"))
    .where(tables.operations.c.status.in_(bindparam("statuses", expanding=True)))
    .order_by(tables.operations.c.id)
)


class Deployments(Repository[Deployment]):
    """Deployments and their logs; they go with their service."""

    table = tables.deployments
    entity = Deployment
    filters = frozenset({"service_id", "customer_id", "status", "trigger", "actor_id"})
    sorts = frozenset({"created_at", "status"})

    def previous_success(self, service_id: str, before: str | None = None) -> Deployment | None:
        """The newest success older than `before`; one that was superseded did not run itself."""
        wanted = [
            self.table.c.service_id == service_id,
            self.table.c.status == DeploymentStatus.SUCCEEDED,
            self.table.c.superseded_by.is_(None),
        ]
        if before is not None:
            wanted.append(self.table.c.id < before)
        return self._one(select(self.table).where(*wanted).order_by(self.table.c.id.desc()).limit(1))

    def newest(self, service_id: str) -> Deployment | None:
        """The one that was asked for last."""
        return self._one(_NEWEST, service_id=service_id)

    def add_lines(self, lines: Sequence[LogLine]) -> None:
        """Raise Conflict when a number is taken, or the deployment is gone."""
        if lines:
            self._claim(insert(tables.deployment_lines), [asdict(line) for line in lines])

    def lines(self, deployment_id: str, after: int, limit: int) -> list[LogLine]:
        """Lines with numbers above `after`, in order."""
        table = tables.deployment_lines
        wanted = select(table).where(table.c.deployment_id == deployment_id, table.c.number > after)
        return [LogLine(*row) for row in self._connection.execute(wanted.order_by(table.c.number).limit(limit))]

    def remove_of(self, service_id: str) -> None:
        """Remove a service's deployments, with their logs."""
        self._change(delete(self.table).where(self.table.c.service_id == service_id))

    def of_operation(self, operation_id: str) -> list[Deployment]:
        """The deployments that an operation carries out, oldest first."""
        wanted = select(self.table).where(self.table.c.operation_id == operation_id)
        return self._all(wanted.order_by(self.table.c.id))


_QUEUED, _RUNNING = OperationStatus.QUEUED, OperationStatus.RUNNING


class Operations(Repository[Operation]):
    """Operations: the queue of work. They outlive their service, for they tell how its removal went."""

    table = tables.operations
    entity = Operation
    filters = frozenset({"kind", "status", "service_id", "customer_id", "actor_id"})
    sorts = frozenset({"created_at", "status", "kind"})

    def claim(self, owner: str, now: datetime, until: datetime) -> Operation | None:
        """Take the oldest one that may run now; None when there is none, or others are faster."""
        first = select(self.table).where(self._claimable(now)).order_by(self.table.c.id).limit(1)
        operation = self._one(first.with_for_update(key_share=True, skip_locked=True))
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
        return self._made(self._change(renewed).first())

    def waiting(self, service_id: str) -> list[Operation]:
        """Queued operations of a service, oldest first."""
        return self._of(service_id, _QUEUED)

    def unfinished(self, service_id: str) -> list[Operation]:
        """Queued and running operations of a service, oldest first."""
        return self._of(service_id, _QUEUED, _RUNNING)

    def _of(self, service_id: str, *statuses: OperationStatus) -> list[Operation]:
        return self._all(_OF_SERVICE, service_id=service_id, statuses=statuses)
