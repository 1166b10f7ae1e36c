"""Browser sessions."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class Session:
    """A browser's way in. It can do what its API key can, as long as the secret that it was made with is good."""

    id: str
    digest: str = field(repr=False)
    api_key_id: str
    api_key_digest: str = field(repr=False)
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    device: str
    ip: str
    revision: int = 1
