"""Services: the applications of tenants."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.model.definition import Definition
from domain.model.demand import Demand


class DeployMethod(StrEnum):
    """The source of a service's compose text."""

    TEMPLATE = "template"
    COMPOSE = "compose"
    IMAGE = "image"
    GIT = "git"


class ServiceStatus(StrEnum):
    """The status of a service, as last observed at the engine."""

    DEPLOYING = "deploying"
    RUNNING = "running"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True)
class Usage:
    """What a service used when it was last observed: cores and MB."""

    cpu: float = 0.0
    memory_mb: float = 0.0
    storage_mb: float = 0.0


@dataclass(frozen=True)
class Limits:
    """What all containers of a service may use together, in cores and MB; None if one of them has no limit."""

    cpu: float | None = None
    memory_mb: int | None = None


@dataclass(frozen=True)
class Health:
    """The health of a service's containers when they were last checked.

    `restarts` is how often the engine has restarted the containers that are live.
    """

    status: str = "unknown"
    last_check: datetime | None = None
    consecutive_failures: int = 0
    restarts: int = 0


@dataclass(frozen=True)
class Watch:
    """The first seconds of a new version: if it fails in them, the deployment before it comes back.

    The containers of that deployment, `previous_id`, are kept until then; `containers` are the names of those that ran.
    `restarts` is how often the new version's containers had been restarted when it took over.
    """

    previous_id: str
    containers: tuple[str, ...]
    until: datetime
    restarts: int = 0


@dataclass(frozen=True)
class AnonymousVolumes:
    """Volumes of containers from before volumes of images were kept. They have no labels of the panel's.

    `adopted` maps the engine's name of a volume that the service should have to the one that takes its place. `kept`
    are those that could take no place. A service that has been deployed by such a panel only has None: they are not
    known yet.
    """

    adopted: dict[str, str] = field(default_factory=dict)
    kept: tuple[str, ...] = ()

    @property
    def names(self) -> set[str]:
        """The engine's names of all of them."""
        return {*self.adopted.values(), *self.kept}


@dataclass
class Service:
    """An application of a tenant: a compose project that deployments bring up to date.

    `subdomain` is unique in the installation and stays when the name changes. `definition` is what the next deployment
    starts, `status` is what was observed and `wanted` what it should be.
    `demand` is what the definition needs. The `counted` figures are what counts against quotas: the greatest of what
    the definition, the live deployment and the deployments that wait need. They are None in services that were last
    deployed by a panel without quotas.
    `suspended_at`: it ran when its customer was suspended, and starts when the customer is reactivated.
    """

    id: str
    name: str
    deploy_method: DeployMethod
    definition: Definition
    created_at: datetime
    updated_at: datetime
    customer_id: str | None = None
    subdomain: str | None = None
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
    suspended_at: datetime | None = None
    demand: Demand | None = None
    counted_cpu: float | None = None
    counted_memory_mb: int | None = None
    counted_storage_mb: int | None = None

    @property
    def counted(self) -> Demand | None:
        """What counts against quotas, whether the service runs or not."""
        if self.counted_cpu is None:
            return None
        return Demand(self.counted_cpu, self.counted_memory_mb or 0, self.counted_storage_mb or 0)

    @counted.setter
    def counted(self, demand: Demand) -> None:
        self.counted_cpu, self.counted_memory_mb = demand.cpu, demand.memory_mb
        self.counted_storage_mb = demand.storage_mb

    @property
    def is_stopped(self) -> bool:
        """Whether it is stopped and meant to be, so that its cores and memory are free for others."""
        return self.wanted is ServiceStatus.STOPPED and self.status is ServiceStatus.STOPPED

    watch: Watch | None = None
    anonymous_volumes: AnonymousVolumes | None = None
