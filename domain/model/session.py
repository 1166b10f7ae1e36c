"""Browser sessions."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class Session:
    """A browser's credential. It may do what its principal may: an API key or a user, one of the two.

    A session of an API key ends with the secret that it was made with (`api_key_digest`), a session of a user when the
    user is disabled or removed; both end at `expires_at`. `digest` is that of the cookie. A session that a login at the
    identity provider made has the provider's ID of the login, and its ID token, encrypted.
    """

    id: str
    digest: str = field(repr=False)
    api_key_id: str | None
    api_key_digest: str | None = field(repr=False)
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    device: str
    ip: str
    user_id: str | None = None
    provider_session_id: str | None = None
    sealed_id_token: str | None = field(default=None, repr=False)
    revision: int = 1

    @property
    def principal_id(self) -> str:
        """The id of the API key or user that the session belongs to."""
        return self.api_key_id or self.user_id or ""
