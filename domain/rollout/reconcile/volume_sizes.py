"""Measure volumes: what the engine reports is stored, so that no request waits for it."""

from collections import defaultdict
from collections.abc import Mapping

from domain.model.service import Service
from domain.model.volume import Volume
from domain.ports import Ports
from domain.rollout.engine_volumes import engine_volumes

_BATCH = 500  # volumes a transaction


def measure_volumes(ports: Ports) -> int:
    """Store the sizes of all volumes and return how many were measured."""
    sizes, after, measured = ports.runtime.volume_sizes(), "", 0
    names = _by_service(sizes)
    while True:
        with ports.store.begin() as work:
            volumes = work.volumes.after(after, _BATCH)
            services = work.services.get_many({volume.service_id for volume in volumes})
            found = {volume.id: _names(services.get(volume.service_id), volume, names) for volume in volumes}
            found = {volume_id: own for volume_id, own in found.items() if own}
            work.volumes.record_sizes(
                {volume_id: sum(sizes[name] for name in own) for volume_id, own in found.items()}, ports.clock.now()
            )
        measured += len(found)
        if len(volumes) < _BATCH:
            return measured
        after = volumes[-1].id


def _by_service(sizes: Mapping[str, int]) -> Mapping[str, list[str]]:
    """Group names by the service that they begin with; adopted ones have no such name."""
    grouped: dict[str, list[str]] = defaultdict(list)
    for name in sizes:
        grouped[name.partition("-")[0]].append(name)
    return grouped


def _names(service: Service | None, volume: Volume, names: Mapping[str, list[str]]) -> list[str]:
    if service is None or volume.host_path is not None:
        return []
    adopted = service.anonymous_volumes.names if service.anonymous_volumes else set()
    known = (*names.get(service.id, ()), *(name for name in adopted if name in names))
    return engine_volumes(service, volume, known)
