"""Grants: what a principal may do."""

from dataclasses import dataclass
from datetime import datetime

from domain.model.role import Role


@dataclass(frozen=True)
class Grant:
    """What a principal (API key or user) may do, for which tenant, from where, until when, and how often.

    With a `customer_id`, nothing that belongs to anybody else exists for the principal. Empty `allowed_ips` allow every
    address. `rate_limit_rpm` is in requests a minute; None means the panel's default. The permissions follow from the
    role, the denied permissions and the customer: see `domain.identity.permissions.granted`.
    """

    role: Role
    customer_id: str | None = None
    denied_permissions: tuple[str, ...] = ()
    allowed_ips: tuple[str, ...] = ()
    rate_limit_rpm: int | None = None
    expires_at: datetime | None = None

    def is_expired(self, now: datetime) -> bool:
        """Return whether the grant has ended. It ends at the very moment of its expiry."""
        return self.expires_at is not None and self.expires_at <= now


class HasGrant:
    """What every principal is: the fields of a grant, which are columns of its table, and the grant they make."""

    role: Role
    customer_id: str | None
    denied_permissions: tuple[str, ...]
    allowed_ips: tuple[str, ...]
    rate_limit_rpm: int | None
    expires_at: datetime | None

    @property
    def grant(self) -> Grant:
        """What the principal may do."""
        return Grant(
            role=self.role,
            customer_id=self.customer_id,
            denied_permissions=self.denied_permissions,
            allowed_ips=self.allowed_ips,
            rate_limit_rpm=self.rate_limit_rpm,
            expires_at=self.expires_at,
        )
