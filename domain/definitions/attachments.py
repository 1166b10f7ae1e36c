"""Mount the attached volumes of a definition in its project."""

from collections.abc import Iterable
from dataclasses import replace
from posixpath import normpath

from domain.errors import Invalid
from domain.model.project import Component, HostMount, Mount, Project
from domain.model.volume import Attachment

_KERNEL_DIRECTORIES = ("", "proc", "sys", "dev")


def mount_attachments(project: Project, attachments: Iterable[Attachment]) -> Project:
    """Return the project with the attached volumes. Raise Invalid if one cannot be mounted where it should be."""
    for attachment in attachments:
        component = project.component(attachment.component)
        if component is None:
            what = f"the compose text has no service {attachment.component}, to which {attachment.name} is attached"
            raise Invalid({"component": what})
        _require_free(component, attachment.path)
        project = project.replace_component(_with_mount(component, attachment))
        if attachment.host_path is None and attachment.name not in project.volumes:
            project = replace(project, volumes=(*project.volumes, attachment.name))
    return project


def normalize_target(path: str) -> str:
    """Return the path of a mount without superfluous parts. Raise Invalid if nothing can be mounted there."""
    normal = "/" + normpath(path).strip("/")
    if ".." in path.split("/") or normal.split("/")[1] in _KERNEL_DIRECTORIES:
        raise Invalid({"mount_path": "choose an absolute directory other than `/`, `/proc`, `/sys` and `/dev`"})
    return normal


def _with_mount(component: Component, attachment: Attachment) -> Component:
    if attachment.host_path is None:
        mount = Mount(attachment.name, attachment.path, attachment.read_only)
        return replace(component, mounts=(*component.mounts, mount))
    bind = HostMount(attachment.host_path, attachment.path, attachment.read_only)
    return replace(component, host=replace(component.host, mounts=(*component.host.mounts, bind)))


def _require_free(component: Component, path: str) -> None:
    taken = {normpath(mount.path) for mount in component.mounts}
    taken |= {normpath(mount.path) for mount in component.host.mounts}
    taken |= {normpath(entry.partition(":")[0]) for entry in component.tmpfs}
    taken |= {normpath(file.path) for file in component.files}
    if path in taken:
        raise Invalid({"mount_path": f"{component.name} has something else at {path}"})
