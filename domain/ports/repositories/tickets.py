"""The repository of WebSocket tickets."""

from datetime import datetime
from typing import Protocol

from domain.model.ticket import Ticket


class Tickets(Protocol):
    """Tickets for WebSocket connections. They are removed with their principal and with their session."""

    def add(self, ticket: Ticket) -> None: ...
    def exists(self, digest: str) -> bool: ...
    def take(self, digest: str) -> Ticket | None:
        """Remove a ticket and return it: of two parallel callers, one gets it."""

    def remove_expired(self, now: datetime) -> None: ...
