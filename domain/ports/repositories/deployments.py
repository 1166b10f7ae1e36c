"""The repository of deployments and their logs."""

from collections.abc import Collection, Sequence
from typing import Protocol

from domain.model.deployment import Deployment, LogLine
from domain.ports.repository import Repository


class Deployments(Repository[Deployment], Protocol):
    """Deployments, and what only they are asked."""

    def previous_success(self, service_id: str, before: str | None = None) -> Deployment | None:
        """The newest succeeded deployment older than `before` (an id), of those that ran themselves."""

    def newest(self, service_id: str) -> Deployment | None:
        """The one that was asked for last."""

    def add_lines(self, lines: Sequence[LogLine]) -> None: ...
    def last_line_number(self, deployment_id: str) -> int:
        """Return the number of the newest line of a deployment's log; 0 if it has none."""

    def lines(self, deployment_id: str, after: int, limit: int) -> list[LogLine]: ...
    def remove_of(self, service_id: str) -> None: ...
    def services_with_more_than(self, count: int, limit: int) -> list[str]:
        """Return at most `limit` services that have more ended deployments than this, those with most first."""

    def remove_oldest(self, service_id: str, count: int, needed: Collection[str], limit: int) -> int:
        """Remove at most `limit` ended deployments older than the newest `count`, except the needed ones.

        Return how many. Their removal publishes no events.
        """

    def succeeded_images(self, service_id: str) -> set[str]:
        """Return the digests of all images of a service's deployments that have succeeded."""

    def of_operation(self, operation_id: str) -> list[Deployment]:
        """Return the deployments that share an operation, oldest first."""
