"""Roles and permissions, as the panel explains them to its users."""

from dataclasses import dataclass
from typing import TypedDict, Unpack

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


class ListRolesParameters(TypedDict, total=False):
    """The query parameters of `list_roles`."""

    page: int
    per_page: int


class ListPermissionsParameters(TypedDict, total=False):
    """The query parameters of `list_permissions`."""

    page: int
    per_page: int


def list_roles(
    ports: Ports,
    caller: Caller,  # noqa: ARG001 - all rules have the same signature
    **parameters: Unpack[ListRolesParameters],
) -> Page[RoleGrant]:
    """Return a page of the roles, from the least to the greatest, with the permissions that an operation needs."""
    needed = ports.operations_by_permission
    roles = sorted(Role, key=permissions.RANK.__getitem__)
    grants = [
        RoleGrant(role, DESCRIPTIONS[role], permissions.in_use(permissions.role_permissions(role), needed))
        for role in roles
    ]
    return queries.paginate(grants, **parameters)


def list_permissions(
    ports: Ports,
    caller: Caller,  # noqa: ARG001 - as above
    **parameters: Unpack[ListPermissionsParameters],
) -> Page[Permission]:
    """Return a page of the permissions that an operation needs, by name. They are the same for every caller."""
    needed = ports.operations_by_permission
    return queries.paginate([Permission(name, needed[name]) for name in sorted(needed)], **parameters)
