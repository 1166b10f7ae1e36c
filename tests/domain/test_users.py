"""Roles and permissions as the panel explains them."""

from dataclasses import replace

from domain import users
from domain.identity.access import Caller
from domain.identity.permissions import role_permissions
from domain.model.role import Role
from domain.ports import Ports


def test_list_roles_goes_from_the_least_to_the_greatest(ports: Ports, viewer: Caller):
    page = users.list_roles(ports, viewer)
    assert [role.name for role in page.items] == [Role.VIEWER, Role.CUSTOMER, Role.OPERATOR, Role.ADMIN]
    assert page.total == 4


def test_list_roles_shows_the_permissions_of_each_role_that_an_operation_needs(ports: Ports, viewer: Caller):
    roles = {role.name: frozenset(role.permissions) for role in users.list_roles(ports, viewer).items}
    needed = frozenset(ports.operations_by_permission)
    assert roles == {role: role_permissions(role) & needed for role in Role}
    assert len({role.description for role in users.list_roles(ports, viewer).items}) == 4


def test_list_permissions_shows_the_operations_of_each(ports: Ports, viewer: Caller):
    needed = {"services.read": ("list_services", "get_service"), "env.write": ("update_environment",)}
    page = users.list_permissions(replace(ports, operations_by_permission=needed), viewer)
    assert [(permission.name, permission.operations) for permission in page.items] == [
        ("env.write", ("update_environment",)),
        ("services.read", ("list_services", "get_service")),
    ]


def test_a_permission_that_no_operation_needs_is_not_shown(ports: Ports, viewer: Caller):
    nothing = replace(ports, operations_by_permission={})
    assert users.list_permissions(nothing, viewer).items == []
    assert {role.permissions for role in users.list_roles(nothing, viewer).items} == {()}
