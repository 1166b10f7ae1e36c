"""The database: transactions (blocks), repositories and idempotent requests."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from domain.model.api_key import ApiKey
from domain.model.deployment import Deployment, LogLine
from domain.model.event import Event
from domain.model.operation import Operation
from domain.model.principal import PrincipalKind
from domain.model.sample import Sample
from domain.model.schedule import Schedule
from domain.model.service import Health, Service, ServiceStatus, Usage
from domain.model.session import Session
from domain.model.ticket import Ticket
from domain.model.user import User

T = TypeVar("T")


@dataclass(frozen=True)
class Query:
    """Which page of a list to read.

    `filters` compare for equality, or with one of the values of a tuple. `created_at` is from `since` until before
    `until`, `expires_at` later than `unexpired_at`. `search` matches a part of the text that the repository searches,
    in upper or lower case.
    """

    filters: Mapping[str, object] = field(default_factory=dict)
    search: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    unexpired_at: datetime | None = None
    sort: str = "created_at"
    descending: bool = True
    page: int = 1
    per_page: int = 20


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page, and the number of items on all pages."""

    items: list[T]
    total: int
    page: int
    per_page: int


class Repository(Protocol[T]):
    """The entities of one kind. Inside `begin()`, `get` locks the entity until the block ends."""

    def get(self, entity_id: str) -> T | None: ...
    def get_many(self, entity_ids: Collection[str]) -> dict[str, T]:
        """Return the entities that exist, by id. They are not locked."""

    def add(self, entity: T) -> None:
        """Raise `errors.Conflict` if a unique value exists already. The block cannot go on after that."""

    def save(self, entity: T) -> None:
        """Write all fields, and add one to `revision` in the row and in the object.

        Raise `errors.Conflict` if the row was changed since it was read.
        """

    def remove(self, entity_id: str) -> None: ...
    def page(self, query: Query) -> Page[T]: ...


class Services(Repository[Service], Protocol):
    """Services."""

    def observe(self, service_id: str, status: ServiceStatus, health: Health, usage: Usage) -> None:
        """Write status, health and usage as observed, unless the service is deploying.

        The revision rises only if `status` changes.
        """

    def wanted_running(self) -> list[Service]:
        """Return the services that should be running and have no operation in progress."""


class Deployments(Repository[Deployment], Protocol):
    """Deployments, and what only they are asked."""

    def previous_success(self, service_id: str, before: str | None = None) -> Deployment | None:
        """The newest succeeded deployment older than `before` (an id), of those that ran themselves."""

    def newest(self, service_id: str) -> Deployment | None:
        """The one that was asked for last."""

    def add_lines(self, lines: Sequence[LogLine]) -> None: ...
    def last_line_number(self, deployment_id: str) -> int:
        """Return the number of the newest line of a deployment's log; 0 if it has none."""

    def lines(self, deployment_id: str, after: int, limit: int) -> list[LogLine]: ...
    def remove_of(self, service_id: str) -> None: ...
    def of_operation(self, operation_id: str) -> list[Deployment]:
        """Return the deployments that share an operation, oldest first."""


class Operations(Repository[Operation], Protocol):
    """Operations: the queue of background work."""

    def claim(self, owner: str, now: datetime, until: datetime) -> Operation | None:
        """Take the oldest operation that may run: queued behind no other of its lock key, or running without a lease.

        Sets status running, `lease_owner`, `lease_until`, `attempts` + 1, and `started_at` at the first claim. No two
        callers ever get the same operation.
        """

    def renew(self, operation_id: str, owner: str, until: datetime) -> Operation | None:
        """Extend the lease and return the operation; None if it is no longer the owner's."""

    def unfinished(self, lock_key: str) -> list[Operation]:
        """Return the queued and running operations of a lock key, oldest first."""


class Schedules(Protocol):
    """Recurring jobs: when each is due, and which worker runs it."""

    def put(self, added: Sequence[Schedule]) -> None:
        """Add those whose name is new; of the others change nothing but `every`."""

    def get(self, name: str) -> Schedule | None: ...
    def due(self, names: Collection[str], now: datetime) -> bool:
        """Return whether one of these is due and no worker runs it."""

    def claim(self, names: Collection[str], owner: str, now: datetime, until: datetime) -> Schedule | None:
        """Take the one of these that is due for longest and that no worker runs, with a lease until then."""

    def finish(self, name: str, owner: str, ran_at: datetime, next_at: datetime, error: str | None) -> None:
        """Write a run and give up the lease. Nothing is written if the lease is no longer the owner's."""

    def owners(self) -> set[str]:
        """Return the workers that have a lease on a schedule."""

    def release(self, owner: str) -> None:
        """Give up the leases of a worker, whose runs are done again."""


class ApiKeys(Repository[ApiKey], Protocol):
    """API keys."""

    def by_prefix(self, prefix: str) -> ApiKey | None: ...
    def record_use(self, key_id: str, at: datetime, address: str, requests: int) -> None:
        """Add to the request count, and set when and from where the key was last used. The revision stays."""

    def any(self) -> bool: ...


class Users(Repository[User], Protocol):
    """Users."""

    def by_subject(self, subject: str) -> User | None:
        """Return the user with this id at the identity provider."""

    def record_use(self, user_id: str, at: datetime, address: str) -> None:
        """Set when and from where the user was last seen. The revision stays."""


class Sessions(Repository[Session], Protocol):
    """Browser sessions. They are removed with their principal."""

    def by_digest(self, digest: str) -> Session | None: ...
    def record_use(self, session_id: str, at: datetime, ip: str) -> None:
        """Set when and from where the session was last used. The revision stays."""

    def remove_of(self, kind: PrincipalKind, principal_id: str, except_id: str | None = None) -> None:
        """Remove all sessions of a principal, except one."""

    def remove_expired(self, now: datetime) -> None: ...


class Tickets(Protocol):
    """Tickets for WebSocket connections. They are removed with their principal and with their session."""

    def add(self, ticket: Ticket) -> None: ...
    def take(self, digest: str) -> Ticket | None:
        """Remove a ticket and return it: of two parallel callers, one gets it."""

    def remove_expired(self, now: datetime) -> None: ...


class Samples(Protocol):
    """Samples of the resource usage of services. They are removed with their service."""

    def add(self, new_samples: Sequence[Sample]) -> None:
        """Insert samples. Skip those of a time that has one, and of services that do not exist."""

    def between(self, service_id: str, since: datetime, until: datetime) -> list[Sample]:
        """Return the samples from `since` until before `until`, oldest first."""

    def remove_before(self, before: datetime) -> int:
        """Delete older samples. Return how many."""


class Events(Protocol):
    """Events. A change of a service, deployment or operation adds its event in the same block."""

    def after(self, sequence: int, limit: int) -> list[Event]:
        """Return at most `limit` events with higher numbers, in the order of commits."""

    def bounds(self) -> tuple[int, int]:
        """Return the numbers of the oldest and the newest event; (1, 0) if there are none."""

    def remove_before(self, before: datetime) -> int:
        """Delete older events, except the newest of all. Return how many."""


class Work(Protocol):
    """The repositories of a block of `begin()` or `read()`.

    The store reads this declaration: `api_keys` is the class `ApiKeys` of its module `repositories.api_keys`.
    """

    services: Services
    deployments: Deployments
    operations: Operations
    schedules: Schedules
    api_keys: ApiKeys
    users: Users
    sessions: Sessions
    tickets: Tickets
    samples: Samples
    events: Events


@dataclass(frozen=True)
class IdempotentRequest:
    """What makes two requests equal: the caller's id, its Idempotency-Key, and a digest of operation and arguments."""

    caller: str
    key: str
    digest: str


class Store(Protocol):
    """The database. Rules use it through blocks. Inside a block, no other port may be called."""

    def begin(self, *, dry_run: bool = False) -> AbstractContextManager[Work]:
        """Open a transaction that writes. It commits at the end, and rolls back on an exception or a dry run.

        On SQLite one block of all processes runs at a time; on PostgreSQL the rows that `get` returns are locked.
        """

    def read(self) -> AbstractContextManager[Work]:
        """Open a consistent snapshot, which cannot write."""

    def run_once(self, request: IdempotentRequest, now: datetime, act: Callable[[], bytes]) -> bytes:
        """Run `act` once for equal requests within 24 hours. Return its response to each of them.

        All `begin()` blocks within `act` are one transaction, which commits with the response when `act` returns.
        Parallel, equal requests wait for the first. Raise `errors.Conflict` (`idempotency_mismatch`) if the key was
        used with another digest. If `act` raises, or only reads and makes dry runs, nothing is stored.
        """

    @property
    def instance(self) -> str:
        """The installation's id, which is made with the database."""

    def ping(self) -> None:
        """Raise `errors.Unavailable` if the database does not answer."""

    def close(self) -> None: ...
