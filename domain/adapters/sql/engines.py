"""Connections: how each of the two databases is opened, begun and found to be away."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from domain import errors
from domain.ports.transactions import held, in_transaction

PATIENCE = 30.0  # seconds to wait for a lock or for a free connection before the database counts as away

NESTED = "a block of the store inside another one"


@dataclass(frozen=True)
class Engines:
    """Two ways to the same database: one begins transactions that write, the other snapshots that cannot."""

    write: Engine
    read: Engine

    def close(self) -> None:
        self.read.dispose()
        self.write.dispose()


def connect(url: str) -> Engines:
    """Engines for `sqlite:////path` or `postgresql://…`; nothing is opened yet."""
    with suppress(ArgumentError):
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite" and parsed.database not in {None, "", ":memory:"}:
            return _sqlite(parsed.set(drivername="sqlite+pysqlite"))
        if parsed.get_backend_name() in {"postgresql", "postgres"}:
            return _postgresql(parsed.set(drivername="postgresql+psycopg"))
    raise unavailable(
        "The database URL must look like sqlite:////path/panel.db or postgresql://user:password@host/name"
    )


def unavailable(message: str) -> errors.Unavailable:
    """The refusal of a database that cannot be used now."""
    return errors.Unavailable(message, code="database_unavailable")


def said(error: Exception) -> str:
    """What the database itself said, without the hints and the statement that follow."""
    return str(getattr(error, "orig", error)).partition("\n")[0]


@contextmanager
def transaction(engine: Engine, *, keep: bool = True) -> Iterator[Connection]:
    """A transaction of its own, committed at the end unless it is not to be kept."""
    if in_transaction():
        raise RuntimeError(NESTED)
    with _away_is_unavailable(), held(), engine.connect() as connection, connection.begin() as current:
        yield connection
        if not keep:
            current.rollback()


@contextmanager
def _away_is_unavailable() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, DisconnectionError, PoolExhausted) as error:
        raise unavailable("The database does not answer") from error


def wait_for_other_starts(connection: Connection) -> None:
    """Let one process at a time look at the schema; SQLite's immediate transactions do so anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(0x70616E656C)))


def _postgresql(url: URL) -> Engines:
    asked = {"connect_timeout": "5", "tcp_user_timeout": "15000", "keepalives_idle": "30"} | dict(url.query)
    pool = {"pool_pre_ping": True, "pool_size": 10, "max_overflow": 20, "pool_timeout": PATIENCE}
    # A pool of connections for each: to set a connection's level costs more than to ask it something.
    write, read = (
        create_engine(url.set(query=asked), isolation_level=level, **pool)
        for level in ("READ COMMITTED", "REPEATABLE READ")
    )
    event.listen(read, "connect", _forbid_writing_there)
    return Engines(write, read)


def _forbid_writing_there(raw: Any, _record: object) -> None:  # noqa: ANN401 - SQLite needs no psycopg
    raw.read_only = True


def _sqlite(url: URL) -> Engines:
    driver = {"timeout": PATIENCE, "isolation_level": None}  # no isolation level: it begins nothing on its own
    # One connection that writes: threads queue for it in the pool, instead of polling for SQLite's lock.
    write = create_engine(url, connect_args=driver, pool_size=1, max_overflow=0, pool_timeout=PATIENCE)
    read = create_engine(url, connect_args=driver, pool_size=10, max_overflow=20, pool_timeout=PATIENCE)
    event.listen(write, "do_connect", _private_file)
    event.listen(write, "connect", _prepare)
    event.listen(read, "connect", _prepare)
    event.listen(read, "connect", _forbid_writing)
    event.listen(write, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    event.listen(read, "begin", _begin_to_read)
    return Engines(write, read)


def _begin_to_read(connection: Connection) -> None:
    """This cannot fail, as nothing is locked before the first question: so there is nothing to pay SQLAlchemy for."""
    raw: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
    raw.execute("BEGIN")


def _private_file(_dialect: object, _record: object, arguments: list[str], _options: object) -> None:
    with suppress(OSError):  # what is wrong with the path, SQLite tells when it opens the file
        os.close(os.open(arguments[0], os.O_CREAT | os.O_RDWR, 0o600))


def _prepare(raw: sqlite3.Connection, _record: object) -> None:
    _keep_a_journal(raw)
    raw.execute("PRAGMA synchronous = FULL")  # in WAL mode less than FULL may lose what was answered
    raw.execute("PRAGMA foreign_keys = ON")
    raw.create_function("lower", 1, _lower, deterministic=True)  # SQLite's own knows ASCII only


def _keep_a_journal(raw: sqlite3.Connection) -> None:
    """The first of several processes changes the file; SQLite refuses the others meanwhile without any patience."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            raw.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _lower(text: str | None) -> str | None:
    return text and text.lower()


def _forbid_writing(raw: sqlite3.Connection, _record: object) -> None:
    raw.execute("PRAGMA query_only = ON")
