"""What a project would take from its owner's quotas."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.catalogue.spec.template import MinResources
from domain.model.definition import Size
from domain.model.project import Component, Project


@dataclass(frozen=True)
class QuotaEffect:
    """What one service counts for: its limits over all replicas, in cores and MB."""

    services: int
    containers: int
    cpu: float
    memory_mb: int
    storage_mb: int


_NO_SIZE = Size()
_NOTHING = MinResources()


def quota_effect(
    project: Project, sizes: Mapping[str, Size] | None = None, least: MinResources = _NOTHING
) -> QuotaEffect:
    """Count the limits; where a component has none, the whole counts for at least `least`."""
    parts = [_sized(component, (sizes or {}).get(component.name, _NO_SIZE)) for component in project.components]
    cpu = sum(replicas * (cores or 0) for replicas, cores, _ in parts)
    memory = sum(replicas * (megabytes or 0) for replicas, _, megabytes in parts)
    return QuotaEffect(
        services=1,
        containers=sum(replicas for replicas, _, _ in parts),
        cpu=round(cpu if all(cores for _, cores, _ in parts) else max(cpu, least.cpu), 3),
        memory_mb=memory if all(megabytes for _, _, megabytes in parts) else max(memory, least.memory_mb),
        storage_mb=least.storage_mb if project.volumes else 0,
    )


def _sized(component: Component, size: Size) -> tuple[int, float | None, int | None]:
    return (
        component.replicas if size.replicas is None else size.replicas,
        component.cpu if size.cpu is None else size.cpu,
        component.memory_mb if size.memory_mb is None else size.memory_mb,
    )
