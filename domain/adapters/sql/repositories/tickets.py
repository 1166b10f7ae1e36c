"""The repository of tickets."""

from dataclasses import fields
from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, delete, insert

from domain.adapters.sql.repository import Block
from domain.adapters.sql.tables import entity_table, list_indexes
from domain.model.ticket import Ticket
from domain.ports import store as ports

tickets = entity_table(
    "tickets",
    Ticket,
    ForeignKeyConstraint(["api_key_id"], ["api_keys.id"], ondelete="CASCADE"),
    ForeignKeyConstraint(["session_id"], ["sessions.id"], ondelete="CASCADE"),
    primary=("digest",),
)
list_indexes(tickets, "api_key_id", "session_id", "expires_at")


class Tickets(ports.Tickets):
    """Tickets."""

    def __init__(self, block: Block) -> None:
        self._connection = block.connection

    def add(self, ticket: Ticket) -> None:
        """Keep it until it is taken or forgotten."""
        row = {field.name: getattr(ticket, field.name) for field in fields(ticket)}
        self._connection.execute(insert(tickets).values(row))

    def take(self, digest: str) -> Ticket | None:
        """Of two callers at once the database lets one delete the row."""
        taken = delete(tickets).where(tickets.c.digest == digest).returning(*tickets.c)
        row = self._connection.execute(taken).first()
        return None if row is None else Ticket(*row)

    def forget(self, now: datetime) -> None:
        """Remove those that have expired."""
        self._connection.execute(delete(tickets).where(tickets.c.expires_at <= now))
