"""The store: transactions on a database that is migrated when it is opened."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from datetime import datetime, timedelta
from threading import local
from typing import NamedTuple

from sqlalchemy import select, update

from domain.adapters.sql.audit_chains import open_key
from domain.adapters.sql.audit_trail import Trail
from domain.adapters.sql.engines import Engines, connect, transaction
from domain.adapters.sql.faults import UNAVAILABLE
from domain.adapters.sql.idempotency import DuplicateRequest, IdempotencyRecord, SharedTransaction, remove_expired
from domain.adapters.sql.journal import Journal
from domain.adapters.sql.reading import Block
from domain.adapters.sql.schema import installation, upgrade
from domain.adapters.sql.totals import Totals
from domain.adapters.sql.work import repositories
from domain.errors import Unavailable
from domain.identity.actions import current_action
from domain.ports.store import IdempotentRequest, Store, Work
from domain.ports.vault import Vault

_PAGES = 4096
_CLEANUP_INTERVAL = timedelta(hours=1)


def open_store(url: str, vault: Vault, notify: Callable[[], None] = lambda: None) -> Store:
    """Open and migrate the store at `sqlite:////path` or `postgresql://…`.

    `notify` is called after every commit that has events. Raise Unavailable if the database does not answer or was
    made by a newer panel.
    """
    engines = connect(url)
    try:
        instance = upgrade(engines.write)
        key = open_key(engines.write, vault)
    except BaseException:
        engines.close()
        raise
    return SqlStore(engines, vault, Installation(instance, key), notify)


class Installation(NamedTuple):
    """What is made with the database: the installation's ID, and the key of the audit record's chains."""

    id: str
    audit_key: bytes


class _Thread(local):
    shared: SharedTransaction | None = None


class _Writes:
    """Whether the last transaction that wrote did succeed: a full disk and a read-only file still answer reads."""

    def __init__(self) -> None:
        self.succeeded = False

    @contextmanager
    def observe(self) -> Iterator[None]:
        """Record the outcome of a transaction. An error that is not the database's says nothing about it."""
        try:
            yield
        except Unavailable as failure:
            self.succeeded = self.succeeded and failure.code != UNAVAILABLE
            raise
        else:
            self.succeeded = True


class SqlStore:
    """Implements `ports.Store`."""

    def __init__(self, engines: Engines, vault: Vault, made: Installation, notify: Callable[[], None]) -> None:
        self._notify = notify
        self._engines = engines
        self._vault = vault
        self._installation = made
        self._totals = Totals()
        self._writes = _Writes()
        self._thread = _Thread()
        self._cleaned_at: datetime | None = None

    @contextmanager
    def begin(self, *, dry_run: bool = False) -> Iterator[Work]:
        """Open a transaction that writes, or a savepoint in that of `run_once`."""
        shared, journal, commit = self._thread.shared, Journal(), not dry_run
        trail = Trail(self._installation.audit_key, current_action() if commit else None)
        block = shared.block(commit=commit) if shared else transaction(self._engines.write, commit=commit)
        with self._writes.observe() if commit else nullcontext(), block as connection:
            yield repositories(Block(connection, journal, self._totals, trail))
            if commit and not shared:
                trail.write(connection)
                journal.write(connection)
        if commit and shared:
            shared.journal.merge(journal)
            shared.trail.merge(trail)
        elif commit:
            self._committed(trail, journal)

    def _committed(self, trail: Trail, journal: Journal) -> None:
        trail.committed()
        if journal:
            self._notify()

    @contextmanager
    def read(self) -> Iterator[Work]:
        """Open a snapshot. Within `run_once` it sees what earlier blocks wrote."""
        shared = self._thread.shared
        joined = shared is not None and shared.connection is not None
        block = shared.block(commit=False) if shared and joined else transaction(self._engines.read)
        with block as connection:
            yield repositories(Block(connection, None, self._totals, Trail(self._installation.audit_key, None)))

    def run_once(self, request: IdempotentRequest, now: datetime, act: Callable[[], bytes]) -> bytes:
        """Return the response of the one run of `act` for equal requests."""
        if self._thread.shared is not None:
            raise RuntimeError("run_once cannot run inside another run_once")
        self._remove_expired(now)
        record = IdempotencyRecord(self._vault, request, now)
        while (response := self._stored_response(record)) is None:
            with suppress(DuplicateRequest):
                return self._run_first(record, act)
        return response

    def _stored_response(self, record: IdempotencyRecord) -> bytes | None:
        with transaction(self._engines.read) as connection:
            return record.response(connection)

    def _run_first(self, record: IdempotencyRecord, act: Callable[[], bytes]) -> bytes:
        try:
            return self._run(record, act)
        except Exception:
            # A parallel, equal request may have ended before `act` failed: its response is the response.
            response = self._stored_response(record)
            if response is None:
                raise
            return response

    def _run(self, record: IdempotencyRecord, act: Callable[[], bytes]) -> bytes:
        trail = Trail(self._installation.audit_key, current_action())
        with SharedTransaction(self._engines.write, record, trail) as shared:
            self._thread.shared = shared
            try:
                response = act()
            finally:
                self._thread.shared = None
            shared.finish(response)
        self._committed(trail, shared.journal)
        return response

    def _remove_expired(self, now: datetime) -> None:
        if self._cleaned_at is None or now - self._cleaned_at > _CLEANUP_INTERVAL:
            self._cleaned_at = now
            with transaction(self._engines.write) as connection:
                remove_expired(connection, now)

    @property
    def instance(self) -> str:
        """The installation's id, which is made with the database."""
        return self._installation.id

    def ping(self) -> None:
        """Raise Unavailable if the database does not answer, or if writes fail (after a failure, one is tried)."""
        with transaction(self._engines.read) as connection:
            connection.execute(select(1))
        if not self._writes.succeeded:
            with self._writes.observe(), transaction(self._engines.write) as connection:
                connection.execute(update(installation).values(id=installation.c.id))

    def release_space(self) -> None:
        """Shrink SQLite's file by up to 16 MB. A file of an earlier release keeps its size and reuses its pages."""
        if self._engines.write.dialect.name == "sqlite":
            with closing(self._engines.write.raw_connection()) as connection:
                raw: sqlite3.Connection = connection.driver_connection  # type: ignore[assignment]
                raw.executescript(f"PRAGMA incremental_vacuum({_PAGES})")  # `execute` would free a single page

    def close(self) -> None:
        """Close all connections."""
        self._engines.close()
