"""Which volumes of the engine hold the data of a service's volume."""

from collections.abc import Iterable

from domain.model.service import Service
from domain.model.volume import Volume


def engine_volumes(service: Service, volume: Volume, existing: Iterable[str]) -> list[str]:
    """Return the names of those of the existing volumes that hold the data of a volume.

    Replicas have volumes of their own for what no text names. An adopted volume has a name of its own.
    """
    name = f"{service.id}-{volume.name}"
    adopted = service.anonymous_volumes.adopted if service.anonymous_volumes else {}
    actual = {place: found for place, found in adopted.items() if _is_place(place, name, volume)}
    return sorted({found for found in existing if _is_place(found, name, volume) or found in actual.values()})


def _is_place(found: str, name: str, volume: Volume) -> bool:
    return found == name or (volume.name.startswith("_") and found.startswith(f"{name}.."))
