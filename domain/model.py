"""The words of the panel: what a service, a deployment, an operation, an API key are."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from ulid import ULID


def new_id(prefix: str) -> str:
    """An identifier that sorts by the time it was made, such as `svc_01k9…`."""
    return f"{prefix}_{str(ULID()).lower()}"


class Role(StrEnum):
    """What a caller is; `domain.access` says what each may do."""

    ADMIN = "admin"
    OPERATOR = "operator"
    CUSTOMER = "customer"
    VIEWER = "viewer"


class DeployMethod(StrEnum):
    """Where a service's compose text came from."""

    TEMPLATE = "template"
    COMPOSE = "compose"
    IMAGE = "image"


class ServiceStatus(StrEnum):
    """What the engine was last seen to say of a service."""

    DEPLOYING = "deploying"
    RUNNING = "running"
    STOPPED = "stopped"
    FAILED = "failed"


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
class Variable:
    """One environment variable; the value of a secret one is sealed by the vault."""

    name: str
    value: str
    secret: bool = False


@dataclass(frozen=True)
class Size:
    """What one compose service is given; None leaves what the compose text says."""

    replicas: int | None = None
    cpu: float | None = None
    memory_mb: int | None = None


@dataclass(frozen=True)
class HealthCheck:
    """An HTTP check from outside the container: a 2xx or 3xx answer is healthy. Times in seconds."""

    path: str
    port: int | None = None
    interval: int = 10
    timeout: int = 5


@dataclass(frozen=True)
class Definition:
    """Everything that decides what a deployment starts; a deployment keeps its own copy."""

    compose: str
    variables: tuple[Variable, ...] = ()
    port: int | None = None
    sizes: dict[str, Size] = field(default_factory=dict)
    health_check: HealthCheck | None = None
    timeout: int = 120


@dataclass(frozen=True)
class Usage:
    """The live figures of a service when it was last observed."""

    cpu: float = 0.0
    memory_mb: float = 0.0
    storage_mb: float = 0.0


@dataclass(frozen=True)
class Limits:
    """What all containers of a service together may take; None where one of them has no limit."""

    cpu: float | None = None
    memory_mb: int | None = None


@dataclass(frozen=True)
class Health:
    """What the last look at a service's containers found."""

    status: str = "unknown"
    last_check: datetime | None = None
    consecutive_failures: int = 0


@dataclass
class Service:
    """An application of a tenant: a compose project that deployments move forward."""

    id: str
    name: str
    deploy_method: DeployMethod
    definition: Definition
    created_at: datetime
    updated_at: datetime
    customer_id: str | None = None
    template: str | None = None
    image: str | None = None
    labels: dict[str, str] = field(default_factory=dict)
    status: ServiceStatus = ServiceStatus.DEPLOYING
    wanted: ServiceStatus = ServiceStatus.RUNNING
    live_deployment_id: str | None = None
    deployed_at: datetime | None = None
    url: str | None = None
    limits: Limits = Limits()
    usage: Usage = Usage()
    health: Health = Health()
    revision: int = 1
    environment_revision: int = 1


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


@dataclass
class ApiKey:
    """A credential. Only digests are kept; the previous one stays valid until `previous_until`."""

    id: str
    name: str
    prefix: str
    digest: str = field(repr=False)
    role: Role
    created_at: datetime
    created_by: str | None = None
    customer_id: str | None = None
    denied_permissions: tuple[str, ...] = ()
    allowed_ips: tuple[str, ...] = ()
    rate_limit_rpm: int | None = None
    expires_at: datetime | None = None
    previous_digest: str | None = field(default=None, repr=False)
    previous_until: datetime | None = None
    last_used_at: datetime | None = None
    last_used_ip: str | None = None
    request_count: int = 0
    revision: int = 1
