"""Blocks of stored events: many events in one compressed row, as most of an event repeats the one before it."""

import zlib
from collections.abc import Sequence

import msgspec
from sqlalchemy import BigInteger, Column, Connection, LargeBinary, Table, bindparam, func, insert, select

from domain.adapters.sql.columns import UtcDateTime
from domain.adapters.sql.tables import metadata
from domain.model.event import Event

SIZE = 500
"""The number of events in a block."""

event_blocks = Table(
    "event_blocks",
    metadata,
    Column("first", BigInteger(), primary_key=True, autoincrement=False),
    Column("last", BigInteger(), nullable=False),
    Column("newest_at", UtcDateTime(), nullable=False),
    Column("events", LargeBinary(), nullable=False),
)
OLDEST = select(func.min(event_blocks.c.first))

# A block with number `after` + 1 follows it, or is the oldest that is kept.
_AFTER = (
    select(event_blocks.c.events)
    .where(event_blocks.c.last > bindparam("after"))
    .order_by(event_blocks.c.first)
    .limit(bindparam("blocks"))
)
_INSERT = insert(event_blocks)
_decoder = msgspec.json.Decoder(list[Event])


def read_after(connection: Connection, sequence: int, limit: int) -> list[Event]:
    """Return at most `limit` events of blocks with higher numbers, in their order."""
    rows = connection.execute(_AFTER, {"after": sequence, "blocks": 2 + limit // SIZE})
    stored = (event for row in rows for event in _decoder.decode(zlib.decompress(row.events)))
    return [event for event in stored if event.sequence > sequence][:limit]


def add(connection: Connection, events: Sequence[Event]) -> None:
    """Insert a block of events with consecutive numbers."""
    newest = max(event.at for event in events)
    encoded = zlib.compress(msgspec.json.encode(events))
    row = {"first": events[0].sequence, "last": events[-1].sequence, "newest_at": newest, "events": encoded}
    connection.execute(_INSERT, row)
