"""Plans: quotas and feature gates."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class PlanKind(StrEnum):
    """Who can subscribe to a plan: customers, or (`resource`) organizations."""

    CUSTOMER = "customer"
    RESOURCE = "resource"


@dataclass(frozen=True)
class Quotas:
    """Upper limits on what a tenant has at the same time, and on its traffic. None means unlimited, 0 means none.

    `cpu` is in cores, sizes are in MiB.
    """

    services: int | None = None
    cpu: float | None = None
    memory_mb: int | None = None
    storage_mb: int | None = None
    bandwidth_mb_per_month: int | None = None


@dataclass(frozen=True)
class Features:
    """The feature gates of a plan: what its subscribers may do."""

    template_deploy: bool = False
    git_deploy: bool = False
    ai_deploy: bool = False
    compose_deploy: bool = False
    custom_domains: bool = False
    backup: bool = False
    notifications: bool = False
    api_access: bool = False


@dataclass(frozen=True)
class DefaultSize:
    """The limits of containers whose definition sets none, and what a volume counts for: cores and MiB."""

    cpu: float = 0.5
    memory_mb: int = 512
    volume_mb: int = 1024


@dataclass
class Plan:
    """A set of quotas and feature gates that customers or organizations subscribe to.

    Lists of plans have the order of `sort_order`.
    """

    id: str
    name: str
    kind: PlanKind
    created_at: datetime
    updated_at: datetime
    description: str = ""
    quotas: Quotas = Quotas()
    features: Features = Features()
    default_size: DefaultSize = DefaultSize()
    sort_order: int = 0
    revision: int = 1
