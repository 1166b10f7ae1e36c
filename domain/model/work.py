"""Deployments and operations: what is done, and how far it is."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from domain.model.service import Definition


class DeploymentStatus(StrEnum):
    """Where a deployment is; the names from `pulling` to `cleaning` are its steps in order."""

    QUEUED = "queued"
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


class OperationStatus(StrEnum):
    """Where a piece of background work is."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ROLLED_BACK = "rolled_back"


ENDED_DEPLOYMENT = frozenset(
    {DeploymentStatus.SUCCEEDED, DeploymentStatus.FAILED, DeploymentStatus.CANCELLED, DeploymentStatus.ROLLED_BACK}
)
ENDED_OPERATION = frozenset(
    {OperationStatus.SUCCEEDED, OperationStatus.FAILED, OperationStatus.CANCELLED, OperationStatus.ROLLED_BACK}
)


class Kind(StrEnum):
    """The kinds of background work."""

    DEPLOY = "deploy"
    START = "start"
    STOP = "stop"
    RESTART = "restart"
    DELETE = "delete"


class Trigger(StrEnum):
    """Why a deployment was made."""

    CREATE = "create"
    DEPLOY = "deploy"
    UPDATE = "update"
    SCALE = "scale"
    ROLLBACK = "rollback"


@dataclass(frozen=True)
class Step:
    """One step of a deployment or operation and when it ran."""

    name: str
    started_at: datetime
    finished_at: datetime | None = None


@dataclass(frozen=True)
class Failure:
    """Why work ended badly: a code for programs, a message for people, the container's last lines."""

    code: str
    message: str
    log: tuple[str, ...] = ()


@dataclass
class Deployment:
    """One attempt to make a definition live."""

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


@dataclass
class Operation:
    """Work that goes on: the row is the job. A lease says which worker holds it, and until when."""

    id: str
    kind: Kind
    service_id: str
    created_at: datetime
    customer_id: str | None = None
    actor_id: str | None = None
    request_id: str | None = None
    deployment_id: str | None = None
    status: OperationStatus = OperationStatus.QUEUED
    options: dict[str, Any] = field(default_factory=dict)
    progress: int = 0
    steps: tuple[Step, ...] = ()
    failure: Failure | None = None
    cancel_requested: bool = False
    past_return: bool = False
    lease_owner: str | None = None
    lease_until: datetime | None = None
    attempts: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    revision: int = 1


@dataclass(frozen=True)
class LogLine:
    """One line of a deployment's log; `number` counts from 1 within the deployment."""

    deployment_id: str
    number: int
    at: datetime
    step: str
    text: str
    stream: str = "panel"
