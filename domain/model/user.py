"""Users: people who log in at an identity provider."""

from dataclasses import dataclass
from datetime import datetime

from domain.model.grant import HasGrant
from domain.model.role import Role


@dataclass
class User(HasGrant):
    """A principal without a secret of its own: it calls with sessions, which end when the user is disabled or removed.

    `subject` is the identity provider's id of the user (the claim `sub`), or the user's own ID if it has no account. An
    `invited` user has not logged in yet, and can do so until `invited_until`.
    """

    id: str
    name: str
    email: str
    subject: str
    role: Role
    created_at: datetime
    created_by: str | None = None
    customer_id: str | None = None
    denied_permissions: tuple[str, ...] = ()
    allowed_ips: tuple[str, ...] = ()
    rate_limit_rpm: int | None = None
    expires_at: datetime | None = None
    enabled: bool = True
    last_seen_at: datetime | None = None
    last_seen_ip: str | None = None
    invited: bool = False
    invited_until: datetime | None = None
    revision: int = 1
