"""The tables of the audit record, and how events are appended to a chain."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from random import randrange

import msgspec
from sqlalchemy import Column, Connection, Engine, Index, Integer, Table, insert, select

from domain.adapters.sql.columns import TextType, columns
from domain.adapters.sql.engines import lock_schema, transaction
from domain.adapters.sql.tables import entity_table, list_indexes, metadata
from domain.audit.chain import NO_HASH, event_hash, head_seal
from domain.model.audit_event import AuditEvent, ChainHead
from domain.ports.vault import Vault

# Every write of the panel pays for each index. IDs begin with the time, so that their order is that of the events.
audit_events = Table("audit_events", metadata, *columns(AuditEvent), sqlite_with_rowid=False)
Index("audit_events_place", audit_events.c.chain, audit_events.c.number, unique=True)
list_indexes(audit_events, "actor_id id", "resource_id id")
_of_customers = audit_events.c.customer_id.is_not(None)
Index(
    "audit_events_by_customer_id",
    audit_events.c.customer_id,
    audit_events.c.id,
    sqlite_where=_of_customers,
    postgresql_where=_of_customers,
)
audit_heads = entity_table("audit_heads", ChainHead, primary=("chain",))
audit_key = Table(
    "audit_key",
    metadata,
    Column("id", Integer(), primary_key=True, autoincrement=False),
    Column("sealed", TextType(), nullable=False),
)

CHAINS = 16
Draft = Callable[..., AuditEvent]
"""An event that lacks its place: it takes `chain`, `number` and `previous`."""
_COLUMNS = tuple(column.name for column in audit_events.columns)
_HEAD = "SELECT chain, number, hash FROM audit_heads"


@dataclass(frozen=True)
class _Statements:
    """The SQL of one write. Every write of the panel runs it, and SQLAlchemy's own statements cost it three times."""

    lock_free_head: str
    lock_head: str
    insert: str
    move_head: str


@cache
def _statements(dialect: str) -> _Statements:
    """SQLite has one writer at a time, so it knows no locks of rows."""
    mark, lock, skip = ("?", "", "") if dialect == "sqlite" else ("%s", " FOR UPDATE", " SKIP LOCKED")
    values = ", ".join(mark for _ in _COLUMNS)
    return _Statements(
        lock_free_head=f"{_HEAD} ORDER BY chain LIMIT 1{lock}{skip}",
        lock_head=f"{_HEAD} WHERE chain = {mark}{lock}",
        insert=f"INSERT INTO audit_events ({', '.join(_COLUMNS)}) VALUES ({values})",  # noqa: S608 - our own names
        move_head=f"UPDATE audit_heads SET number = {mark}, hash = {mark}, seal = {mark} WHERE chain = {mark}",  # noqa: S608
    )


def open_key(engine: Engine, vault: Vault) -> bytes:
    """Return the key of the chains, which is made with the heads at the first start and stored encrypted."""
    with transaction(engine, commit=False) as connection:
        sealed = connection.scalar(select(audit_key.c.sealed))
    return bytes.fromhex(vault.decrypt(sealed or _create_key(engine, vault.encrypt(secrets.token_hex(32)), vault)))


def _create_key(engine: Engine, sealed: str, vault: Vault) -> str:
    key = bytes.fromhex(vault.decrypt(sealed))
    heads = [asdict(ChainHead(chain, 0, NO_HASH, head_seal(key, chain, 0, NO_HASH))) for chain in range(CHAINS)]
    with transaction(engine) as connection:
        lock_schema(connection)
        known = connection.scalar(select(audit_key.c.sealed))
        if known is not None:
            return str(known)
        connection.execute(insert(audit_key).values(id=1, sealed=sealed))
        connection.execute(insert(audit_heads), heads)
    return sealed


def append(connection: Connection, key: bytes, drafts: Sequence[Draft]) -> None:
    """Write events at the end of a chain to which no other transaction is writing. It stays locked until the commit."""
    dialect = connection.dialect.name
    statements = _statements(dialect)
    chain, number, newest = _lock_head(connection, statements)
    rows = []
    for draft in drafts:
        number += 1
        event = draft(chain=chain, number=number, previous=newest)
        newest = event_hash(key, event)
        rows.append(_row(event, newest, dialect))
    connection.exec_driver_sql(statements.insert, rows)
    moved = (number, newest, head_seal(key, chain, number, newest), chain)
    connection.exec_driver_sql(statements.move_head, moved)


def _lock_head(connection: Connection, statements: _Statements) -> tuple[int, int, str]:
    """Return chain, number and hash of the first head that nobody holds. If all are held, wait for one."""
    free = connection.exec_driver_sql(statements.lock_free_head).first()
    if free is None:
        any_head = (randrange(CHAINS),)  # noqa: S311 - no secret
        free = connection.exec_driver_sql(statements.lock_head, any_head).one()
    return free.chain, free.number, free.hash


def _row(event: AuditEvent, own_hash: str, dialect: str) -> tuple[object, ...]:
    """Return the values of the columns, as SQLAlchemy's types store them."""
    stored = {**event.__dict__, "hash": own_hash, "changes": msgspec.json.encode(event.changes).decode()}
    if dialect == "sqlite":
        stored["created_at"] = event.created_at.strftime("%Y-%m-%d %H:%M:%S.%f")
    return tuple(stored[name] for name in _COLUMNS)
