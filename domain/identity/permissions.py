"""Permissions: the one table of which roles hold which, and what follows from it for a grant."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache

from domain.model.grant import Grant
from domain.model.role import Role

RANK = {Role.VIEWER: 0, Role.CUSTOMER: 1, Role.OPERATOR: 2, Role.ADMIN: 3}


@dataclass(frozen=True)
class Holders:
    """The roles that hold a permission. With `staff_only` it needs a grant without a customer."""

    roles: frozenset[Role]
    staff_only: bool = False


_ADMIN = frozenset({Role.ADMIN})
_OPERATORS = frozenset({Role.ADMIN, Role.OPERATOR})
_CUSTOMERS = frozenset({Role.ADMIN, Role.CUSTOMER})
_OWNERS = frozenset({Role.ADMIN, Role.OPERATOR, Role.CUSTOMER})
_ALL = frozenset(Role)
_STAFF_READERS = frozenset({Role.ADMIN, Role.OPERATOR, Role.VIEWER})

HOLDERS = {
    "ai.approve": Holders(_CUSTOMERS),
    "ai.use": Holders(_OWNERS),
    "api_keys.read": Holders(_OWNERS),
    "api_keys.write": Holders(_CUSTOMERS),
    "audit.read": Holders(_OWNERS),
    "backup_targets.read": Holders(_ALL),
    "backup_targets.write": Holders(_OPERATORS),
    "backups.delete": Holders(_OWNERS),
    "backups.download": Holders(_OWNERS),
    "backups.read": Holders(_ALL),
    "backups.restore": Holders(_OWNERS),
    "backups.write": Holders(_OWNERS),
    "customers.delete": Holders(_ADMIN, staff_only=True),
    "customers.read": Holders(_STAFF_READERS, staff_only=True),
    "customers.write": Holders(_ADMIN, staff_only=True),
    "domains.read": Holders(_ALL),
    "domains.write": Holders(_OWNERS),
    "env.read": Holders(_ALL),
    "env.reveal": Holders(_CUSTOMERS),
    "env.write": Holders(_OWNERS),
    "events.read": Holders(_ALL),
    "hooks.read": Holders(_ALL),
    "hooks.write": Holders(_OWNERS),
    "logs.read": Holders(_ALL),
    "mcp.use": Holders(_OWNERS),
    "metrics.admin": Holders(_ADMIN, staff_only=True),
    "metrics.read": Holders(_ALL),
    "nodes.read": Holders(_STAFF_READERS, staff_only=True),
    "nodes.write": Holders(_ADMIN, staff_only=True),
    "notifications.read": Holders(_ALL),
    "notifications.write": Holders(_OWNERS),
    "operations.read": Holders(_ALL),
    "operations.write": Holders(_OWNERS),
    "organizations.delete": Holders(_ADMIN, staff_only=True),
    "organizations.read": Holders(_STAFF_READERS, staff_only=True),
    "organizations.write": Holders(_ADMIN, staff_only=True),
    "plans.read": Holders(_ALL),
    "plans.write": Holders(_ADMIN, staff_only=True),
    "registries.read": Holders(_ALL),
    "registries.write": Holders(_CUSTOMERS),
    "services.create": Holders(_OWNERS),
    "services.delete": Holders(_OWNERS),
    "services.deploy": Holders(_OWNERS),
    "services.exec": Holders(_OWNERS),
    "services.operate": Holders(_OWNERS),
    "services.read": Holders(_ALL),
    "services.update": Holders(_OWNERS),
    "sessions.read": Holders(_ALL),
    "sessions.write": Holders(_ALL),  # a caller that can log in can log out everywhere
    "settings.read": Holders(_ADMIN, staff_only=True),
    "settings.write": Holders(_ADMIN, staff_only=True),
    "subscriptions.read": Holders(_STAFF_READERS, staff_only=True),
    "subscriptions.write": Holders(_ADMIN, staff_only=True),
    "templates.read": Holders(_ALL),
    "templates.write": Holders(_OPERATORS, staff_only=True),
    "users.read": Holders(_ADMIN, staff_only=True),
    "users.write": Holders(_ADMIN, staff_only=True),
    "webhooks.read": Holders(_ALL),
    "webhooks.write": Holders(_OWNERS),
}
ALL_PERMISSIONS = frozenset(HOLDERS)


def role_permissions(role: Role, *, staff: bool = True) -> frozenset[str]:
    """Return the permissions of a role; without `staff`, those that it has when it is bound to a customer."""
    return _granted(role, (), staff)


def granted(grant: Grant) -> frozenset[str]:
    """Return the permissions of a grant: its role's, except the denied ones and those that its customer excludes."""
    return _granted(grant.role, grant.denied_permissions, grant.customer_id is None)


@lru_cache(maxsize=10_000)  # every request asks this
def _granted(role: Role, denied: tuple[str, ...], staff: bool) -> frozenset[str]:
    held = {name for name, holders in HOLDERS.items() if role in holders.roles and (staff or not holders.staff_only)}
    return frozenset(held.difference(denied))


def in_use(permissions: Iterable[str], needed: Collection[str]) -> tuple[str, ...]:
    """Return the permissions that an operation of the document needs (`ports.operations_by_permission`), by name."""
    return tuple(sorted(permission for permission in permissions if permission in needed))
