"""Collect a block's events; number and write them as its last act, so that their order is the order of commits."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from domain.adapters.sql.tables import entity_table, list_indexes
from domain.events.event_types import EventContent, create_event
from domain.model.event import Event

events = entity_table("events", Event, primary=("sequence",))
list_indexes(events, "at")

_NEWEST = select(func.max(events.c.sequence))
_INSERT = insert(events)
_LOCK = 0x6576656E74  # "event": the advisory lock under which one transaction at a time numbers its events and commits


class Journal:
    """The events of one block. Of several with one type and resource, only the last is written."""

    def __init__(self) -> None:
        self._contents: dict[tuple[str, str], EventContent] = {}

    def __bool__(self) -> bool:
        """Return whether there are events."""
        return bool(self._contents)

    def add(self, content: EventContent) -> None:
        """Add an event, in the place of an earlier one with its type and resource."""
        key = content.type, content.resource
        self._contents.pop(key, None)
        self._contents[key] = content

    def merge(self, other: "Journal") -> None:
        """Add the events of a block that became a part of this one."""
        for content in other._contents.values():
            self.add(content)

    def write(self, connection: Connection) -> None:
        """Number and write the events. Call it as the transaction's last act.

        On PostgreSQL the lock is held until the commit: the next transaction to number sees these events, and commits
        after them. Numbers of a transaction that rolls back are used again, so there are no gaps.
        """
        if not self._contents:
            return
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        newest = connection.scalar(_NEWEST) or 0
        now = datetime.now(UTC)
        rows = [
            _row(create_event(content, sequence, now))
            for sequence, content in enumerate(self._contents.values(), start=newest + 1)
        ]
        connection.execute(_INSERT, rows)


def _row(event: Event) -> dict[str, Any]:
    return {column.name: getattr(event, column.name) for column in events.columns}
