"""The repository of tickets."""

from dataclasses import fields
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, delete, insert, select

from domain.adapters.sql.reading import Block
from domain.adapters.sql.tables import entity_table, list_indexes
from domain.model.ticket import Ticket
from domain.ports.repositories import tickets as ports

tickets = entity_table(
    "tickets",
    Ticket,
    ForeignKeyConstraint(["api_key_id"], ["api_keys.id"], ondelete="CASCADE"),
    ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
    ForeignKeyConstraint(["session_id"], ["sessions.id"], ondelete="CASCADE"),
    CheckConstraint("(api_key_id IS NULL) <> (user_id IS NULL)", name="tickets_principal"),
    primary=("digest",),
)
list_indexes(tickets, "api_key_id", "user_id", "session_id", "expires_at")


class Tickets(ports.Tickets):
    """Tickets, each of which is taken once."""

    def __init__(self, block: Block) -> None:
        self._connection = block.connection

    def add(self, ticket: Ticket) -> None:
        """Add a ticket. It stays until it is taken or removed."""
        row = {field.name: getattr(ticket, field.name) for field in fields(ticket)}
        self._connection.execute(insert(tickets).values(row))

    def exists(self, digest: str) -> bool:
        """Return whether a ticket can still be taken."""
        return self._connection.execute(select(tickets.c.digest).where(tickets.c.digest == digest)).first() is not None

    def take(self, digest: str) -> Ticket | None:
        """Remove a ticket and return it. The database lets one of two parallel blocks delete the row."""
        removal = delete(tickets).where(tickets.c.digest == digest).returning(*tickets.c)
        row = self._connection.execute(removal).first()
        return None if row is None else Ticket(*row)

    def remove_expired(self, now: datetime) -> None:
        """Remove the tickets that have expired."""
        self._connection.execute(delete(tickets).where(tickets.c.expires_at <= now))
