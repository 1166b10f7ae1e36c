"""Roles and permissions as the panel explains them."""

from domain import users
from domain.identity.access import ALL_PERMISSIONS, PERMISSIONS, Caller
from domain.model.role import Role
from domain.ports import Ports


def test_list_roles_goes_from_the_least_to_the_most(ports: Ports, viewer: Caller):
    page = users.list_roles(ports, viewer)
    assert [role.name for role in page.items] == [Role.VIEWER, Role.CUSTOMER, Role.OPERATOR, Role.ADMIN]
    assert page.total == 4


def test_list_roles_says_what_each_may_do(ports: Ports, viewer: Caller):
    roles = {role.name: role for role in users.list_roles(ports, viewer).items}
    assert {name: frozenset(role.permissions) for name, role in roles.items()} == PERMISSIONS
    assert len({role.description for role in roles.values()}) == 4


def test_list_permissions_says_what_each_opens(ports: Ports, viewer: Caller):
    permissions = {each.name: each.operations for each in users.list_permissions(ports, viewer).items}
    assert list(permissions) == sorted(ALL_PERMISSIONS)
    assert permissions["services.read"] == ("list_services", "get_service")
    assert permissions["env.write"] == ()
