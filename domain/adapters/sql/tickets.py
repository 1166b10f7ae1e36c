"""The repository of tickets."""

from dataclasses import fields
from datetime import datetime

from sqlalchemy import Connection, delete, insert

from domain.adapters.sql import tables
from domain.model.ticket import Ticket


class Tickets:
    """Implements `ports.Tickets`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, ticket: Ticket) -> None:
        """Keep it until it is taken or forgotten."""
        row = {one.name: getattr(ticket, one.name) for one in fields(ticket)}
        self._connection.execute(insert(tables.tickets).values(row))

    def take(self, digest: str) -> Ticket | None:
        """Of two callers at once the database lets one delete the row."""
        taken = delete(tables.tickets).where(tables.tickets.c.digest == digest).returning(*tables.tickets.c)
        row = self._connection.execute(taken).first()
        return None if row is None else Ticket(*row)

    def forget(self, now: datetime) -> None:
        """Remove those that have expired."""
        self._connection.execute(delete(tables.tickets).where(tables.tickets.c.expires_at <= now))
