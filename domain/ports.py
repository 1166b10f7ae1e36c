"""What the rules ask of the world, as Protocols; `domain.adapters` holds who answers.

Every method may raise `errors.Unavailable` when the part behind it is away.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Literal, Protocol, TypeVar

from domain.model import ApiKey, Deployment, Health, LogLine, Operation, Service, ServiceStatus, Usage
from domain.project import Component
from domain.settings import Settings

T = TypeVar("T")


# ── Store ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Query:
    """A page of a list. `filters` compare for equality; a tuple means one of; `since`/`until` bound `created_at`."""

    filters: Mapping[str, object] = field(default_factory=dict)
    search: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    sort: str = "created_at"
    descending: bool = True
    page: int = 1
    per_page: int = 20


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page and how many there are in all."""

    items: list[T]
    total: int
    page: int
    per_page: int


class Repository(Protocol[T]):
    """The things of one noun. Inside `begin()` what `get` answers is locked until the block ends."""

    def get(self, entity_id: str) -> T | None: ...
    def add(self, entity: T) -> None:
        """Raise `errors.Conflict` when a unique value is taken."""

    def save(self, entity: T) -> None:
        """Write all fields and raise the entity's `revision` by one, in the row and in the object."""

    def remove(self, entity_id: str) -> None: ...
    def page(self, query: Query) -> Page[T]: ...


class Services(Repository[Service], Protocol):
    """Services, and what only they are asked."""

    def observe(self, service_id: str, status: ServiceStatus, health: Health, usage: Usage) -> None:
        """Write live figures; the revision rises only when `status` changes. Nothing is written while `deploying`."""

    def named(self, name: str, customer_id: str | None) -> Service | None: ...
    def wanted_running(self) -> list[Service]:
        """Every service whose live deployment should be running and that no work is going on at."""


class Deployments(Repository[Deployment], Protocol):
    """Deployments, and what only they are asked."""

    def previous_success(self, service_id: str, before: str | None = None) -> Deployment | None:
        """The newest succeeded deployment older than `before` (an id), of those that ran themselves."""

    def add_lines(self, lines: Sequence[LogLine]) -> None: ...
    def lines(self, deployment_id: str, after: int, limit: int) -> list[LogLine]: ...
    def remove_of(self, service_id: str) -> None: ...
    def of_operation(self, operation_id: str) -> list[Deployment]:
        """The deployments that an operation carries out, oldest first."""


class Operations(Repository[Operation], Protocol):
    """Operations: the queue of work."""

    def claim(self, owner: str, now: datetime, until: datetime) -> Operation | None:
        """Take the oldest operation that is queued, or running with its lease over, of a service with no other running.

        Sets status running, `lease_owner`, `lease_until`, `attempts` + 1 and `started_at` when first claimed.
        No two callers ever get the same one.
        """

    def renew(self, operation_id: str, owner: str, until: datetime) -> Operation | None:
        """Extend the lease; None when it is no longer the owner's."""

    def waiting(self, service_id: str) -> list[Operation]:
        """Queued operations of a service, oldest first."""

    def unfinished(self, service_id: str) -> list[Operation]:
        """Queued and running operations of a service, oldest first."""


class ApiKeys(Repository[ApiKey], Protocol):
    """API keys, and what only they are asked."""

    def by_prefix(self, prefix: str) -> ApiKey | None: ...
    def used(self, key_id: str, at: datetime, address: str, requests: int) -> None:
        """Add to the request count and set last use; the revision stays."""

    def any(self) -> bool: ...


class Work(Protocol):
    """What a block of `begin()` or `read()` may touch."""

    @property
    def services(self) -> Services: ...
    @property
    def deployments(self) -> Deployments: ...
    @property
    def operations(self) -> Operations: ...
    @property
    def api_keys(self) -> ApiKeys: ...


@dataclass(frozen=True)
class Claim:
    """What makes two requests the same: who calls, the Idempotency-Key, and a digest of operation, parameters, body."""

    caller: str
    key: str
    digest: str


class Store(Protocol):
    """The database. Rules reach it through blocks alone; nothing but the store may be called inside one."""

    def begin(self, *, dry_run: bool = False) -> AbstractContextManager[Work]:
        """A transaction that writes: commits at the end, rolls back on an exception or a dry run.

        One process at a time is inside on SQLite; on PostgreSQL the rows that `get` answers are locked.
        """

    def read(self) -> AbstractContextManager[Work]:
        """A consistent snapshot that cannot write."""

    def once(self, claim: Claim, now: datetime, act: Callable[[], bytes]) -> bytes:
        """The answer of the one run of `act` that equal claims share: its own, or the one that is kept from before.

        All `begin()` blocks within `act` are one transaction, committed with the answer when `act` returns. Parallel
        equal calls wait for the first and get its answer. Raise `errors.Conflict` (`idempotency_mismatch`) when the key
        was used with another digest. What `act` raises goes through, and nothing is kept; nor is anything kept when
        only reads and dry runs took place. An answer is kept for 24 hours.
        """

    @property
    def instance(self) -> str:
        """The id of this installation, made with the database."""

    def ping(self) -> None:
        """Raise `errors.Unavailable` when the database does not answer."""

    def close(self) -> None: ...


# ── Runtime ──────────────────────────────────────────────────────────────────────────────────────


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


# ── Router and the small ports ───────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Target:
    """Where a container listens."""

    host: str
    port: int


class Router(Protocol):
    """What brings visitors to a service's containers."""

    def switch(self, service_id: str, name: str, targets: Sequence[Target]) -> str:
        """Send every new visitor to these targets, in one atomic step; answer the service's URL.

        The URL of a service stays the same over all switches until `close`. No targets: visitors are refused.
        """

    def drain(self, service_id: str, seconds: float) -> None:
        """Let connections to earlier targets finish, for at most so long; idle ones are closed at once."""

    def close(self, service_id: str) -> None:
        """Withdraw the route; success when there is none."""

    def targets(self, service_id: str) -> tuple[Target, ...]: ...
    def routes(self) -> set[str]:
        """The ids of all services that have a route."""


@dataclass(frozen=True)
class Budget:
    """What is left of a caller's requests for this minute; `reset_at` is in epoch seconds."""

    allowed: bool
    limit: int
    remaining: int
    reset_at: int


class Counter(Protocol):
    """Counts requests against a budget a minute."""

    def hit(self, bucket: str, limit: int) -> Budget: ...


class Vault(Protocol):
    """Encryption at rest."""

    def seal(self, plain: str) -> str: ...
    def open(self, sealed: str) -> str: ...


class Clock(Protocol):
    """Time. `now()` is aware and in UTC, cut to milliseconds."""

    def now(self) -> datetime: ...
    def sleep(self, seconds: float) -> None: ...


class Feed(Protocol):
    """News that something changed. The database carries the truth: a lost nudge only costs a moment."""

    def mark(self) -> int:
        """Take it before looking at the database: news from between look and wait then ends the wait at once."""

    def nudge(self) -> None: ...
    def wait(self, seconds: float, since: int | None = None) -> None:
        """Return when nudged after the mark `since` (without one: from now on), or after so many seconds."""


@dataclass(frozen=True)
class Ports:
    """Everything that a rule may reach."""

    settings: Settings
    store: Store
    runtime: Runtime
    router: Router
    counter: Counter
    vault: Vault
    clock: Clock
    feed: Feed
    instance: str
    """This installation's id, by which its containers are told from another panel's on the same engine."""
    openings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Permission → the operations that it opens, as the document says."""
