"""Bind mounts: a given file is written into the container, a directory beside the text becomes a volume.

A directory that is mounted read-only and has given files needs no volume of the service: each container gets the files.
"""

from domain.compose.context import Context
from domain.compose.files import is_host_path, looks_like_file, missing_file
from domain.compose.findings import AlreadyReportedError, Code, quote
from domain.compose.host_access import refuse
from domain.compose.mount_entries import MountEntry, refuse_host_path, volume_of_service
from domain.compose.values import ScalarValue
from domain.model.project import ContainerFile, HostMount, Mount

_CLOCK = ("/etc/localtime", "/etc/timezone")
_ADVICE = "Give its content under this path in the request's `files`."


def is_path(source: str) -> bool:
    """Return whether the source of a mount is a path, and not the name of a volume."""
    return is_host_path(source) or source.startswith(".") or "/" in source or "\\" in source


def read_bind(source: ScalarValue, path: str, target: str, read_only: bool, context: Context) -> MountEntry:
    """Translate a bind mount of `path`, a part of `source`, to the path `target` in the container."""
    if path in _CLOCK:
        message = f"{quote(path)} is left out: the container's time zone is set with the variable `TZ`."
        context.findings.warn(Code.NOT_KEPT, message, source.location)
        raise AlreadyReportedError
    if path.startswith("/") and context.host_access:
        code = Code.DOCKER_SOCKET_REFUSED if "docker.sock" in path else Code.HOST_MOUNT_REFUSED
        refuse(context, code, "", f"{_quoted(source)} is a path of the host", source.location)
        return MountEntry(target, source, host=HostMount(path, target, read_only))
    if is_host_path(path) or "\\" in path:
        refuse_host_path(source.location)
    content = context.files.get(path)
    if content is not None:
        context.budget.spend(len(content), source.location)
        return MountEntry(target, source, files=(given_file(target, content, read_only),))
    return _directory(source, path, target, read_only, context)


def given_file(path: str, content: bytes, read_only: bool) -> ContainerFile:
    """Return a given file as it would be on a host: scripts are executable."""
    return ContainerFile(path, content, 0o755 if content.startswith(b"#!") else 0o644, read_only=read_only)


def _directory(source: ScalarValue, path: str, target: str, read_only: bool, context: Context) -> MountEntry:
    within = context.files.within(path)
    if not within and (looks_like_file(path) or looks_like_file(target)):
        raise missing_file(_quoted(source), _ADVICE, source.location)
    if not within:
        volume = context.volumes.for_directory(path)
        message = f"{_quoted(source)} → {volume_of_service(source, volume)}. Give files for it in `files`."
        context.findings.warn(Code.TRANSLATED, message, source.location)
    for content in within.values():
        context.budget.spend(len(content), source.location)
    files = tuple(given_file(f"{target}/{name}", content, read_only) for name, content in within.items())
    volume = "" if within and read_only else context.volumes.for_directory(path)
    mount = Mount(volume, target, read_only, no_copy=bool(within))
    return MountEntry(target, source, mount, files)


def _quoted(source: ScalarValue) -> str:
    """Quote the path as written: a variable may have brought a part of it."""
    return quote(source.raw if "{" in source.raw else source.raw.partition(":")[0])
