"""Roles and API keys: who may ask."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """What a caller is; `domain.access` says what each may do."""

    ADMIN = "admin"
    OPERATOR = "operator"
    CUSTOMER = "customer"
    VIEWER = "viewer"


@dataclass
class ApiKey:
    """A credential. Only digests are kept; the previous one stays valid until `previous_until`."""

    id: str
    name: str
    prefix: str
    digest: str = field(repr=False)
    role: Role
    created_at: datetime
    created_by: str | None = None
    customer_id: str | None = None
    denied_permissions: tuple[str, ...] = ()
    allowed_ips: tuple[str, ...] = ()
    rate_limit_rpm: int | None = None
    expires_at: datetime | None = None
    previous_digest: str | None = field(default=None, repr=False)
    previous_until: datetime | None = None
    last_used_at: datetime | None = None
    last_used_ip: str | None = None
    request_count: int = 0
    revision: int = 1


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
