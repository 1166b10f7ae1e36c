"""Callers, and what exists and is allowed for them."""

from dataclasses import dataclass, field
from datetime import datetime

from domain.errors import Forbidden, NotFound
from domain.identity.permissions import granted
from domain.model.grant import Grant
from domain.model.principal import PrincipalKind
from domain.model.role import Role


@dataclass(frozen=True)
class Credential:
    """What a caller authenticated with, without the secret itself.

    `digest` is that of an API key's secret; a user has none. `session_id` names the session that stood for it.
    """

    kind: PrincipalKind
    principal_id: str
    digest: str | None = field(default=None, repr=False)
    session_id: str | None = None


@dataclass(frozen=True)
class Caller:
    """An authenticated principal, as far as the rules care.

    `id`, `name`, `kind`, `email` and `created_at` are the principal's. `address` is the client's IP address.
    """

    id: str
    name: str
    grant: Grant
    created_at: datetime
    kind: PrincipalKind = PrincipalKind.API_KEY
    email: str | None = None
    address: str = ""
    request_id: str = ""
    credential: Credential | None = None

    @property
    def role(self) -> Role:
        """The role of the caller's grant."""
        return self.grant.role

    @property
    def customer_id(self) -> str | None:
        """The customer that the caller is bound to. With one, nothing that belongs to anybody else exists for it."""
        return self.grant.customer_id

    @property
    def permissions(self) -> frozenset[str]:
        """All that the caller may do."""
        return granted(self.grant)

    @property
    def session_id(self) -> str | None:
        """The session that the caller authenticated with; None if it sent its API key."""
        return self.credential.session_id if self.credential else None


def allow(caller: Caller, permission: str) -> None:
    """Raise Forbidden unless the caller holds this permission."""
    if permission not in caller.permissions:
        raise Forbidden(
            f"This operation needs the permission {permission}",
            details=f"{caller.name} has the role {caller.role} without the permission {permission}",
        )


def keeps_access(before: Caller, now: Caller) -> bool:
    """Return whether `now` still has every permission and the tenant of `before`."""
    return before.permissions <= now.permissions and before.customer_id == now.customer_id


def sees(caller: Caller, customer_id: str | None) -> bool:
    """Return whether a resource of this customer exists for the caller. None is the panel's own staff."""
    return caller.customer_id is None or caller.customer_id == customer_id


def not_found(noun: str, entity_id: str) -> NotFound:
    """Return the refusal for a resource that never was, is gone, or is another tenant's: the same for all three."""
    inside = noun if noun[:2].isupper() else noun[0].lower() + noun[1:]
    return NotFound(f"{noun} not found", details=f"No {inside} with ID {entity_id} exists")
