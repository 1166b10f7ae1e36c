"""A deployment with what it changed."""

from dataclasses import dataclass
from datetime import datetime

from domain.deployments.differences import Difference, compare
from domain.model.definition import Definition
from domain.model.deployment import Deployment
from domain.ports.store import Work


@dataclass(frozen=True)
class DeploymentDetail:
    """A deployment and what it changed."""

    deployment: Deployment
    changes: Difference

    @property
    def revision(self) -> int:
        """Return the revision of the deployment."""
        return self.deployment.revision

    @property
    def queued_operation_id(self) -> str:
        """Return the operation that carries the deployment out."""
        return self.deployment.operation_id

    @property
    def finished_at(self) -> datetime | None:
        """Return when the deployment finished, None if it has not."""
        return self.deployment.finished_at


@dataclass(frozen=True)
class DeploymentRow:
    """A deployment as a transaction reads it; `previous` is the definition of the successful deployment before it."""

    deployment: Deployment
    previous: Definition | None

    def detail(self) -> DeploymentDetail:
        """Compare the definitions. Call this outside of transactions: large texts take 0.1 s."""
        return DeploymentDetail(self.deployment, compare(self.previous, self.deployment.definition))


def read_row(work: Work, deployment: Deployment) -> DeploymentRow:
    """Return the deployment with what it is compared to."""
    earlier = work.deployments.previous_success(deployment.service_id, before=deployment.id)
    return DeploymentRow(deployment, earlier.definition if earlier else None)
