"""The engine: images, networks, volumes and containers, under names and labels that the caller gives."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from domain.model import Usage
from domain.project import Component


@dataclass(frozen=True)
class Engine:
    """The engine that answers."""

    name: str
    version: str


@dataclass(frozen=True)
class Image:
    """An image at the engine: `digest` is what can be started again, `ports` what it says it exposes."""

    reference: str
    digest: str
    ports: tuple[int, ...] = ()


@dataclass(frozen=True)
class Layers:
    """How far a pull is: layers known and done, and bytes where the engine tells."""

    done: int
    known: int
    bytes_done: int = 0
    bytes_known: int = 0


Pulling = Callable[[Layers | None], None]


@dataclass(frozen=True)
class ContainerSpec:
    """A container to create: names are derived, so they are known before it exists.

    `networks` maps full network names to aliases; `volumes` maps full volume names to (mount path, read-only).
    """

    name: str
    image: str
    component: Component
    environment: Mapping[str, str]
    networks: Mapping[str, tuple[str, ...]]
    volumes: Mapping[str, tuple[str, bool]]
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Container:
    """What the engine says of a container now. `health` is None without a healthcheck of its own."""

    name: str
    state: Literal["created", "running", "exited"]
    labels: Mapping[str, str]
    health: Literal["starting", "healthy", "unhealthy"] | None = None
    exit_code: int | None = None
    address: str | None = None
    restarts: int = 0


class ImageMissing(Exception):  # noqa: N818
    """No registry (nor the engine) has this image, or it refuses this caller; the message says which."""


class EngineRefused(Exception):  # noqa: N818
    """The engine answers, and refuses: no room on the disk, a command that is not in the image, a bad user."""


class Runtime(Protocol):
    """The engine. All names and labels are given by the caller. Stopping or removing what is gone is success.

    Creating what exists under the same name is success too, so that a step can be repeated after a crash.
    Raises `errors.Unavailable` (code `engine_unavailable`) when the engine is away.
    """

    def ping(self) -> Engine: ...
    def pull(self, reference: str, tell: Pulling) -> Image:
        """Bring an image, or find it at the engine when no registry has it. Raises ImageMissing.

        Calls `tell` at least twice a second, also while nothing moves; what `tell` raises ends the pull.
        """

    def create_network(self, name: str, labels: Mapping[str, str], *, internal: bool = False) -> None: ...
    def create_volume(self, name: str, labels: Mapping[str, str]) -> None: ...
    def create(self, spec: ContainerSpec) -> None:
        """Make a container, not yet started, with its networks, volumes and limits. Raises EngineRefused."""

    def start(self, name: str) -> None:
        """Raises EngineRefused when it cannot start (no such command, …)."""

    def stop(self, name: str, grace: float) -> None:
        """Ask it to end, and end it after `grace` seconds."""

    def remove(self, name: str) -> None:
        """Remove it, running or not; its anonymous volumes go with it."""

    def remove_network(self, name: str) -> None: ...
    def remove_volume(self, name: str) -> None: ...
    def inspect(self, name: str) -> Container | None: ...
    def containers(self, labels: Mapping[str, str]) -> list[Container]:
        """Every container, running or not, that carries all these labels; one call to the engine."""

    def networks(self, labels: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
        """Name → labels of every network that carries all these labels."""

    def volumes(self, labels: Mapping[str, str]) -> dict[str, Mapping[str, str]]: ...
    def logs(self, name: str, tail: int) -> list[str]:
        """The last lines that a container wrote, as text safe for JSON; [] when it is gone."""

    def usage(self, names: Sequence[str]) -> Usage:
        """CPU (cores in use) and memory of these running containers together, right now."""

    def accepts(self, container: Container, port: int) -> bool:
        """Whether a TCP connection to this port of the container is accepted."""

    def answers(self, container: Container, port: int, path: str, timeout: float) -> bool:
        """Whether an HTTP GET is answered with 2xx or 3xx within `timeout` seconds."""
