"""The repository of events, which the journal writes."""

from datetime import datetime

from sqlalchemy import bindparam, delete, func, select

from domain.adapters.sql.journal import events
from domain.adapters.sql.reading import Block
from domain.model.event import Event
from domain.ports.repositories import events as ports

# Built once: building a statement takes longer than running it.
_AFTER = (
    select(events).where(events.c.sequence > bindparam("after")).order_by(events.c.sequence).limit(bindparam("limit"))
)
_BOUNDS = select(func.min(events.c.sequence), func.max(events.c.sequence))


class Events(ports.Events):
    """Events."""

    def __init__(self, block: Block) -> None:
        self._connection = block.connection

    def after(self, sequence: int, limit: int) -> list[Event]:
        """Return at most `limit` events with higher numbers, in the order of commits."""
        return [Event(*row) for row in self._connection.execute(_AFTER, {"after": sequence, "limit": limit})]

    def bounds(self) -> tuple[int, int]:
        """Return the numbers of the oldest and the newest event; (1, 0) if there are none."""
        first, last = self._connection.execute(_BOUNDS).one()
        return first or 1, last or 0

    def remove_before(self, before: datetime) -> int:
        """Delete older events, except the newest of all, from which the next number is counted."""
        newest = select(func.max(events.c.sequence)).scalar_subquery()
        old = delete(events).where(events.c.at < before, events.c.sequence < newest)
        return int(self._connection.execute(old).rowcount)
