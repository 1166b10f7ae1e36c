"""The database: blocks, repositories and idempotent requests."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from domain.model.api_key import ApiKey
from domain.model.deployment import Deployment, LogLine
from domain.model.event import Event
from domain.model.operation import Operation
from domain.model.sample import Sample
from domain.model.service import Health, Service, ServiceStatus, Usage
from domain.model.session import Session
from domain.model.ticket import Ticket

T = TypeVar("T")


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
    def get_many(self, entity_ids: Collection[str]) -> dict[str, T]:
        """Those of them that there are, by id, in one question; not locked."""

    def add(self, entity: T) -> None:
        """Raise `errors.Conflict` when a unique value is taken; after that nothing more can be done in the block."""

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

    def newest(self, service_id: str) -> Deployment | None:
        """The one that was asked for last."""

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


class Sessions(Repository[Session], Protocol):
    """Browser sessions, and what only they are asked. They go with their API key."""

    def by_digest(self, digest: str) -> Session | None: ...
    def seen(self, session_id: str, at: datetime, ip: str) -> None:
        """Set where and when it was last seen; the revision stays."""

    def remove_of(self, api_key_id: str, but: str | None = None) -> None:
        """Remove all sessions of a key but one."""

    def forget(self, now: datetime) -> None:
        """Remove those that have expired."""


class Tickets(Protocol):
    """Tickets for sockets. They go with their API key, and with the session that asked for them."""

    def add(self, ticket: Ticket) -> None: ...
    def take(self, digest: str) -> Ticket | None:
        """The ticket, which is gone with that: of two callers at once, one gets it."""

    def forget(self, now: datetime) -> None:
        """Remove those that have expired."""


class Samples(Protocol):
    """What services took. They go with their service."""

    def add(self, samples: Sequence[Sample]) -> None:
        """A second one of the same moment, and one of a service that is gone, is left out."""

    def between(self, service_id: str, since: datetime, until: datetime) -> list[Sample]:
        """Those from `since` until before `until`, oldest first."""

    def forget(self, before: datetime) -> int:
        """Remove older ones; answer how many."""


class Events(Protocol):
    """What has been told. Whatever changes a service, a deployment or an operation tells of it in its own block."""

    def after(self, sequence: int, limit: int) -> list[Event]:
        """At most `limit` events with higher numbers, in the order in which they were committed."""

    def bounds(self) -> tuple[int, int]:
        """The numbers of the oldest event that is still kept and of the newest; (1, 0) while there is none."""

    def forget(self, before: datetime) -> int:
        """Remove older ones, but for the newest of all; answer how many."""


class Work(Protocol):
    """What a block of `begin()` or `read()` may touch.

    The store reads this declaration: `api_keys` is the class `ApiKeys` of its module `repositories.api_keys`.
    """

    services: Services
    deployments: Deployments
    operations: Operations
    api_keys: ApiKeys
    sessions: Sessions
    tickets: Tickets
    samples: Samples
    events: Events


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
