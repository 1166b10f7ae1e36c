"""The table of permissions."""

import pytest

from domain.identity.permissions import ALL_PERMISSIONS, HOLDERS, RANK, granted, in_use, role_permissions
from domain.model.grant import Grant
from domain.model.role import Role
from handlers.routing import operations_by_permission
from scripts.scaffold.row import read_table
from tests.conformance import READ_DOCUMENT

READING = {
    "env.read",
    "events.read",
    "logs.read",
    "metrics.read",
    "operations.read",
    "services.read",
    "sessions.read",
    "sessions.write",
    "templates.read",
}
EVERYTHING = READING | {
    "api_keys.read",
    "api_keys.write",
    "env.reveal",
    "env.write",
    "operations.write",
    "services.create",
    "services.delete",
    "services.deploy",
    "services.operate",
    "services.update",
}
RELEASED = {
    Role.ADMIN: EVERYTHING,
    Role.OPERATOR: EVERYTHING - {"api_keys.write", "env.reveal"},
    Role.CUSTOMER: EVERYTHING,
    Role.VIEWER: READING,
}
"""What each role may do in the first release, written out."""
STAFF = {
    *("customers.delete", "customers.read", "customers.write", "metrics.admin", "nodes.read", "nodes.write"),
    *("organizations.delete", "organizations.read", "organizations.write", "plans.write", "settings.read"),
    *("settings.write", "subscriptions.read", "subscriptions.write", "templates.write", "users.read", "users.write"),
}


@pytest.mark.parametrize("role", Role)
def test_roles_keep_the_permissions_of_the_first_release(role: Role):
    assert role_permissions(role) & EVERYTHING == RELEASED[role]
    assert role_permissions(role, staff=False) & EVERYTHING == RELEASED[role]


def test_the_table_has_every_permission_of_the_contract_and_no_other():
    permissions = {row.permission for row in read_table().values()}
    assert permissions - {"public", "authenticated"} == ALL_PERMISSIONS


def test_the_table_has_every_permission_of_the_document():
    assert operations_by_permission(READ_DOCUMENT).keys() <= ALL_PERMISSIONS


def test_admins_hold_every_permission():
    assert role_permissions(Role.ADMIN) == ALL_PERMISSIONS


def test_staff_permissions_need_a_grant_without_a_customer():
    assert {name for name, holders in HOLDERS.items() if holders.staff_only} == STAFF
    for role in Role:
        assert granted(Grant(role, "cust_a")) == granted(Grant(role)) - STAFF
    assert granted(Grant(Role.CUSTOMER)) & STAFF == set()


def test_operators_read_customers_and_nodes_and_have_no_keys_settings_or_secrets():
    held = role_permissions(Role.OPERATOR)
    assert {"customers.read", "organizations.read", "subscriptions.read", "nodes.read", "plans.read"} <= held
    assert not held & {"api_keys.write", "settings.read", "settings.write", "env.reveal", "ai.approve", "users.read"}


def test_viewers_change_nothing_but_their_own_sessions():
    assert {name for name in role_permissions(Role.VIEWER) if not name.endswith(".read")} == {"sessions.write"}


@pytest.mark.parametrize("staff", [True, False])
def test_a_role_that_can_create_keys_holds_whatever_lesser_roles_hold_for_the_same_customer(staff: bool):
    """Otherwise a new key of a lesser role would be refused for permissions that its maker lacks."""
    for maker in (role for role in Role if "api_keys.write" in role_permissions(role)):
        bound = staff and maker is not Role.CUSTOMER
        for role in (role for role in Role if RANK[role] <= RANK[maker]):
            assert role_permissions(role, staff=bound) <= role_permissions(maker, staff=bound)


def test_denied_permissions_are_taken_away():
    assert granted(Grant(Role.VIEWER, denied_permissions=("logs.read", "env.reveal"))) == role_permissions(
        Role.VIEWER
    ) - {"logs.read"}


def test_permissions_in_use_are_those_that_operations_need_by_name():
    assert in_use({"logs.read", "env.read", "plans.write"}, {"logs.read", "env.read", "x.y"}) == (
        "env.read",
        "logs.read",
    )
