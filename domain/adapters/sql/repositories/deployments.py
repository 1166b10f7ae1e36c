"""The repository of deployments and their logs."""

from collections.abc import Collection, Sequence
from dataclasses import asdict

from sqlalchemy import ForeignKeyConstraint, bindparam, delete, func, insert, select

from domain.adapters.sql.repository import Repository
from domain.adapters.sql.tables import entity_table, list_indexes
from domain.events.event_types import EventContent, deploy_progress
from domain.model.deployment import Deployment, DeploymentStatus, LogLine
from domain.ports.repositories import deployments as ports

deployments = entity_table(
    "deployments",
    Deployment,
    ForeignKeyConstraint(["service_id"], ["services.id"], ondelete="CASCADE"),
)
list_indexes(deployments, "created_at id", "status id", "trigger created_at id", "operation_id id")
list_indexes(deployments, "service_id created_at id", "customer_id created_at id", "actor_id created_at id")
deployment_lines = entity_table(
    "deployment_lines",
    LogLine,
    ForeignKeyConstraint(["deployment_id"], ["deployments.id"], ondelete="CASCADE"),
    primary=("deployment_id", "number"),
)

# Built once: building a statement takes longer than running it.
_NEWEST = (
    select(deployments)
    .where(deployments.c.service_id == bindparam("service_id"))
    .order_by(deployments.c.created_at.desc(), deployments.c.id.desc())
    .limit(1)
)
_LAST_LINE_NUMBER = select(func.max(deployment_lines.c.number)).where(
    deployment_lines.c.deployment_id == bindparam("deployment_id")
)
_ADD_LINES = insert(deployment_lines)
_OF_OPERATION = (
    select(deployments).where(deployments.c.operation_id == bindparam("operation_id")).order_by(deployments.c.id)
)


class Deployments(Repository[Deployment], ports.Deployments):
    """Deployments and their logs; they are removed with their service."""

    table = deployments
    entity = Deployment
    internal = True
    filters = frozenset({"service_id", "customer_id", "status", "trigger", "actor_id"})
    sorts = frozenset({"created_at", "status"})

    def event(self, deployment: Deployment) -> EventContent:
        """Return the event that a change of the deployment publishes."""
        return deploy_progress(deployment)

    def previous_success(self, service_id: str, before: str | None = None) -> Deployment | None:
        """Return the newest success older than `before`, without those that were superseded and did not run."""
        conditions = [
            self.table.c.service_id == service_id,
            self.table.c.status == DeploymentStatus.SUCCEEDED,
            self.table.c.superseded_by.is_(None),
        ]
        if before is not None:
            conditions.append(self.table.c.id < before)
        return self._fetch_one(select(self.table).where(*conditions).order_by(self.table.c.id.desc()).limit(1))

    def newest(self, service_id: str) -> Deployment | None:
        """Return the newest deployment of a service."""
        return self._fetch_one(_NEWEST, service_id=service_id)

    def add_lines(self, lines: Sequence[LogLine]) -> None:
        """Add lines to logs. Raise Conflict if a number is taken or the deployment is gone."""
        if lines:
            self._write_or_conflict(_ADD_LINES, [asdict(line) for line in lines])

    def last_line_number(self, deployment_id: str) -> int:
        """Return the number of the newest line of a deployment's log; 0 if it has none."""
        return self._connection.scalar(_LAST_LINE_NUMBER, {"deployment_id": deployment_id}) or 0

    def lines(self, deployment_id: str, after: int, limit: int) -> list[LogLine]:
        """Return at most `limit` lines with numbers above `after`, in order."""
        table = deployment_lines
        lines = select(table).where(table.c.deployment_id == deployment_id, table.c.number > after)
        return [LogLine(*row) for row in self._connection.execute(lines.order_by(table.c.number).limit(limit))]

    def remove_of(self, service_id: str) -> None:
        """Remove a service's deployments, with their logs."""
        self._write(delete(self.table).where(self.table.c.service_id == service_id))

    def services_with_more_than(self, count: int, limit: int) -> list[str]:
        """Return at most `limit` services that have more ended deployments than this, those with most first."""
        number = func.count()
        counted = select(self.table.c.service_id).where(self.table.c.finished_at.is_not(None))
        crowded = counted.group_by(self.table.c.service_id).having(number > count).order_by(number.desc()).limit(limit)
        return list(self._connection.scalars(crowded))

    def remove_oldest(self, service_id: str, count: int, needed: Collection[str], limit: int) -> int:
        """Remove ended deployments older than the newest `count`, except the needed ones, with their logs."""
        this = self.table.c
        ended = select(this.id).where(this.service_id == service_id, this.finished_at.is_not(None))
        older = ended.order_by(this.created_at.desc(), this.id.desc()).offset(count).subquery()
        oldest = select(older.c.id).where(older.c.id.not_in(needed)).order_by(older.c.id).limit(limit)
        return int(self._write(delete(self.table).where(this.id.in_(oldest))).rowcount)

    def succeeded_images(self, service_id: str) -> set[str]:
        """Return the digests of all images of a service's deployments that have succeeded."""
        this = self.table.c
        succeeded = select(this.images).where(
            this.service_id == service_id, this.status == DeploymentStatus.SUCCEEDED, this.superseded_by.is_(None)
        )
        return {digest for images in self._connection.scalars(succeeded) for digest in images.values()}

    def of_operation(self, operation_id: str) -> list[Deployment]:
        """Return the deployments that share an operation, oldest first."""
        return self._fetch_all(_OF_OPERATION, operation_id=operation_id)
