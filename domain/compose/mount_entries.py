"""One entry of a service's `volumes`, and what all forms of it share."""

from dataclasses import dataclass
from typing import NoReturn

from domain.compose.findings import Code, FieldError, Location, quote
from domain.compose.scalars import bad_value, normalize_path
from domain.compose.values import ScalarValue
from domain.model.project import ContainerFile, HostMount, Mount

_KERNEL_DIRECTORIES = ("", "proc", "sys", "dev")


@dataclass(frozen=True)
class MountEntry:
    """What is mounted at `path`: a volume, given files, memory, or a path of the host.

    `target` is the value that names the path.
    """

    path: str
    target: ScalarValue
    mount: Mount | None = None
    files: tuple[ContainerFile, ...] = ()
    tmpfs: str | None = None
    host: HostMount | None = None


def mount_target(value: ScalarValue, path: str) -> str:
    """Return the normalised path of a mount. Raise FieldError for the root and directories that the kernel fills."""
    target = normalize_path(value, path)
    if target.split("/")[1] in _KERNEL_DIRECTORIES:
        raise bad_value(value, "mount to a directory other than `/`, `/proc`, `/sys` and `/dev`")
    return target


def volume_of_service(value: ScalarValue, volume: str) -> str:
    """Name a volume in a message, unless a variable brought a part of its path."""
    return "a volume of the service" if "$" in value.raw else f"the volume {quote(volume)} of the service"


def refuse_socket(location: Location) -> NoReturn:
    """Raise the error for a mount of the engine's socket."""
    message = "Remove this mount: the engine's socket is never given to a container."
    raise FieldError(Code.DOCKER_SOCKET_REFUSED, message, location)


def refuse_host_path(location: Location) -> NoReturn:
    """Raise the error for a mount of a path of the host."""
    message = "Paths of the host cannot be mounted. Write `./data` in place of the path: it becomes a volume."
    raise FieldError(Code.HOST_MOUNT_REFUSED, message, location)
