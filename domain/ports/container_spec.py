"""What a container is created from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from domain.model.project import Component, Mount, Port


@dataclass(frozen=True)
class ContainerSpec:
    """A container to create.

    `image` is a digest from `pull`. `networks` maps full network names to aliases. `mounts` name volumes by their full
    names; a volume may be mounted at several paths. A mount without a volume has a new volume of the container alone.
    `published` maps ports of the container to ports of the host.
    """

    name: str
    image: str
    component: Component
    environment: Mapping[str, str]
    networks: Mapping[str, tuple[str, ...]]
    mounts: Sequence[Mount]
    labels: Mapping[str, str]
    published: Mapping[Port, int] = field(default_factory=dict)

    def mount_of(self, path: str) -> Mount | None:
        """Return the mount that a path of the container is in, or None."""
        around = [mount for mount in self.mounts if f"{path}/".startswith(f"{mount.path}/")]
        return max(around, key=lambda mount: len(mount.path), default=None)

    @property
    def writes_shared_files(self) -> bool:
        """Return whether some of its files are in volumes of the service, which an earlier version may use."""
        mounts = [self.mount_of(file.path) for file in self.component.files]
        return any(mount and mount.volume for mount in mounts)
