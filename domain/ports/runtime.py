"""The engine: images, networks, volumes and containers, under names and labels that the caller gives."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Literal, NamedTuple, Protocol

from domain.model.project import Component


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
    """What the engine says of a container now. `health` is None without a healthcheck of its own.

    `image` is what it was made from, in the engine's words; `started_at` is the last time.
    """

    name: str
    state: Literal["created", "running", "exited"]
    labels: Mapping[str, str]
    health: Literal["starting", "healthy", "unhealthy"] | None = None
    exit_code: int | None = None
    address: str | None = None
    restarts: int = 0
    image: str = ""
    started_at: datetime | None = None


@dataclass(frozen=True)
class Stats:
    """What a container takes: cores, megabytes, bytes a second. `memory_limit_mb` is None without a limit."""

    cpu: float
    memory_mb: float
    memory_limit_mb: float | None = None
    network_rx: float = 0.0
    network_tx: float = 0.0
    block_read: float = 0.0
    block_write: float = 0.0


class OutputLine(NamedTuple):
    """A line that a container printed, as text safe for JSON; a tuple, since they come by the hundred thousand."""

    at: datetime
    stream: Literal["stdout", "stderr"]
    text: str


class Point(NamedTuple):
    """How far the output of a container has been read: up to a time, and so many lines of that very time.

    None is its beginning. Whoever reads on `since` that time misses nothing, and is told nothing twice by `unread`.
    """

    at: datetime | None = None
    lines: int = 0

    def after(self, lines: Sequence[OutputLine]) -> "Point":
        """The point behind these, which were read next."""
        if not lines:
            return self
        at = lines[-1].at
        same = sum(1 for _ in takewhile(lambda line: line.at == at, reversed(lines)))
        return Point(at, same + self.lines if same == len(lines) and at == self.at else same)

    def unread(self, batches: Iterable[list[OutputLine]]) -> Iterator[list[OutputLine]]:
        """Batches that begin at this point's time, without what was read before."""
        known = self.lines
        for lines in batches:
            again = sum(1 for _ in takewhile(lambda line: line.at == self.at, lines[:known]))
            known = known - again if again == len(lines) else 0
            yield lines[again:]


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
        """The texts of its last lines of output."""

    def output(
        self,
        name: str,
        *,
        tail: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        keep: Callable[[OutputLine], bool] | None = None,
    ) -> list[OutputLine]:
        """What a container printed from `since` until before `until`, oldest first; [] when it is gone.

        Only lines that `keep` wants, which is shown every line in turn; of them the last `tail`.
        """

    def follow(self, name: str, since: datetime | None = None) -> Generator[list[OutputLine], None, None]:
        """What a container printed from `since` on, and what it prints, in batches; ends when all is read that it will.

        Blocks; while nothing comes it says so with an empty batch, at least twice a second. Closing it lets go at once.
        """

    def stats(self, names: Sequence[str], *, over: float = 0.0) -> dict[str, Stats]:
        """What those of these containers take that run; rates are over the last moment.

        `over` asks for rates over so many seconds, as far as the containers were looked at then.
        """

    def accepts(self, container: Container, port: int) -> bool:
        """Whether a TCP connection to this port of the container is accepted."""

    def answers(self, container: Container, port: int, path: str, timeout: float) -> bool:
        """Whether an HTTP GET is answered with 2xx or 3xx within `timeout` seconds."""
