"""Quotas: what a project counts against those of its owner."""

from collections.abc import Iterable
from dataclasses import dataclass

from domain.model.definition import MinResources
from domain.model.demand import Demand
from domain.model.plan import DefaultSize
from domain.model.project import Project


@dataclass(frozen=True)
class QuotaEffect:
    """What one service counts for: its limits over all replicas, in cores and MB."""

    services: int
    containers: int
    cpu: float
    memory_mb: int
    storage_mb: int


_NOTHING = MinResources()


def quota_effect(project: Project, minimum: MinResources = _NOTHING) -> QuotaEffect:
    """Return the sum of all limits. Where a component has no limit, the sum is at least `minimum`."""
    replicas = [component for component in project.components for _ in range(component.replicas)]
    return QuotaEffect(
        services=1,
        containers=len(replicas),
        cpu=round(_sum((replica.cpu for replica in replicas), minimum.cpu), 3),
        memory_mb=int(_sum((replica.memory_mb for replica in replicas), minimum.memory_mb)),
        storage_mb=minimum.storage_mb if project.volumes else 0,
    )


def _sum(limits: Iterable[float | None], minimum: float) -> float:
    known = list(limits)
    total = sum(limit or 0 for limit in known)
    return total if all(known) else max(total, minimum)


def project_demand(project: Project | None, default: DefaultSize) -> Demand:
    """Return what a project counts for: the limits of all replicas, and the default where a component has none.

    Each volume counts for the default's disk space. An unknown project counts as one container without volumes.
    """
    if project is None:
        return Demand(default.cpu, default.memory_mb, 0)
    replicas = [component for component in project.components for _ in range(component.replicas)]
    return Demand(
        cpu=round(sum(default.cpu if replica.cpu is None else replica.cpu for replica in replicas), 3),
        memory_mb=sum(default.memory_mb if replica.memory_mb is None else replica.memory_mb for replica in replicas),
        storage_mb=default.volume_mb * len(project.volumes),
    )
