"""Single-use tickets for WebSockets."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Ticket:
    """Opens one WebSocket for whoever asked for it. `topics` None leaves the choice to the socket."""

    digest: str = field(repr=False)
    api_key_id: str
    api_key_digest: str = field(repr=False)
    expires_at: datetime
    session_id: str | None = None
    origin: str | None = None
    topics: tuple[str, ...] | None = None
