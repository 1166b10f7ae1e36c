"""Fake containers, which behave according to the `Behaviour` of their image."""

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from domain.adapters.images import HELLO
from domain.ports.container_spec import ContainerSpec
from domain.ports.output import OutputLine
from domain.ports.runtime import (
    Address,
    Container,
    EngineRefused,
    Image,
    MountedVolume,
    PullFailed,
    RegistryCredentials,
    Stats,
)

HealthStatus = Literal["starting", "healthy", "unhealthy"]
Stream = Literal["stdout", "stderr"]
DEFAULT_STATS = Stats(cpu=0.01, memory_mb=8.0)


@dataclass(frozen=True)
class Behaviour:
    """Properties of an image and of its containers.

    `volumes` are the paths at which the image declares volumes. `exists` False: no registry has the image. `requires`
    names the credentials that its registry demands, `pull_error` is what every pull raises. `hangs`: a
    pull waits for `Runtime.release`. `probed`: the image has a health check. `healthy_after` is the number of
    inspections (`inspect` or `containers`) after which the health check succeeds; None means that it fails. It counts
    only if the image or the component has a health check, which prints `health_output`. `exit_code`: the container ends
    right after it starts; with `crashes`, only so many starts in a row do.
    `lines` and then `errors` are printed at every start, to stdout and stderr. `accepts_tcp` and `answers_http` are the
    results of TCP and HTTP probes. `create_error` and `start_error` are the engine's messages if that step fails.
    """

    ports: tuple[int, ...] = ()
    volumes: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    exists: bool = True
    requires: RegistryCredentials | None = None
    pull_error: PullFailed | None = None
    hangs: bool = False
    probed: bool = False
    healthy_after: int | None = 0
    health_output: str = ""
    exit_code: int | None = None
    crashes: int | None = None
    lines: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    accepts_tcp: bool = True
    answers_http: bool = True
    create_error: str | None = None
    start_error: str | None = None
    stats: Stats = DEFAULT_STATS


def image_of(reference: str, behaviour: Behaviour) -> Image:
    """Return the image of a reference or digest."""
    digest = _digest(reference, behaviour)
    return Image(reference, digest, behaviour.ports, behaviour.volumes, behaviour.entrypoint)


def _digest(reference: str, behaviour: Behaviour) -> str:
    """Return a digest that changes with the behaviour, as the digest of a tag changes when another image is pushed."""
    if "sha256:" in reference:
        return reference
    hashed = f"sha256:{hashlib.sha256(f'{reference} {behaviour}'.encode()).hexdigest()}"
    return hashed if reference == HELLO else f"{re.sub(r':[^:/]+$', '', reference)}@{hashed}"


@dataclass
class FakeContainer:
    """A container and its output. `state` is what an inspection returns, without advancing it.

    `traffic` is the number of bytes received and sent since its start.

    Readers that hold a removed container can still read its output.
    """

    spec: ContainerSpec
    behaviour: Behaviour
    address: Address
    networks: set[str]
    state: Container
    lines: list[OutputLine] = field(default_factory=list)
    traffic: int = 0
    _deleted_until: datetime | None = None
    _inspections: int = 0
    _anonymous: tuple[MountedVolume, ...] = ()

    def __post_init__(self) -> None:
        given = {mount.path for mount in self.spec.mounts}
        given |= {entry.partition(":")[0] for entry in self.spec.component.tmpfs}
        missing = [path for path in self.behaviour.volumes if path not in given]
        self._anonymous = tuple(MountedVolume(secrets.token_hex(32), path, is_anonymous=True) for path in missing)

    @property
    def is_running(self) -> bool:
        return self.state.state == "running"

    @property
    def volumes(self) -> tuple[MountedVolume, ...]:
        """The volumes that it mounts."""
        named = [MountedVolume(mount.volume, mount.path) for mount in self.spec.mounts if mount.volume]
        return (*named, *self._anonymous)

    def start(self) -> None:
        """Start; a container whose behaviour has an exit code has ended when this returns."""
        self.state = replace(self.state, restarts=0)
        self._run()

    def end(self, exit_code: int, *, by_itself: bool = False) -> None:
        """Mark the container as exited. If it ended by itself, the engine starts it again as its policy says."""
        self.state = replace(self.state, state="exited", health=None, exit_code=exit_code, address=None)
        self.state = replace(self.state, restarting=by_itself and self._is_restarted(exit_code))

    def inspect(self) -> Container:
        """Return the state. Each inspection advances a pending health check and a restart loop by one step."""
        self._inspections += 1
        if self.state.health is not None:
            self.state = replace(self.state, health=self._health(), health_output=self.behaviour.health_output)
        if self.state.restarting:
            self.state = replace(self.state, restarts=self.state.restarts + 1)
            self._run()
        return self.state

    def inspect_volumes(self) -> Container:
        """Return the state with the volumes."""
        return replace(self.inspect(), volumes=self.volumes)

    def probe_tcp(self, port: int) -> bool:
        """Return whether the container listens on a port."""
        return (
            self.is_running
            and self.behaviour.accepts_tcp
            and port in (*self.spec.component.expose, *self.behaviour.ports)
        )

    def print_lines(self, texts: Iterable[str], stream: Stream) -> None:
        """Append lines to the output, each with a different time."""
        for line in (line for text in texts for line in text.split("\n")):
            self.lines.append(OutputLine(self._next_time(), stream, line))

    def delete_output(self) -> None:
        """Delete all lines, as engines do with the oldest of many."""
        if self.lines:
            self._deleted_until = self.lines[-1].at
        self.lines.clear()

    def lacks_output(self, since: datetime) -> bool:
        """Return whether lines after a time were deleted."""
        return self._deleted_until is not None and self._deleted_until > since

    def stats(self) -> Stats:
        """Return the behaviour's stats with the memory limit of the component and the container's traffic."""
        limit = self.spec.component.memory_mb
        return replace(self.behaviour.stats, memory_limit_mb=limit, network_total=self.traffic)

    def _run(self) -> None:
        self._inspections, self.traffic = 0, 0
        health: HealthStatus | None = "starting" if self._has_health_check() else None
        started = replace(self.state, state="running", restarting=False, exit_code=None, started_at=self._next_time())
        self.state = replace(started, health=health, address=self.address)
        self.print_lines(self.behaviour.lines, "stdout")
        self.print_lines(self.behaviour.errors, "stderr")
        crashes = self.behaviour.crashes
        if self.behaviour.exit_code is not None and (crashes is None or self.state.restarts < crashes):
            self.end(self.behaviour.exit_code, by_itself=True)

    def _next_time(self) -> datetime:
        now = datetime.now(UTC)
        return max(now, self.lines[-1].at + timedelta(microseconds=1)) if self.lines else now

    def _health(self) -> HealthStatus:
        after = self.behaviour.healthy_after
        if after is None:
            return "starting" if self._inspections == 1 else "unhealthy"
        return "healthy" if self._inspections > after else "starting"

    def _is_restarted(self, exit_code: int) -> bool:
        """Return whether Docker would restart the container when it ends by itself."""
        policy = self.spec.component.restart or "no"
        return policy in ("always", "unless-stopped") or (policy == "on-failure" and exit_code != 0)

    def _has_health_check(self) -> bool:
        probe = self.spec.component.probe
        if probe is None or not (probe.test or probe.disabled):
            return self.behaviour.probed
        return not probe.disabled


def require_free_ports(fake: FakeContainer, others: Iterable[FakeContainer]) -> None:
    """Raise EngineRefused if a running container has a port of the host that this one publishes."""
    running = [other.spec.published for other in others if other.is_running]
    taken = {(port.protocol, host_port) for published in running for port, host_port in published.items()}
    for port, host_port in fake.spec.published.items():
        if (port.protocol, host_port) in taken:
            raise EngineRefused(f"Bind for {host_port} failed: port is already allocated")


def check_labels(found: Mapping[str, str], expected: Mapping[str, str], name: str) -> None:
    """Raise EngineRefused if an object that exists already has other labels."""
    if dict(found) != dict(expected):
        raise EngineRefused(f"{name} already exists at the engine with other labels: it was not created by this panel")


def with_labels(objects: Mapping[str, Mapping[str, str]], labels: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
    """Return the objects that have all of these labels, by name."""
    return {name: found for name, found in objects.items() if labels.items() <= found.items()}
