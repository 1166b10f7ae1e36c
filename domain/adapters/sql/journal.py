"""Events: gathered while a block runs, numbered and written as its last act, so that their order is commit order."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from domain.adapters.sql.tables import entity_table, list_indexes
from domain.events import event_types
from domain.model.event import Event

events = entity_table("events", Event, primary=("sequence",))
list_indexes(events, "at")

_TURN = 0x6576656E74  # "event": the advisory lock under which one transaction at a time numbers and commits


class Journal:
    """What a block has to tell. The last fact of a kind about a thing stands for those before it."""

    def __init__(self) -> None:
        self._facts: dict[tuple[str, str], event_types.Told] = {}

    def __bool__(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self._facts)

    def note(self, thing: object, *, removed: bool = False) -> None:
        """Remember that a thing has changed."""
        fact = event_types.told(thing, removed=removed)
        if fact is not None:
            self._add(fact)

    def take_over(self, other: "Journal") -> None:
        """Tell what a part of this block had to tell."""
        for fact in other._facts.values():
            self._add(fact)

    def _add(self, fact: event_types.Told) -> None:
        kind, resource, *_ = fact
        self._facts.pop((kind, resource), None)
        self._facts[kind, resource] = fact

    def write(self, connection: Connection) -> None:
        """Number what was noted and write it, as the transaction's last act.

        On PostgreSQL the lock is held until the commit: whoever numbers next sees these, and commits after them. A
        number that a transaction took and gave back is taken again, so there are no gaps.
        """
        if not self._facts:
            return
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_TURN)))
        newest = connection.scalar(select(func.max(events.c.sequence))) or 0
        now = datetime.now(UTC)
        told = [
            event_types.event(fact, newest + count, now) for count, fact in enumerate(self._facts.values(), start=1)
        ]
        connection.execute(insert(events), [_row(event) for event in told])


def _row(event: Event) -> dict[str, Any]:
    return {column.name: getattr(event, column.name) for column in events.columns}
