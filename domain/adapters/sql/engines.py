"""Connections to SQLite or PostgreSQL: how they are opened, how transactions begin, and which errors mean away."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from domain.adapters.sql.faults import disk_fault, fault_of, unavailable
from domain.adapters.sql.group_sync import GroupSync
from domain.errors import Unavailable
from domain.ports.transactions import in_transaction, open_transaction

LOCK_TIMEOUT = 30.0  # seconds to wait for a lock or a free connection before the database counts as away

NESTED = "a block of the store cannot begin inside another block"


@dataclass(frozen=True)
class Engines:
    """Two engines for one database: `write` begins transactions that write, `read` begins read-only snapshots."""

    write: Engine
    read: Engine

    def close(self) -> None:
        self.read.dispose()
        self.write.dispose()


def connect(url: str) -> Engines:
    """Return engines for `sqlite:////path` or `postgresql://…`, without opening a connection.

    Raise Unavailable if the URL is neither.
    """
    with suppress(ArgumentError):
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite" and parsed.database not in {None, "", ":memory:"}:
            return _sqlite(parsed.set(drivername="sqlite+pysqlite"))
        if parsed.get_backend_name() in {"postgresql", "postgres"}:
            return _postgresql(parsed.set(drivername="postgresql+psycopg"))
    raise unavailable(
        "The database URL must look like sqlite:////path/panel.db or postgresql://user:password@host/name"
    )


def driver_message(error: Exception) -> str:
    """Return the database's own message, without the hints and the statement that SQLAlchemy adds."""
    return str(getattr(error, "orig", error)).partition("\n")[0]


@contextmanager
def transaction(engine: Engine, *, commit: bool = True) -> Iterator[Connection]:
    """Open a transaction. It commits at the end, or rolls back on an exception or without `commit`.

    Raise Unavailable if the database is away, and RuntimeError inside another transaction of this thread.
    """
    if in_transaction():
        raise RuntimeError(NESTED)
    with _report_unavailable(), open_transaction(), engine.connect() as connection, connection.begin() as current:
        yield connection
        if not commit:
            current.rollback()
    group_sync = engine.get_execution_options().get("group_sync")
    if commit and group_sync:
        _make_durable(group_sync)


def _make_durable(group_sync: GroupSync) -> None:
    """Wait for the disk after the write lock is given up, so that others write meanwhile."""
    try:
        group_sync.sync()
    except OSError as error:
        fault = disk_fault(error)
        raise unavailable(fault.message, fault.advice) from error


@contextmanager
def first_transaction(engine: Engine) -> Iterator[Connection]:
    """Open the transaction of a start. Its Unavailable tells the operator which database it is, and what that says."""
    try:
        with transaction(engine) as connection:
            yield connection
    except (SQLAlchemyError, Unavailable) as error:
        cause = error.__cause__ if isinstance(error.__cause__, SQLAlchemyError) else error
        database = engine.url.render_as_string(hide_password=True)
        fault = fault_of(cause) if isinstance(cause, SQLAlchemyError) else None
        advice = f". {fault.message}. {fault.advice}" if fault else ""
        raise unavailable(f"The database {database} cannot be used: {driver_message(cause)}{advice}") from error


@contextmanager
def _report_unavailable() -> Iterator[None]:
    try:
        yield
    except (DBAPIError, DisconnectionError, PoolExhausted) as error:
        fault = fault_of(error)
        if fault is None:
            raise
        raise unavailable(fault.message, fault.advice) from error


def lock_schema(connection: Connection) -> None:
    """Wait until no other process migrates; SQLite's immediate transactions exclude each other anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(0x70616E656C)))


def _postgresql(url: URL) -> Engines:
    options = {"connect_timeout": "5", "tcp_user_timeout": "15000", "keepalives_idle": "30"} | dict(url.query)
    pool = {"pool_pre_ping": True, "pool_size": 10, "max_overflow": 20, "pool_timeout": LOCK_TIMEOUT}
    # One pool per isolation level: setting a connection's level costs more than a query.
    write, read = (
        create_engine(url.set(query=options), isolation_level=level, **pool)
        for level in ("READ COMMITTED", "REPEATABLE READ")
    )
    event.listen(read, "connect", _set_read_only)
    return Engines(write, read)


def _set_read_only(raw: Any, _record: object) -> None:  # noqa: ANN401 - SQLite needs no psycopg
    raw.read_only = True


def _sqlite(url: URL) -> Engines:
    driver = {"timeout": LOCK_TIMEOUT, "isolation_level": None}  # the driver begins no transactions by itself
    # One connection for writing: threads queue for it in the pool instead of polling for SQLite's lock.
    write = create_engine(
        url,
        connect_args=driver,
        execution_options={"group_sync": GroupSync(f"{url.database}-wal")},
        pool_size=1,
        max_overflow=0,
        pool_timeout=LOCK_TIMEOUT,
    )
    read = create_engine(url, connect_args=driver, pool_size=10, max_overflow=20, pool_timeout=LOCK_TIMEOUT)
    event.listen(write, "do_connect", _create_private_file)
    event.listen(write, "connect", _configure)
    event.listen(read, "connect", _configure)
    event.listen(read, "connect", _set_query_only)
    event.listen(write, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    event.listen(read, "begin", _begin_snapshot)
    return Engines(write, read)


def _begin_snapshot(connection: Connection) -> None:
    """Begin on the driver's connection, which is faster and cannot fail: nothing is locked before the first query."""
    raw: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
    raw.execute("BEGIN")


def _create_private_file(_dialect: object, _record: object, arguments: list[str], _options: object) -> None:
    with suppress(OSError):  # SQLite reports what is wrong with the path when it opens the file
        os.close(os.open(arguments[0], os.O_CREAT | os.O_RDWR, 0o600))


def _configure(raw: sqlite3.Connection, _record: object) -> None:
    _prepare_file(raw)
    raw.execute("PRAGMA journal_size_limit = 16777216")
    raw.execute("PRAGMA synchronous = NORMAL")  # `transaction` syncs: FULL would do so under the write lock
    raw.execute("PRAGMA foreign_keys = ON")
    raw.create_function("lower", 1, _lower, deterministic=True)  # SQLite's own handles ASCII only


def _prepare_file(raw: sqlite3.Connection) -> None:
    """Enable vacuuming and write-ahead logging. While another process does so, SQLite refuses without waiting."""
    deadline = time.monotonic() + LOCK_TIMEOUT
    while True:
        try:
            _enable_vacuum(raw)
            raw.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _enable_vacuum(raw: sqlite3.Connection) -> None:
    """Let a new file give space back. In a file with tables it has no effect, and waits for other writers."""
    (pages,) = raw.execute("PRAGMA page_count").fetchone()
    if pages == 0:
        raw.execute("PRAGMA auto_vacuum = INCREMENTAL")


def _lower(text: str | None) -> str | None:
    return text and text.lower()


def _set_query_only(raw: sqlite3.Connection, _record: object) -> None:
    raw.execute("PRAGMA query_only = ON")
