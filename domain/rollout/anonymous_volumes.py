"""Keep the data of anonymous volumes, which containers from before volumes of images were kept have.

The engine can neither rename nor label a volume, so such a volume takes the place of the one that the service should
have, under its own name.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from posixpath import normpath
from typing import NamedTuple

from domain.compose.volumes import anonymous_volume
from domain.model.operation import Operation
from domain.model.project import Mount
from domain.model.service import AnonymousVolumes, Service
from domain.ports import Ports
from domain.ports.progress import Progress
from domain.ports.runtime import Container
from domain.ports.store import Work
from domain.rollout.release import DEPLOYMENT, INSTANCE, ROLE, SERVICE, Release

_KEPT = "The engine keeps it until the service is deleted with its volumes"


@dataclass(frozen=True)
class Adoption:
    """The anonymous volumes of a service."""

    volumes: AnonymousVolumes

    def apply(self, release: Release) -> Release:
        """Return the release with the adopted volumes in their places."""
        return replace(release, anonymous_volumes=self.volumes)

    def record(self, work: Work, operation: Operation) -> None:
        """Store them with the service: once the containers are removed, nothing else tells whose they are."""
        service = work.services.get(operation.resource_id)
        if service is not None and service.anonymous_volumes is None:
            service.anonymous_volumes = self.volumes
            work.services.save(service)


class _Found(NamedTuple):
    """An anonymous volume, and the component, replica and path that it is mounted at."""

    name: str
    component: str
    replica: int
    path: str

    def __str__(self) -> str:
        return f"the anonymous volume {self.name}, which holds {self.path} of {self.component}"


def find_anonymous_volumes(ports: Ports, release: Release, live: Release | None, progress: Progress) -> Adoption:
    """Let each anonymous volume of existing containers take its place in a release, and log what becomes of it.

    Where two have the same place, that of the live release comes first. The containers are looked at once:
    those that the panel creates since then have no anonymous volumes.
    """
    if release.anonymous_volumes is not None:
        return Adoption(release.anonymous_volumes)
    containers = _inspect_all(ports, release, live.deployment_id if live else None)
    used = {volume.name for container in containers for volume in container.volumes if not volume.is_anonymous}
    adopted: dict[str, str] = {}
    kept: list[str] = []
    for found in _find(containers):
        place = _place(release, found)
        if place is None or place in used or place in adopted:
            kept.append(found.name)
            progress.note(f"Warning: the new version does not mount {found}. {_KEPT}")
        else:
            adopted |= {_usual_place(release, found): found.name, place: found.name}
            progress.note(f"The new version mounts {found}")
    return Adoption(AnonymousVolumes(adopted, tuple(kept)))


def anonymous_volumes_of(ports: Ports, service: Service) -> set[str]:
    """Return the names of all anonymous volumes of a service: those that are stored, or those of its containers."""
    if service.anonymous_volumes is not None:
        return service.anonymous_volumes.names
    listed = ports.runtime.containers({INSTANCE: ports.instance, SERVICE: service.id})
    found = [ports.runtime.inspect(container.name) for container in listed]
    return {volume.name for seen in found if seen for volume in seen.volumes if volume.is_anonymous}


def _inspect_all(ports: Ports, release: Release, live_id: str | None) -> list[Container]:
    """Return the containers of the service: those of the live deployment first, then those of newer ones."""
    listed = ports.runtime.containers({INSTANCE: release.instance, SERVICE: release.service_id})
    listed.sort(key=lambda container: container.labels.get(DEPLOYMENT, ""), reverse=True)
    listed.sort(key=lambda container: container.labels.get(DEPLOYMENT) != live_id)
    inspected = (ports.runtime.inspect(container.name) for container in listed)
    return [container for container in inspected if container]


def _find(containers: list[Container]) -> Iterator[_Found]:
    for container in containers:
        component, replica = container.labels.get(ROLE, ""), int(container.name.rpartition("-")[2])
        for volume in container.volumes:
            if volume.is_anonymous:
                yield _Found(volume.name, component, replica, normpath(volume.path))


def _place(release: Release, found: _Found) -> str | None:
    """Return the name of the volume that a release has at the path of an anonymous one."""
    component = release.project.component(found.component)
    if component is None or found.replica > component.replicas:
        return None
    mounts = (mount for mount in component.mounts if mount.volume and normpath(mount.path) == found.path)
    return next((release.managed_volume(mount, found.replica) for mount in mounts), None)


def _usual_place(release: Release, found: _Found) -> str:
    """Return the name that the volume would have if no text named it: earlier versions are seen to use it."""
    mount = Mount(anonymous_volume(found.component, found.path), found.path, per_replica=True)
    return release.managed_volume(mount, found.replica)
