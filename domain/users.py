"""Roles and permissions, as the panel explains them to its users."""

from dataclasses import dataclass

from domain.identity.access import ALL_PERMISSIONS, PERMISSIONS, RANK, Caller
from domain.model.role import Role
from domain.ports import Ports
from domain.ports.store import Page
from domain.resources import queries

DESCRIPTIONS = {
    Role.VIEWER: "Looks and changes nothing.",
    Role.CUSTOMER: "Does everything with the services and API keys of its one customer.",
    Role.OPERATOR: "Deploys and operates services; makes no API keys and sees no secret values.",
    Role.ADMIN: "Does everything.",
}


@dataclass(frozen=True)
class RoleGrant:
    """A role and what it may do."""

    name: Role
    description: str
    permissions: tuple[str, ...]


@dataclass(frozen=True)
class Permission:
    """A permission and the operations that need it."""

    name: str
    operations: tuple[str, ...]


def list_roles(ports: Ports, caller: Caller) -> Page[RoleGrant]:  # noqa: ARG001 - every rule is called alike
    """From the least to the most."""
    roles = sorted(Role, key=RANK.__getitem__)
    return queries.single_page(
        [RoleGrant(role, DESCRIPTIONS[role], tuple(sorted(PERMISSIONS[role]))) for role in roles]
    )


def list_permissions(ports: Ports, caller: Caller) -> Page[Permission]:  # noqa: ARG001 - every rule is called alike
    """All there are, whoever asks, by name."""
    return queries.single_page(
        [Permission(name, ports.operations_by_permission.get(name, ())) for name in sorted(ALL_PERMISSIONS)]
    )
