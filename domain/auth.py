"""Who is calling."""

from dataclasses import dataclass
from datetime import datetime

from domain.access import Caller
from domain.model import Role
from domain.ports import Ports


@dataclass(frozen=True)
class RateLimits:
    """Requests a minute."""

    authenticated: int
    deploy: int


@dataclass(frozen=True)
class CurrentUser:
    """The caller as it sees itself; a key has no email."""

    id: str
    email: str | None
    name: str
    role: Role
    customer_id: str | None
    permissions: tuple[str, ...]
    rate_limits: RateLimits
    created_at: datetime


def get_current_user(ports: Ports, caller: Caller) -> CurrentUser:
    """Its effective permissions, and the limits that count for it."""
    settings = ports.settings
    return CurrentUser(
        id=caller.id,
        email=None,
        name=caller.name,
        role=caller.role,
        customer_id=caller.customer_id,
        permissions=tuple(sorted(caller.permissions)),
        rate_limits=RateLimits(caller.rate_limit_rpm or settings.rate_limit_authenticated, settings.rate_limit_deploy),
        created_at=caller.created_at,
    )
