"""A service: an application of a tenant."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.model.definition import Definition


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
