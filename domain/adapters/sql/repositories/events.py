"""The repository of events, which the journal writes."""

from datetime import datetime

from sqlalchemy import bindparam, delete, func, select

from domain.adapters.sql import event_blocks
from domain.adapters.sql.event_blocks import event_blocks as blocks
from domain.adapters.sql.journal import events
from domain.adapters.sql.reading import Block
from domain.model.event import Event
from domain.ports.repositories import events as ports

# Built once: building a statement takes longer than running it.
_AFTER = (
    select(events).where(events.c.sequence > bindparam("after")).order_by(events.c.sequence).limit(bindparam("limit"))
)
_BOUNDS = select(event_blocks.OLDEST.scalar_subquery(), func.min(events.c.sequence), func.max(events.c.sequence))
_REMOVE = delete(events).where(events.c.sequence.between(bindparam("first"), bindparam("last")))


class Events(ports.Events):
    """Events: the newest in a table, the others in compressed blocks. Their numbers have no gaps."""

    def __init__(self, block: Block) -> None:
        self._connection = block.connection

    def after(self, sequence: int, limit: int) -> list[Event]:
        """Return at most `limit` events with higher numbers, in the order of commits."""
        newest = self._in_table(sequence, limit)
        if not newest or newest[0].sequence == sequence + 1:
            return newest
        return [*event_blocks.read_after(self._connection, sequence, limit), *newest][:limit]

    def _in_table(self, sequence: int, limit: int) -> list[Event]:
        return [Event(*row) for row in self._connection.execute(_AFTER, {"after": sequence, "limit": limit})]

    def bounds(self) -> tuple[int, int]:
        """Return the numbers of the oldest and the newest event; (1, 0) if there are none."""
        in_blocks, first, last = self._connection.execute(_BOUNDS).one()
        return in_blocks or first or 1, last or 0

    def compress(self, keep: int) -> int:
        """Move the oldest block of events out of the table, unless less than `keep` would stay. Return how many.

        The newest event always stays, as the next one is numbered after it.
        """
        oldest = self._in_table(0, event_blocks.SIZE)
        _, last = self.bounds()
        if len(oldest) < event_blocks.SIZE or last - oldest[-1].sequence < max(keep, 1):
            return 0
        event_blocks.add(self._connection, oldest)
        self._connection.execute(_REMOVE, {"first": oldest[0].sequence, "last": oldest[-1].sequence})
        return len(oldest)

    def remove_before(self, before: datetime) -> int:
        """Delete older events, blocks only as a whole, and never the newest event, after which the next is numbered."""
        old_blocks = delete(blocks).where(blocks.c.newest_at < before).returning(blocks.c.first, blocks.c.last)
        in_blocks: int = sum(last - first + 1 for first, last in self._connection.execute(old_blocks))
        newest = select(func.max(events.c.sequence)).scalar_subquery()
        old = delete(events).where(events.c.at < before, events.c.sequence < newest)
        return in_blocks + int(self._connection.execute(old).rowcount)
