"""The volumes that images declare: without a volume of the service, their data would be lost with each container."""

from collections.abc import Iterator
from dataclasses import replace
from posixpath import normpath

from domain.compose.volumes import anonymous_volume
from domain.model.project import Component, Mount, Project
from domain.ports.runtime import Image
from domain.work.failures import TaskFailed

_MOST = 50


def mount_declared_volumes(project: Project, image: Image) -> Project:
    """Return the project with a volume of the service at each path that the image declares and the text leaves out.

    Each replica has its own. Raise TaskFailed if the image declares more than 50 paths.
    """
    if len(image.volumes) > _MOST:
        raise TaskFailed("policy_refused", f"{image.reference} declares more than {_MOST} volumes")
    for component in project.components:
        missing = tuple(_missing(component, image)) if component.image == image.reference else ()
        if missing:
            project = project.replace_component(replace(component, mounts=(*component.mounts, *missing)))
    return project


def _missing(component: Component, image: Image) -> Iterator[Mount]:
    """Yield the mounts that the component lacks. The engine, too, compares paths: a parent does not replace a path."""
    given = {normpath(mount.path) for mount in component.mounts}
    given |= {normpath(mount.path) for mount in component.host.mounts}
    given |= {normpath(entry.partition(":")[0]) for entry in component.tmpfs}
    for path in dict.fromkeys(normpath(volume) for volume in image.volumes):
        if path.startswith("/") and path.strip("/") and path not in given:
            yield Mount(anonymous_volume(component.name, path), path, per_replica=True)
