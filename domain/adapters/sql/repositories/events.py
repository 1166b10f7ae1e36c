"""The repository of events, which the journal writes."""

from datetime import datetime

from sqlalchemy import delete, func, select

from domain.adapters.sql.journal import events
from domain.adapters.sql.repository import Block
from domain.model.event import Event
from domain.ports import store as ports


class Events(ports.Events):
    """Events."""

    def __init__(self, block: Block) -> None:
        self._connection = block.connection

    def after(self, sequence: int, limit: int) -> list[Event]:
        """In the order of commits."""
        wanted = select(events).where(events.c.sequence > sequence).order_by(events.c.sequence).limit(limit)
        return [Event(*row) for row in self._connection.execute(wanted)]

    def bounds(self) -> tuple[int, int]:
        """(1, 0) while there is none."""
        first, last = self._connection.execute(select(func.min(events.c.sequence), func.max(events.c.sequence))).one()
        return first or 1, last or 0

    def forget(self, before: datetime) -> int:
        """The newest stays: the next one counts on from it."""
        newest = select(func.max(events.c.sequence)).scalar_subquery()
        old = delete(events).where(events.c.at < before, events.c.sequence < newest)
        return int(self._connection.execute(old).rowcount)
