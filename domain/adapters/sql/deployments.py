"""The repository of deployments and their logs."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import bindparam, delete, insert, select

from domain.adapters.sql import tables
from domain.adapters.sql.repository import Repository
from domain.model.deployment import Deployment, DeploymentStatus, LogLine

# Kept, as every look at a service asks them.
_NEWEST = (
    select(tables.deployments)
    .where(tables.deployments.c.service_id == bindparam("service_id"))
    .order_by(tables.deployments.c.created_at.desc(), tables.deployments.c.id.desc())
    .limit(1)
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
