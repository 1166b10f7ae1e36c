"""The current caller."""

from collections.abc import Callable
from dataclasses import replace

from domain import auth
from domain.auth import sessions
from domain.identity import validity
from domain.identity.access import Caller
from domain.model.api_key import ApiKey
from domain.model.role import Role
from domain.model.user import User
from domain.ports import Ports

MakeKey = Callable[..., ApiKey]


def test_get_current_user_describes_an_api_key(ports: Ports, customer_a: Caller):
    user = auth.get_current_user(ports, customer_a)
    assert (user.id, user.name, user.email) == (customer_a.id, "a customer", None)
    assert (user.role, user.customer_id, user.created_at) == (Role.CUSTOMER, "cust_a", ports.clock.now())


def test_get_current_user_describes_a_user(ports: Ports):
    ann = User("usr_1", "Ann", "ann@example.com", "sub-1", Role.OPERATOR, ports.clock.now(), rate_limit_rpm=9)
    user = auth.get_current_user(ports, validity.caller_for(ann))
    assert (user.id, user.name, user.email, user.role) == ("usr_1", "Ann", "ann@example.com", Role.OPERATOR)
    assert user.rate_limits.authenticated == 9


def test_get_current_user_leaves_out_denied_permissions(ports: Ports, make_key: MakeKey, viewer: Caller):
    caller = validity.caller_for(make_key(Role.VIEWER, denied_permissions=("logs.read", "env.reveal")))
    before, after = (set(auth.get_current_user(ports, one).permissions) for one in (viewer, caller))
    assert before - after == {"logs.read"}


def test_get_current_user_shows_only_permissions_that_an_operation_needs(ports: Ports, admin: Caller):
    needed = {"services.read": ("list_services",), "plans.write": ("create_plan",), "unheard.of": ()}
    shown = auth.get_current_user(replace(ports, operations_by_permission=needed), admin)
    assert shown.permissions == ("plans.write", "services.read")


def test_get_current_user_lists_permissions_by_name(ports: Ports, admin: Caller):
    names = auth.get_current_user(ports, admin).permissions
    assert list(names) == sorted(names)


def test_the_rate_limits_are_the_panels_unless_the_grant_has_one(ports: Ports, admin: Caller):
    assert auth.get_current_user(ports, admin).rate_limits == sessions.RateLimits(authenticated=120, deploy=10)
    limited = auth.get_current_user(ports, replace(admin, grant=replace(admin.grant, rate_limit_rpm=7)))
    assert limited.rate_limits == sessions.RateLimits(authenticated=7, deploy=10)
