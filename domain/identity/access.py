"""Who may do what: the one table from roles to permissions, and the caller it is applied to."""

from dataclasses import dataclass, field
from datetime import datetime

from domain.errors import Forbidden, NotFound
from domain.model.role import Role

_READ = frozenset(
    {
        "events.read",
        "logs.read",
        "metrics.read",
        "operations.read",
        "services.read",
        "sessions.read",
        "templates.read",
    }
)
# Whoever may come in may also end what it came in by.
_ANYBODY = _READ | {"sessions.write"}
_OWN_SERVICES = _ANYBODY | {
    "api_keys.read",
    "api_keys.write",
    "env.read",
    "env.reveal",
    "env.write",
    "operations.write",
    "services.create",
    "services.delete",
    "services.deploy",
    "services.operate",
    "services.update",
}

PERMISSIONS: dict[Role, frozenset[str]] = {
    Role.ADMIN: _OWN_SERVICES,
    Role.OPERATOR: _OWN_SERVICES - {"api_keys.write", "env.reveal"},
    Role.CUSTOMER: _OWN_SERVICES,
    Role.VIEWER: _ANYBODY | {"env.read"},
}
ALL_PERMISSIONS = frozenset().union(*PERMISSIONS.values())
RANK = {Role.VIEWER: 0, Role.CUSTOMER: 1, Role.OPERATOR: 2, Role.ADMIN: 3}


@dataclass(frozen=True)
class Credential:
    """What was shown, without the secret: which key, which secret of it, and the session that stood for it."""

    api_key_id: str
    digest: str = field(repr=False)
    session_id: str | None = None


@dataclass(frozen=True)
class Caller:
    """Who is calling, as far as the rules care. `customer_id` set: nothing of anybody else exists."""

    id: str
    name: str
    role: Role
    permissions: frozenset[str]
    created_at: datetime
    customer_id: str | None = None
    rate_limit_rpm: int | None = None
    address: str = ""
    request_id: str = ""
    credential: Credential | None = None

    @property
    def session_id(self) -> str | None:
        """The session that it came with; None for whoever showed the key itself."""
        return self.credential.session_id if self.credential else None


def allow(caller: Caller, permission: str) -> None:
    """Raise Forbidden unless the caller holds this permission."""
    if permission not in caller.permissions:
        raise Forbidden(
            f"This needs the permission {permission}",
            details=f"{caller.name} has the role {caller.role} and may not {permission}",
        )


def may_still(before: Caller, now: Caller) -> bool:
    """Whether somebody who is looked at again may do and see all that it could before."""
    return before.permissions <= now.permissions and before.customer_id == now.customer_id


def sees(caller: Caller, customer_id: str | None) -> bool:
    """Whether a thing of this customer exists for the caller."""
    return caller.customer_id is None or caller.customer_id == customer_id


def not_found(noun: str, entity_id: str) -> NotFound:
    """The same words for what never was, what is gone, and what is another tenant's."""
    return NotFound(f"{noun} not found", details=f"No {noun[0].lower()}{noun[1:]} with ID {entity_id} exists")
