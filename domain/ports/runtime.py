"""The container engine: images, networks, volumes and containers. Callers choose all names and labels."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple, Protocol

from domain.model.project import Restart
from domain.model.steps import FailureCode
from domain.ports.builder import Builder
from domain.ports.commands import CommandRunner
from domain.ports.container_spec import ContainerSpec
from domain.ports.output import OutputLine
from domain.ports.router import Target


@dataclass(frozen=True)
class Engine:
    """Name and version of the engine."""

    name: str
    version: str


@dataclass(frozen=True)
class Image:
    """An image that the engine has.

    `digest` identifies these exact contents and can be passed to `pull` and `create` later. `ports` are the TCP ports
    that the image exposes, `volumes` the paths at which it declares volumes, `entrypoint` the program that it starts.
    """

    reference: str
    digest: str
    ports: tuple[int, ...] = ()
    volumes: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layers:
    """Progress of a pull: layers, and bytes where the engine reports them. `known` grows while the pull runs."""

    done: int
    known: int
    bytes_done: int = 0
    bytes_known: int = 0


PullProgress = Callable[[Layers | None], None]
"""Called with the progress of a pull; None means that nothing is known yet, or that nothing had to be pulled."""


@dataclass(frozen=True)
class RegistryCredentials:
    """A login for a registry: a username with a password, or a token that the registry accepts as a bearer token."""

    username: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True)
class Address:
    """Where the router and the prober reach a container. It may be on another host than they are.

    `host` is an IP address or a name. `published` maps container ports to ports of `host`, for engines that reach
    containers through ports of a node; a port that is missing there is reached under its own number.
    """

    host: str
    published: Mapping[int, int] = field(default_factory=dict)


class MountedVolume(NamedTuple):
    """A volume that a container mounts at a path.

    `is_anonymous`: nothing named it when the container was created, but the image declares it.
    """

    name: str
    path: str
    is_anonymous: bool = False


@dataclass(frozen=True)
class Container:
    """State of a container.

    `health` is None if the container has no health check; `health_output` is what the last check printed, which only
    `inspect` reports. `exit_code` is set while it is exited, `address` while it is running. `restarting`: it is exited,
    and the engine will start it again. `restarts` counts restarts by the engine. `image` is the reference that it was
    created from. `started_at` is the time of the last start. `volumes` are those that it mounts, without those of its
    own files; only `inspect` reports them.
    """

    name: str
    state: Literal["created", "running", "exited"]
    labels: Mapping[str, str]
    health: Literal["starting", "healthy", "unhealthy"] | None = None
    exit_code: int | None = None
    address: Address | None = None
    restarts: int = 0
    image: str = ""
    started_at: datetime | None = None
    restarting: bool = False
    health_output: str = ""
    volumes: tuple[MountedVolume, ...] = ()

    def target(self, port: int) -> Target | None:
        """Return where a port of the container is reached, or None if the container has no address."""
        if self.address is None:
            return None
        return Target(self.address.host, self.address.published.get(port, port))


@dataclass(frozen=True)
class Stats:
    """Resource usage of a container.

    `cpu` is in cores, memory in megabytes (2**20 bytes), network and block I/O in bytes per second. `memory_limit_mb`
    is None if there is no limit. `network_total` is the number of bytes received and sent since the container's start.
    """

    cpu: float
    memory_mb: float
    memory_limit_mb: float | None = None
    network_rx: float = 0.0
    network_tx: float = 0.0
    block_read: float = 0.0
    block_write: float = 0.0
    network_total: int = field(default=0, compare=False)


class PullFailed(Exception):  # noqa: N818
    """An image cannot be pulled.

    The message is the panel's own. What engine and registry say stays in the panel's log: it may quote any server that
    the engine can reach.
    """

    code: FailureCode = "image_missing"


class ImageMissing(PullFailed):
    """The registry has no such image, or shows it to nobody without a login."""


class RegistryRefused(PullFailed):
    """The registry denies access to the image, or the panel does not let the engine ask this registry."""

    code = "registry_refused"


class RegistryRateLimited(PullFailed):
    """The registry refuses more pulls for a while."""

    code = "registry_rate_limited"


class RegistryUnavailable(PullFailed):
    """The registry does not answer, or not as registries do."""

    code = "registry_unavailable"


class EngineRefused(Exception):  # noqa: N818
    """The engine answered with an error, such as a full disk, a missing command or an unknown user."""


class Runtime(CommandRunner, Builder, Protocol):
    """The container engine.

    All methods can be repeated after a crash: stopping or removing an object that does not exist succeeds, and so does
    creating an object that exists with the same labels. All methods raise `errors.Unavailable` with the code
    `engine_unavailable` if the engine cannot be reached.
    """

    def ping(self) -> Engine:
        """Return the engine's name and version."""

    def pull(
        self,
        reference: str,
        progress: PullProgress,
        credentials: RegistryCredentials | None = None,
        platform: str | None = None,
    ) -> Image:
        """Pull an image from its registry, even if the engine has a copy of it. Raise PullFailed.

        The hello image has no registry: it comes with the panel. Calls `progress` at least twice a second, even if
        nothing changes. An exception from `progress` aborts the pull. `credentials` are sent to the registry that
        `reference` names; the engine does not store them.
        """

    def log_in(self, host: str, credentials: RegistryCredentials) -> None:
        """Test a login at a registry, for at most half a minute; nothing is stored. Raise PullFailed if it fails."""

    def find_image(self, reference: str) -> Image | None:
        """Return the image that the engine has under a reference or digest, without asking a registry."""

    def create_network(self, name: str, labels: Mapping[str, str], *, internal: bool = False) -> None:
        """Create a network. An `internal` network has no route to the internet."""

    def create_volume(self, name: str, labels: Mapping[str, str]) -> None:
        """Create a volume."""

    def create(self, spec: ContainerSpec) -> None:
        """Create a container with its networks, volumes, limits and files, without starting it. Raise EngineRefused.

        Files in volumes of the service are written by `write_files`.
        """

    def write_files(self, spec: ContainerSpec) -> None:
        """Write the files of a created container that are in volumes of the service. Call it before the start."""

    def start(self, name: str) -> None:
        """Start a container. Raise EngineRefused if it cannot start, for example because its command is missing."""

    def set_restart(self, name: str, policy: Restart) -> None:
        """Change the restart policy of a container; succeeds if it does not exist."""

    def stop(self, name: str, grace: float) -> None:
        """Ask a container to stop, and kill it after `grace` seconds."""

    def remove(self, name: str) -> None:
        """Remove a container, running or not, and the volumes of its own files.

        Anonymous volumes that its image declares are left: they hold data.
        """

    def remove_network(self, name: str) -> None:
        """Disconnect all containers from a network and remove it."""

    def remove_volume(self, name: str) -> None:
        """Remove a volume. Raise EngineRefused while a container uses it."""

    def inspect(self, name: str) -> Container | None:
        """Return the state of a container, or None if it does not exist."""

    def containers(self, labels: Mapping[str, str]) -> list[Container]:
        """Return all containers, running or not, that carry all these labels."""

    def networks(self, labels: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
        """Return name and labels of all networks that carry all these labels."""

    def volumes(self, labels: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
        """Return name and labels of all volumes that carry all these labels."""

    def volume_sizes(self) -> dict[str, int]:
        """Return the disk space of all volumes in bytes, by name, as far as the engine knows it. Takes long."""

    def logs(self, name: str, tail: int) -> list[str]:
        """Return the text of the last `tail` lines of a container's output."""

    def output(
        self,
        name: str,
        *,
        tail: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        keep: Callable[[OutputLine], bool] | None = None,
    ) -> list[OutputLine]:
        """Return a container's output, oldest line first; an empty list if the container does not exist.

        Lines are from `since` (inclusive) until `until` (exclusive). `keep` is called with every line in order and
        selects lines; `tail` limits the result to the last of the selected lines.
        """

    def may_lack_output(self, name: str, since: datetime) -> bool:
        """Return whether the engine may have deleted output that a container printed after a time.

        Engines delete the oldest output of containers that print a lot.
        """

    def follow(self, name: str, since: datetime | None = None) -> Generator[list[OutputLine], None, None]:
        """Yield a container's output from `since` on, in batches, until the container has ended and all is read.

        Blocks. Yields an empty batch at least twice a second while there is no output. Closing the generator closes
        its connection at once.
        """

    def stats(self, names: Sequence[str], *, over: float = 0.0) -> dict[str, Stats]:
        """Return the resource usage of those of these containers that are running.

        Rates are averages over the last `over` seconds, or over a shorter time if no earlier measurement exists.
        """
