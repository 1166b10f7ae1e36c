"""Deployments and their logs."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.model.definition import Definition
from domain.model.demand import Demand
from domain.model.steps import Failure, Step


class DeploymentStatus(StrEnum):
    """Where a deployment is; the names from `fetching` to `cleaning` are its steps in order."""

    QUEUED = "queued"
    FETCHING = "fetching"
    BUILDING = "building"
    PULLING = "pulling"
    CREATING = "creating"
    STARTING = "starting"
    CHECKING = "checking"
    ROUTING = "routing"
    CLEANING = "cleaning"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ROLLED_BACK = "rolled_back"


ENDED_DEPLOYMENT = frozenset(
    {DeploymentStatus.SUCCEEDED, DeploymentStatus.FAILED, DeploymentStatus.CANCELLED, DeploymentStatus.ROLLED_BACK}
)


class Trigger(StrEnum):
    """Why a deployment was made."""

    CREATE = "create"
    DEPLOY = "deploy"
    UPDATE = "update"
    SCALE = "scale"
    ROLLBACK = "rollback"
    HOOK = "hook"


@dataclass
class Deployment:
    """One attempt to make a definition live. `commit` is the one that was fetched from the definition's repository."""

    id: str
    service_id: str
    operation_id: str
    trigger: Trigger
    definition: Definition
    created_at: datetime
    customer_id: str | None = None
    actor_id: str | None = None
    status: DeploymentStatus = DeploymentStatus.QUEUED
    images: dict[str, str] = field(default_factory=dict)
    rollback_of: str | None = None
    superseded_by: str | None = None
    steps: tuple[Step, ...] = ()
    failure: Failure | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    revision: int = 1
    demand: Demand | None = None
    commit: str | None = None


@dataclass(frozen=True)
class LogLine:
    """One line of a deployment's log; `number` counts from 1 within the deployment."""

    deployment_id: str
    number: int
    at: datetime
    step: str
    text: str
    stream: str = "panel"
