"""The meaning of a checked compose text: a project of components, with every reference resolved."""

from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

Condition = Literal["service_started", "service_healthy", "service_completed_successfully"]
Restart = Literal["no", "always", "on-failure", "unless-stopped"]
Protocol = Literal["tcp", "udp", "sctp"]

# Well-known TCP ports that do not speak HTTP: FTP, SSH, mail, DNS, LDAP, message brokers, databases, caches.
# A route leads to one of them only if the component has no other port.
NOT_HTTP = frozenset(
    {21, 22, 23, 25, 53, 110, 143, 389, 465, 587, 636, 993, 995, 1433, 1521, 1883, 3306, 4222, 5432, 5433, 5671}
    | {5672, 6379, 6380, 7687, 8883, 9042, 9092, 11211, 25565, 27017, 27018, 27019, 33060}
)


@dataclass(frozen=True)
class Probe:
    """A container's healthcheck. Times are in seconds; None means the engine's default.

    `test` has the engine's form: `CMD` and argv, `CMD-SHELL` and one string, or empty for the image's own test.
    """

    test: tuple[str, ...]
    interval: float = 30.0
    timeout: float = 30.0
    retries: int = 3
    start_period: float = 0.0
    disabled: bool = False
    start_interval: float | None = None


@dataclass(frozen=True)
class Mount:
    """A volume of the project, and the path in the container where it is mounted.

    Without a name, each container has an empty volume of its own, for files that are written into it. A new volume
    starts with the files that the image has at this path, unless `no_copy` is set. `per_replica`: each replica has a
    volume of its own.
    """

    volume: str
    path: str
    read_only: bool = False
    no_copy: bool = False
    per_replica: bool = False


@dataclass(frozen=True)
class ContainerFile:
    """A file that is written into each container before it starts."""

    path: str
    content: bytes = field(repr=False)
    mode: int = 0o444
    uid: int = 0
    gid: int = 0
    read_only: bool = True


class HostMount(NamedTuple):
    """A path of the host, and the path in the container where it is mounted."""

    source: str
    path: str
    read_only: bool = False


@dataclass(frozen=True)
class HostAccess:
    """What a component may do to the host: only services of the host's owner have any of it (PANEL_HOST_ACCESS).

    `devices` are `host:container:permissions`. `namespaces` are those that it shares with the host: `network`, `pid`,
    `ipc`, `uts`, `userns_mode` or `cgroup`.
    """

    privileged: bool = False
    devices: tuple[str, ...] = ()
    device_cgroup_rules: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    mounts: tuple[HostMount, ...] = ()
    namespaces: frozenset[str] = frozenset()


class Port(NamedTuple):
    """A port of the container that the text publishes at the host."""

    number: int
    protocol: Protocol = "tcp"


class Ulimit(NamedTuple):
    """A resource limit of processes (setrlimit); -1 means unlimited."""

    soft: int
    hard: int


@dataclass(frozen=True)
class Component:
    """One compose service. `command` and `entrypoint` are argv; None means the image's own.

    `expose` are the TCP ports that the container listens at; `ports` are those that the text publishes at the host.
    `aliases` are names on all its networks, `network_aliases` those on one network. `extra_hosts` maps host names to
    addresses. Sizes are in MB or bytes, as the names say. For `hostname`, `init`, `platform` and `restart`, None
    leaves the choice to the panel.
    """

    name: str
    image: str
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    environment: dict[str, str] = field(default_factory=dict)
    expose: tuple[int, ...] = ()
    ports: tuple[Port, ...] = ()
    mounts: tuple[Mount, ...] = ()
    files: tuple[ContainerFile, ...] = ()
    probe: Probe | None = None
    depends_on: dict[str, Condition] = field(default_factory=dict)
    restart: Restart | None = None
    labels: dict[str, str] = field(default_factory=dict)
    user: str | None = None
    group_add: tuple[str, ...] = ()
    working_dir: str | None = None
    tmpfs: tuple[str, ...] = ()
    read_only: bool = False
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    sysctls: dict[str, str] = field(default_factory=dict)
    ulimits: dict[str, Ulimit] = field(default_factory=dict)
    shm_bytes: int | None = None
    init: bool | None = None
    tty: bool = False
    stdin_open: bool = False
    stop_signal: str | None = None
    stop_grace: float = 10.0
    platform: str | None = None
    cpu: float | None = None
    cpu_shares: int | None = None
    memory_mb: int | None = None
    memory_reservation_mb: int | None = None
    pids: int | None = None
    replicas: int = 1
    networks: tuple[str, ...] = ("default",)
    aliases: tuple[str, ...] = ()
    network_aliases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    hostname: str | None = None
    domainname: str | None = None
    extra_hosts: dict[str, str] = field(default_factory=dict)
    host: HostAccess = HostAccess()

    @property
    def writes(self) -> bool:
        """Return whether it mounts a volume that it can write to."""
        return any(mount.volume and not mount.read_only for mount in self.mounts)


@dataclass(frozen=True)
class Project:
    """A whole compose text. Components are ordered: each follows those that it depends on.

    `networks` maps names to whether the network is internal (without access to the outside). `volume_paths` maps the
    volumes that the text names by a path (`./data`, or `/data` for an anonymous volume) to this path.
    """

    components: tuple[Component, ...]
    volumes: tuple[str, ...] = ()
    networks: dict[str, bool] = field(default_factory=lambda: {"default": False})
    volume_paths: dict[str, str] = field(default_factory=dict)

    def replace_component(self, changed: Component) -> "Project":
        """Return the project with this component in the place of the one with its name."""
        components = (changed if each.name == changed.name else each for each in self.components)
        return replace(self, components=tuple(components))

    def component(self, name: str) -> Component | None:
        """Return the component with this name, or None."""
        return next((component for component in self.components if component.name == name), None)

    @property
    def main_component(self) -> Component:
        """Return the first component that no other depends on: an application, rather than its database."""
        return self._dependents_first[0]

    @property
    def _dependents_first(self) -> list[Component]:
        """Return components that no other depends on first; among them, those that publish a port."""
        needed = {name for component in self.components for name in component.depends_on}
        return sorted(
            self.components,
            key=lambda component: (not component.replicas, component.name in needed, not component.ports),
        )

    def public_endpoint(self, port: int | None = None) -> tuple[Component, int] | None:
        """Return the component that the route leads to, and its port; None if no component exposes one.

        With `port`, return a component that exposes this port. Components that no other depends on come first, and
        ports that may speak HTTP before the well-known ports of databases and the like. A component without replicas
        has no endpoint.
        """
        endpoints = [
            (component, exposed)
            for component in self._dependents_first
            for exposed in component.expose
            if component.replicas and port in (None, exposed)
        ]
        return min(endpoints, key=lambda endpoint: endpoint[1] in NOT_HTTP, default=None)
