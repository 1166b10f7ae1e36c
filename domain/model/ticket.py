"""Single-use tickets for WebSocket connections."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Ticket:
    """Opens one WebSocket connection for the principal that asked for it: an API key or a user, one of the two.

    It is worth what the credential is that it was made with: `api_key_digest` is that of the key's secret,
    `session_id` names the session. With an `origin`, it is valid from that page alone. `topics` None leaves the choice
    to the client.
    """

    digest: str = field(repr=False)
    api_key_id: str | None
    api_key_digest: str | None = field(repr=False)
    expires_at: datetime
    session_id: str | None = None
    origin: str | None = None
    topics: tuple[str, ...] | None = None
    user_id: str | None = None
