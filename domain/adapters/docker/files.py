"""Files of the compose text: the engine writes them into containers, so that the host's file system has none of them.

The engine writes no files into a container whose root file system is read-only. Such a container gets an image of its
own, in which the files are.
"""

import io
import posixpath
import tarfile
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace

from docker import APIClient
from docker.errors import NotFound

from domain.model.project import ContainerFile, Mount
from domain.ports.container_spec import ContainerSpec

IMAGE_LABEL = "panel.image"
"""The label of a container that has an image of its own: the image that it would have without files."""
_IMAGES = "panel-files"


def with_directories(spec: ContainerSpec) -> ContainerSpec:
    """Mount an empty volume at each directory of files below a path in memory, which would hide the files."""
    in_memory = [entry.partition(":")[0] for entry in spec.component.tmpfs]
    directories = (posixpath.dirname(file.path) for file in spec.component.files if spec.mount_of(file.path) is None)
    below = [each for each in directories if any(each.startswith(f"{path}/") for path in in_memory)]
    added = (Mount("", directory, read_only=True) for directory in dict.fromkeys(below))
    return replace(spec, mounts=(*spec.mounts, *added))


def image_with_files(
    client: APIClient, spec: ContainerSpec, command: list[str] | None, entrypoint: list[str] | None
) -> str:
    """Return the image to create a container from: its own, except for files of a read-only root file system."""
    files = [file for file in spec.component.files if spec.mount_of(file.path) is None]
    if not files or not spec.component.read_only:
        return spec.image
    helper = f"{spec.name}-files"
    _remove_container(client, helper)
    client.create_container(spec.image, command, name=helper, entrypoint=entrypoint, use_config_proxy=False)
    try:
        client.put_archive(helper, "/", _archive("/", files))
        client.commit(helper, repository=_IMAGES, tag=spec.name)
    finally:
        _remove_container(client, helper)
    return f"{_IMAGES}:{spec.name}"


def write(client: APIClient, spec: ContainerSpec, *, shared: bool) -> None:
    """Write files into a container that is not running: those in volumes of the service (`shared`), or the others."""
    by_mount: dict[str, list[ContainerFile]] = {}
    for file in spec.component.files:
        mount = spec.mount_of(file.path)
        baked = mount is None and spec.component.read_only
        if bool(mount and mount.volume) is shared and not baked:
            by_mount.setdefault(mount.path if mount else "/", []).append(file)
    for path, files in by_mount.items():
        client.put_archive(spec.name, path, _archive(path, files))


def remove_image(client: APIClient, name: str, labels: Mapping[str, str] | None) -> None:
    """Remove the image of a container with these labels that was removed. None: the container was not found."""
    if labels is not None and IMAGE_LABEL not in labels:
        return
    _remove_container(client, f"{name}-files")  # which is left if the creation was interrupted
    with suppress(NotFound):
        client.remove_image(f"{_IMAGES}:{name}", force=True)


def _remove_container(client: APIClient, name: str) -> None:
    with suppress(NotFound):
        client.remove_container(name, v=True, force=True)


def _archive(directory: str, files: Iterable[ContainerFile]) -> bytes:
    """Return a tar archive of files, with paths relative to a directory of the container."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for file in files:
            entry = tarfile.TarInfo(file.path.removeprefix(directory).lstrip("/"))
            entry.size, entry.mode, entry.mtime = len(file.content), file.mode, int(time.time())
            entry.uid, entry.gid = file.uid, file.gid
            archive.addfile(entry, io.BytesIO(file.content))
    return buffer.getvalue()
