"""Faults of the database are named: its disk is full, it is read-only, locked, damaged, or away."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from domain.adapters.sql import engines
from domain.adapters.sql.faults import fault_of
from domain.adapters.sql.sealed import has_encrypted_values
from domain.adapters.sql.store import SqlStore, open_store
from domain.errors import Unavailable
from domain.model.definition import Definition, Variable
from domain.model.service import DeployMethod, Service
from domain.ports import Store
from tests.adapters.sql.conftest import FakeVault

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _service(number: int, value: str = "x" * 4096) -> Service:
    definition = Definition("services: {}", (Variable("A", value, secret=True),))
    return Service(f"svc_{number}", f"web{number}", DeployMethod.COMPOSE, definition, NOW, NOW)


@pytest.fixture
def store(sqlite_url: str, vault: FakeVault, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqlStore]:
    """A store that waits for locks for a moment only."""
    monkeypatch.setattr(engines, "LOCK_TIMEOUT", 0.2)
    opened = open_store(sqlite_url, vault)
    assert isinstance(opened, SqlStore)
    yield opened
    opened.close()


def _pragma(store: SqlStore, statement: str) -> None:
    with closing(store._engines.write.raw_connection()) as raw:
        raw.driver_connection.execute(f"PRAGMA {statement}")  # type: ignore[union-attr]


def _add_services(store: SqlStore) -> None:
    with store.begin() as work:
        for number in range(20):
            work.services.add(_service(number))


@contextmanager
def _full(store: SqlStore, _: Path) -> Iterator[None]:
    _pragma(store, "max_page_count = 1")  # less than it has: no page can be added
    yield
    _pragma(store, "max_page_count = 1073741823")


@contextmanager
def _read_only(store: SqlStore, _: Path) -> Iterator[None]:
    _pragma(store, "query_only = ON")
    yield
    _pragma(store, "query_only = OFF")


@contextmanager
def _locked(_: SqlStore, folder: Path) -> Iterator[None]:
    with closing(sqlite3.connect(folder / "panel.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (_full, "The disk of the database is full"),
        (_read_only, "The database is read-only"),
        (_locked, "The database is locked"),
    ],
)
def test_a_failed_write_names_the_fault_and_health_shows_it_until_it_is_mended(
    store: SqlStore, tmp_path: Path, fault: Callable[..., Iterator[None]], message: str
):
    store.ping()
    with fault(store, tmp_path):  # type: ignore[attr-defined]
        for _ in range(2):
            with pytest.raises(Unavailable, match=message) as failure:
                _add_services(store)
            assert failure.value.code == "database_unavailable"
            assert failure.value.details
        if fault is not _full:  # the small write that is tried needs no new page
            with pytest.raises(Unavailable, match=message):
                store.ping()
    store.ping()
    with store.begin() as work:
        work.services.add(_service(1))


def test_a_file_that_is_no_database_is_named_at_the_start(tmp_path: Path, vault: FakeVault):
    (tmp_path / "panel.db").write_bytes(b"no database" * 1000)
    with pytest.raises(Unavailable, match=r"The database is damaged\. Restore it from a backup"):
        open_store(f"sqlite:///{tmp_path}/panel.db", vault)


def test_a_database_that_cannot_be_opened_is_named_at_the_start(tmp_path: Path, vault: FakeVault):
    with pytest.raises(Unavailable, match=r"cannot be opened\. Check the path and the permissions"):
        open_store(f"sqlite:///{tmp_path}/missing/panel.db", vault)


def test_all_connections_in_use_are_named(store: SqlStore):
    with closing(store._engines.write.raw_connection()), pytest.raises(Unavailable, match="connections"), store.begin():
        pass


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (psycopg.errors.DiskFull, "The disk of the database is full"),
        (psycopg.errors.ReadOnlySqlTransaction, "The database is read-only"),
        (psycopg.errors.DeadlockDetected, "The database is locked"),
        (psycopg.errors.LockNotAvailable, "The database is locked"),
        (psycopg.errors.TooManyConnections, "All connections to the database are in use"),
        (psycopg.errors.DataCorrupted, "The database is damaged"),
        (psycopg.errors.IndexCorrupted, "The database is damaged"),
        (psycopg.errors.AdminShutdown, "The database does not answer"),
        (psycopg.errors.CannotConnectNow, "The database does not answer"),
    ],
)
def test_faults_of_postgresql_are_named_by_their_sqlstate(error: type[psycopg.Error], message: str):
    fault = fault_of(OperationalError("SELECT 1", None, error()))
    assert fault
    assert fault.message == message
    assert fault.advice


@pytest.mark.postgres
def test_a_write_to_a_read_only_postgresql_names_the_fault(postgres_url: str, vault: FakeVault):
    open_store(postgres_url, vault).close()
    with closing(open_store(postgres_url + quote(" -cdefault_transaction_read_only=on"), vault)) as store:
        _check_write_fails(store, "The database is read-only")


@pytest.mark.postgres
def test_a_write_to_a_locked_table_of_postgresql_names_the_fault(postgres_url: str, vault: FakeVault):
    with closing(open_store(postgres_url + quote(" -clock_timeout=100"), vault)) as store:
        assert isinstance(store, SqlStore)
        with store._engines.write.connect() as other:
            other.exec_driver_sql("LOCK TABLE services IN SHARE MODE")
            _check_write_fails(store, "The database is locked")
        _add_services(store)


def _check_write_fails(store: Store, message: str) -> None:
    with pytest.raises(Unavailable, match=message) as failure, store.begin() as work:
        work.services.add(_service(1))
    assert failure.value.code == "database_unavailable"


def test_a_mistake_in_a_statement_is_no_fault_of_the_database(store: SqlStore):
    with pytest.raises(Exception, match="no such table"), store.begin() as work:
        work.services._connection.exec_driver_sql("DELETE FROM missing_table")  # type: ignore[attr-defined]


@pytest.mark.parametrize(("value", "encrypted"), [("gAAAAABmVj0x", True), ("plain", False)])
def test_encrypted_values_are_found_in_any_table(url: str, vault: FakeVault, value: str, encrypted: bool):
    with closing(open_store(url, vault)) as store, store.begin() as work:
        work.services.add(_service(1, value))
    assert has_encrypted_values(url) is encrypted


def test_a_new_database_has_no_encrypted_values(sqlite_url: str):
    assert not has_encrypted_values(sqlite_url)
