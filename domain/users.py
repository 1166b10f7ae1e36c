"""Roles and permissions, as the panel explains them to its users."""

from dataclasses import dataclass

from domain.identity import permissions
from domain.identity.access import Caller
from domain.model.role import Role
from domain.ports import Ports
from domain.ports.repository import Page
from domain.resources import queries

DESCRIPTIONS = {
    Role.VIEWER: "Reads everything it can see and changes nothing.",
    Role.CUSTOMER: "Does everything with the services and API keys of its customer.",
    Role.OPERATOR: "Deploys and operates services. Cannot create API keys or reveal secret values.",
    Role.ADMIN: "Does everything.",
}


@dataclass(frozen=True)
class RoleGrant:
    """A role and the permissions that it holds."""

    name: Role
    description: str
    permissions: tuple[str, ...]


@dataclass(frozen=True)
class Permission:
    """A permission and the operations that need it."""

    name: str
    operations: tuple[str, ...]


def list_roles(ports: Ports, caller: Caller) -> Page[RoleGrant]:  # noqa: ARG001 - all rules have the same signature
    """Return all roles, from the least to the greatest, with the permissions that an operation needs."""
    needed = ports.operations_by_permission
    roles = sorted(Role, key=permissions.RANK.__getitem__)
    return queries.single_page(
        [
            RoleGrant(role, DESCRIPTIONS[role], permissions.in_use(permissions.role_permissions(role), needed))
            for role in roles
        ]
    )


def list_permissions(ports: Ports, caller: Caller) -> Page[Permission]:  # noqa: ARG001 - as above
    """Return all permissions that an operation needs, by name. They are the same for every caller."""
    needed = ports.operations_by_permission
    return queries.single_page([Permission(name, needed[name]) for name in sorted(needed)])
