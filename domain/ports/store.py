"""The database: transactions (blocks), their repositories and idempotent requests."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.model.organization import Organization
from domain.model.plan import Plan
from domain.ports.repositories.api_keys import ApiKeys
from domain.ports.repositories.audit_events import AuditEvents
from domain.ports.repositories.custom_domains import CustomDomains
from domain.ports.repositories.customers import Customers
from domain.ports.repositories.deploy_hooks import DeployHooks
from domain.ports.repositories.deployments import Deployments
from domain.ports.repositories.events import Events
from domain.ports.repositories.files import Files
from domain.ports.repositories.operations import Operations
from domain.ports.repositories.published_ports import PublishedPorts
from domain.ports.repositories.registries import Registries
from domain.ports.repositories.samples import Samples
from domain.ports.repositories.schedules import Schedules
from domain.ports.repositories.services import Services
from domain.ports.repositories.sessions import Sessions
from domain.ports.repositories.subscriptions import Subscriptions
from domain.ports.repositories.templates import Templates
from domain.ports.repositories.tickets import Tickets
from domain.ports.repositories.traffic import Traffic
from domain.ports.repositories.used_tokens import UsedTokens
from domain.ports.repositories.users import Users
from domain.ports.repositories.volumes import Volumes
from domain.ports.repository import Repository


class Work(Protocol):
    """The repositories of a block of `begin()` or `read()`.

    The store reads this declaration: `api_keys` is the class `ApiKeys` of its module `repositories.api_keys`.
    """

    services: Services
    deployments: Deployments
    deploy_hooks: DeployHooks
    operations: Operations
    schedules: Schedules
    api_keys: ApiKeys
    users: Users
    customers: Customers
    organizations: Repository[Organization]
    plans: Repository[Plan]
    subscriptions: Subscriptions
    sessions: Sessions
    tickets: Tickets
    used_tokens: UsedTokens
    samples: Samples
    traffic: Traffic
    files: Files
    published_ports: PublishedPorts
    events: Events
    audit_events: AuditEvents
    registries: Registries
    templates: Templates
    custom_domains: CustomDomains
    volumes: Volumes


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

        What it changes for a request is written to the audit record (see `domain.identity.actions`).
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

    def release_space(self) -> None:
        """Return free pages of the database's file to the file system, some thousands at a time."""

    def close(self) -> None: ...
