"""Who is calling."""

from collections.abc import Callable
from dataclasses import replace

from domain import auth
from domain.identity import validity
from domain.identity.access import PERMISSIONS, Caller
from domain.model.api_key import ApiKey
from domain.model.role import Role
from domain.ports import Ports


def test_get_current_user_tells_a_key_what_it_is(ports: Ports, customer_a: Caller):
    user = auth.get_current_user(ports, customer_a)
    assert (user.id, user.name, user.email) == (customer_a.id, "a customer", None)
    assert (user.role, user.customer_id, user.created_at) == (Role.CUSTOMER, "cust_a", ports.clock.now())


def test_get_current_user_leaves_out_what_is_denied(ports: Ports, make_key: Callable[..., ApiKey]):
    caller = validity.caller(make_key(Role.VIEWER, denied_permissions=("logs.read", "env.reveal")))
    assert set(auth.get_current_user(ports, caller).permissions) == PERMISSIONS[Role.VIEWER] - {"logs.read"}


def test_get_current_user_lists_permissions_in_order(ports: Ports, admin: Caller):
    names = auth.get_current_user(ports, admin).permissions
    assert list(names) == sorted(names)


def test_the_limits_are_the_panels_unless_the_key_has_its_own(ports: Ports, admin: Caller):
    assert auth.get_current_user(ports, admin).rate_limits == auth.RateLimits(authenticated=120, deploy=10)
    own = auth.get_current_user(ports, replace(admin, rate_limit_rpm=7))
    assert own.rate_limits == auth.RateLimits(authenticated=7, deploy=10)
