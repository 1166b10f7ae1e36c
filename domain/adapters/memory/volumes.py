"""Volumes of the in-memory engine."""

from collections.abc import Mapping
from contextlib import AbstractContextManager

from domain.adapters.memory.containers import FakeContainer, check_labels, with_labels
from domain.model.project import ContainerFile
from domain.ports.container_spec import ContainerSpec
from domain.ports.runtime import EngineRefused


class Volumes:
    """The part of the in-memory engine that holds volumes and the files in them."""

    fakes: dict[str, FakeContainer]
    files: dict[tuple[str, str], ContainerFile]
    _volumes: dict[str, Mapping[str, str]]

    def _call(self) -> AbstractContextManager[None]:
        raise NotImplementedError

    def create_volume(self, name: str, labels: Mapping[str, str]) -> None:
        with self._call():
            check_labels(self._volumes.setdefault(name, dict(labels)), labels, name)

    def write_files(self, spec: ContainerSpec) -> None:
        """Keep the files with their volumes."""
        with self._call():
            for file in spec.component.files:
                mount = spec.mount_of(file.path)
                if mount and mount.volume:
                    self.files[mount.volume, file.path.removeprefix(f"{mount.path}/")] = file

    def remove_volume(self, name: str) -> None:
        with self._call():
            if any(name == volume.name for fake in self.fakes.values() for volume in fake.volumes):
                raise EngineRefused(f"volume {name} is in use")
            self._volumes.pop(name, None)

    def volumes(self, labels: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
        with self._call():
            return with_labels(self._volumes, labels)

    def volume_sizes(self) -> dict[str, int]:
        with self._call():
            sizes = [(name, len(file.content)) for (name, _), file in self.files.items()]
            return {volume: sum(size for name, size in sizes if name == volume) for volume in self._volumes}
