"""A service and what defines it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


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
class Sample:
    """What a service took at a moment: cores, megabytes, and bytes a second since the sample before."""

    service_id: str
    at: datetime
    cpu: float
    memory_mb: float
    network_rx: float = 0.0
    network_tx: float = 0.0
    block_read: float = 0.0
    block_write: float = 0.0


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
