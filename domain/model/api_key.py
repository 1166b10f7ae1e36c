"""API keys."""

from dataclasses import dataclass, field
from datetime import datetime

from domain.model.grant import HasGrant
from domain.model.role import Role


@dataclass
class ApiKey(HasGrant):
    """A principal with a secret of its own. Only digests are kept; the previous one is valid until `previous_until`."""

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
