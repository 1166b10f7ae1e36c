"""What keys may be made, changed, rotated and revoked by whom."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from domain import api_keys
from domain.adapters.sql.store import open_store
from domain.errors import Conflict, Forbidden, Invalid, NotFound, Refusal, Stale, Unauthenticated
from domain.identity import validity
from domain.identity.access import Caller
from domain.identity.authenticator import Authenticator
from domain.identity.permissions import ALL_PERMISSIONS, granted
from domain.model.api_key import ApiKey
from domain.model.role import Role
from domain.ports import Ports

MakeKey = Callable[..., ApiKey]
HERE = "192.0.2.7"
NEVER = "key_01k00000000000000000000000"
VIEWING = {"name": "dashboard", "role": "viewer"}


def problems(act: Callable[..., object], *args: object) -> dict[str, str]:
    with pytest.raises(Invalid) as raised:
        act(*args)
    return raised.value.fields


def by(key: ApiKey) -> Caller:
    return validity.caller_for(key, HERE)


def stored(ports: Ports, key_id: str) -> ApiKey | None:
    with ports.store.read() as work:
        return work.api_keys.get(key_id)


def all_keys(ports: Ports, caller: Caller) -> set[str]:
    return {key.id for key in api_keys.list_api_keys(ports, caller, per_page=100).items}


def later(ports: Ports, **delta: float) -> str:
    return (ports.clock.now() + timedelta(**delta)).isoformat().replace("+00:00", "Z")


# ── Making ───────────────────────────────────────────────────────────────────────────────────────


def test_create_api_key_returns_a_working_key(ports: Ports, admin: Caller):
    key, text = api_keys.create_api_key(ports, admin, {"name": "my-script", "role": "admin", "rateLimitRpm": 120})
    caller = Authenticator(ports).by_api_key(text, HERE, "")
    assert (caller.id, caller.name, caller.role, caller.grant.rate_limit_rpm) == (key.id, "my-script", Role.ADMIN, 120)
    assert (key.created_by, key.created_at, key.revision) == (admin.id, ports.clock.now(), 1)
    assert text.startswith(f"{key.prefix}_")
    assert stored(ports, key.id) == key


def test_create_api_key_takes_every_field(ports: Ports, admin: Caller):
    body = {
        "name": "narrow",
        "role": "customer",
        "customerId": "cust_z",
        "rateLimitRpm": 5,
        "deniedPermissions": ["logs.read", "env.reveal"],
        "allowedIps": ["127.0.0.0/8", "::1", "::1/128", "::ffff:192.0.2.1"],
        "expiresAt": "2099-01-01T01:00:00.5+01:00",
    }
    key, _ = api_keys.create_api_key(ports, admin, body)
    assert (key.name, key.role, key.customer_id, key.rate_limit_rpm) == ("narrow", Role.CUSTOMER, "cust_z", 5)
    assert key.denied_permissions == ("env.reveal", "logs.read")
    assert key.allowed_ips == ("127.0.0.0/8", "::1", "192.0.2.1")
    assert key.expires_at is not None
    assert key.expires_at.isoformat() == "2099-01-01T00:00:00.500000+00:00"
    assert stored(ports, key.id) == key


MAKERS = {
    Role.ADMIN: set(Role),
    Role.OPERATOR: set(),
    Role.CUSTOMER: {Role.CUSTOMER, Role.VIEWER},
    Role.VIEWER: set(),
}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("maker", Role)
def test_no_role_creates_a_greater_one(ports: Ports, make_key: MakeKey, maker: Role, role: Role):
    caller = by(make_key(maker, "cust_a"))
    before = all_keys(ports, caller)
    if role in MAKERS[maker]:
        key, _ = api_keys.create_api_key(ports, caller, {"name": "new", "role": role})
        assert granted(key.grant) <= caller.permissions
        assert key.customer_id == "cust_a"
        return
    with pytest.raises(Forbidden if not MAKERS[maker] else Invalid) as raised:
        api_keys.create_api_key(ports, caller, {"name": "new", "role": role})
    assert "role" in getattr(raised.value, "fields", {"role"})
    assert all_keys(ports, caller) == before


def test_a_key_without_the_permission_creates_none(ports: Ports, make_key: MakeKey):
    caller = by(make_key(Role.ADMIN, denied_permissions=("api_keys.write",)))
    with pytest.raises(Forbidden, match=r"api_keys\.write"):
        api_keys.create_api_key(ports, caller, VIEWING)


def test_the_current_grant_of_the_creator_decides(ports: Ports, make_key: MakeKey):
    key = make_key(Role.ADMIN)
    make_key(Role.ADMIN)
    caller = by(key)
    api_keys.update_api_key(ports, caller, key.id, {"deniedPermissions": ["api_keys.write"]})
    with pytest.raises(Forbidden):
        api_keys.create_api_key(ports, caller, VIEWING)


def test_a_key_that_was_revoked_meanwhile_creates_none(ports: Ports, make_key: MakeKey):
    key = make_key(Role.ADMIN)
    make_key(Role.ADMIN)
    api_keys.revoke_api_key(ports, by(key), key.id)
    with pytest.raises(Unauthenticated):
        api_keys.create_api_key(ports, by(key), VIEWING)


def test_a_key_inherits_the_denied_permissions_of_its_creator(ports: Ports, make_key: MakeKey):
    caller = by(make_key(Role.ADMIN, denied_permissions=("env.reveal", "logs.read")))
    key, _ = api_keys.create_api_key(
        ports, caller, {"name": "new", "role": "operator", "deniedPermissions": ["services.delete"]}
    )
    assert key.denied_permissions == ("env.reveal", "logs.read", "services.delete")


def test_missing_fields_come_from_the_creator(ports: Ports, make_key: MakeKey):
    ends = ports.clock.now() + timedelta(days=1)
    maker = make_key(Role.CUSTOMER, "cust_a", allowed_ips=("10.0.0.0/8",), rate_limit_rpm=9, expires_at=ends)
    key, _ = api_keys.create_api_key(ports, by(maker), VIEWING)
    assert (key.customer_id, key.allowed_ips, key.rate_limit_rpm, key.expires_at) == (
        "cust_a",
        ("10.0.0.0/8",),
        9,
        ends,
    )


def test_all_fields_that_exceed_the_creator_are_refused_at_once(ports: Ports, make_key: MakeKey):
    maker = make_key(
        Role.CUSTOMER,
        "cust_a",
        allowed_ips=("10.0.0.0/8",),
        rate_limit_rpm=9,
        expires_at=ports.clock.now() + timedelta(days=1),
    )
    body = {
        "name": "new",
        "role": "admin",
        "customerId": "cust_b",
        "rateLimitRpm": 10,
        "allowedIps": ["10.0.0.0/7"],
        "expiresAt": later(ports, days=1, seconds=1),
    }
    found = problems(api_keys.create_api_key, ports, by(maker), body)
    assert set(found) == {"role", "customerId", "rateLimitRpm", "allowedIps", "expiresAt"}


@pytest.mark.parametrize(
    ("field", "value"),
    [("customerId", None), ("rateLimitRpm", None), ("allowedIps", []), ("expiresAt", None)],
)
def test_a_key_without_a_bound_exceeds_its_bounded_creator(ports: Ports, make_key: MakeKey, field: str, value: object):
    maker = make_key(
        Role.CUSTOMER,
        "cust_a",
        allowed_ips=("10.0.0.0/8",),
        rate_limit_rpm=9,
        expires_at=ports.clock.now() + timedelta(days=1),
    )
    assert set(problems(api_keys.create_api_key, ports, by(maker), {**VIEWING, field: value})) == {field}


@pytest.mark.parametrize(
    ("role", "customer_id", "own", "asked", "refused"),
    [
        (Role.ADMIN, None, None, 100_000, False),
        (Role.ADMIN, None, 100, 101, True),
        (Role.ADMIN, None, 100, 100, False),
        (Role.ADMIN, None, 100, None, True),
        (Role.ADMIN, None, 200, None, False),
        (Role.ADMIN, "cust_a", None, 121, True),
        (Role.CUSTOMER, "cust_a", None, 121, True),
        (Role.CUSTOMER, "cust_a", None, 120, False),
        (Role.CUSTOMER, "cust_a", None, None, False),
    ],
)
def test_only_an_admin_without_a_limit_sets_any_limit(  # noqa: PLR0917
    ports: Ports, make_key: MakeKey, role: Role, customer_id: str, own: int, asked: int, refused: bool
):
    caller = by(make_key(role, customer_id, rate_limit_rpm=own))
    body = {**VIEWING, "rateLimitRpm": asked}
    if refused:
        assert set(problems(api_keys.create_api_key, ports, caller, body)) == {"rateLimitRpm"}
        return
    assert api_keys.create_api_key(ports, caller, body)[0].rate_limit_rpm == asked


def test_every_invalid_value_is_reported_by_field(ports: Ports, admin: Caller):
    body = {
        "name": "new",
        "role": "customer",
        "deniedPermissions": ["services.fly", "env.read", "x.y"],
        "allowedIps": ["10.0.0.0/8", "10.0.0.1/8", "example.com"],
        "expiresAt": later(ports),
    }
    assert set(problems(api_keys.create_api_key, ports, admin, body)) == {
        "customerId",
        "deniedPermissions.0",
        "deniedPermissions.2",
        "allowedIps.1",
        "allowedIps.2",
        "expiresAt",
    }


@pytest.mark.parametrize("text", ["2026-12-31T23:59:60Z", "9999-12-31T23:59:59-23:59", "2020-01-01T00:00:00Z"])
def test_the_expiry_of_a_key_is_in_the_future(ports: Ports, admin: Caller, text: str):
    assert set(problems(api_keys.create_api_key, ports, admin, {**VIEWING, "expiresAt": text})) == {"expiresAt"}


# ── Looking ──────────────────────────────────────────────────────────────────────────────────────


def test_list_api_keys_returns_the_keys_that_the_caller_can_see(
    ports: Ports, admin: Caller, viewer: Caller, customer_a: Caller, customer_b: Caller
):
    assert all_keys(ports, admin) == {admin.id, viewer.id, customer_a.id, customer_b.id}
    assert all_keys(ports, customer_a) == {customer_a.id}


def test_list_api_keys_filters_and_searches(ports: Ports, admin: Caller, viewer: Caller, customer_a: Caller):
    assert [key.id for key in api_keys.list_api_keys(ports, admin, role="viewer").items] == [viewer.id]
    assert [key.id for key in api_keys.list_api_keys(ports, admin, search="CUST").items] == [customer_a.id]
    assert api_keys.list_api_keys(ports, customer_a, role="admin").total == 0


@pytest.mark.parametrize(
    ("sort", "names"),
    [("name", ["a", "b", "c"]), ("createdAt", ["c", "a", "b"]), ("lastUsedAt", ["b", "c", "a"])],
)
def test_list_api_keys_sorts_by_the_names_of_the_document(ports: Ports, make_key: MakeKey, sort: str, names: list[str]):
    now = ports.clock.now()
    for name, made, used in [("a", 2, 3), ("b", 3, 1), ("c", 1, 2)]:
        at, last = now + timedelta(hours=made), now + timedelta(hours=used)
        key = make_key(Role.ADMIN, name=name, created_at=at, last_used_at=last)
    rising = api_keys.list_api_keys(ports, by(key), sort=sort, order="asc")
    falling = api_keys.list_api_keys(ports, by(key), sort=sort, order="desc")
    assert [item.name for item in rising.items] == names
    assert [item.name for item in falling.items] == names[::-1]


def test_list_api_keys_is_paged(ports: Ports, make_key: MakeKey):
    keys = [make_key(Role.VIEWER, name=name) for name in "abc"]
    page = api_keys.list_api_keys(ports, by(keys[0]), sort="name", order="asc", page=2, per_page=2)
    assert ([key.name for key in page.items], page.total, page.page, page.per_page) == (["c"], 3, 2, 2)


def test_get_api_key_shows_its_use(ports: Ports, admin: Caller):
    key, text = api_keys.create_api_key(ports, admin, VIEWING)
    authenticator = Authenticator(ports)
    authenticator.by_api_key(text, HERE, "")
    authenticator.flush()
    shown = api_keys.get_api_key(ports, admin, key.id)
    assert (shown.request_count, shown.last_used_at, shown.last_used_ip) == (1, ports.clock.now(), HERE)
    assert shown.revision == key.revision


TOUCHES: dict[str, Callable[[Ports, Caller, str], object]] = {
    "get": api_keys.get_api_key,
    "update": lambda ports, caller, key_id: api_keys.update_api_key(ports, caller, key_id, {"name": "mine"}),
    "rotate": api_keys.rotate_api_key,
    "revoke": api_keys.revoke_api_key,
}


@pytest.mark.parametrize("touch", TOUCHES)
def test_the_key_of_another_tenant_does_not_exist(
    ports: Ports, admin: Caller, customer_a: Caller, customer_b: Caller, touch: str
):
    def answer(key_id: str) -> tuple[str, str, str]:
        with pytest.raises(NotFound) as raised:
            TOUCHES[touch](ports, customer_a, key_id)
        return raised.value.code, raised.value.message, (raised.value.details or "").replace(key_id, "…")

    others = [customer_b.id, admin.id]
    before = [stored(ports, key_id) for key_id in others]
    assert {answer(key_id) for key_id in others} == {answer(NEVER)}
    assert [stored(ports, key_id) for key_id in others] == before


# ── Changing ─────────────────────────────────────────────────────────────────────────────────────


def test_update_api_key_changes_only_the_named_fields(ports: Ports, admin: Caller, make_key: MakeKey):
    ends = ports.clock.now() + timedelta(days=1)
    key = make_key(Role.OPERATOR, allowed_ips=("10.0.0.0/8",), rate_limit_rpm=5, expires_at=ends)
    changed = api_keys.update_api_key(ports, admin, key.id, {"name": "nightly", "rateLimitRpm": 30})
    assert changed == replace(key, name="nightly", rate_limit_rpm=30, revision=2)
    assert stored(ports, key.id) == changed


def test_null_removes_a_bound(ports: Ports, admin: Caller, make_key: MakeKey):
    key = make_key(rate_limit_rpm=5, expires_at=ports.clock.now() + timedelta(days=1), allowed_ips=("::1",))
    body = {"rateLimitRpm": None, "expiresAt": None, "allowedIps": []}
    changed = api_keys.update_api_key(ports, admin, key.id, body)
    assert (changed.rate_limit_rpm, changed.expires_at, changed.allowed_ips) == (None, None, ())


def test_an_admin_restores_denied_permissions(ports: Ports, admin: Caller, make_key: MakeKey):
    key = make_key(Role.OPERATOR, denied_permissions=("env.read", "logs.read"))
    changed = api_keys.update_api_key(ports, admin, key.id, {"deniedPermissions": ["logs.read"]})
    assert changed.denied_permissions == ("logs.read",)


def test_a_lesser_creator_cannot_give_permissions_that_it_lacks(ports: Ports, make_key: MakeKey):
    maker = by(make_key(Role.ADMIN, denied_permissions=("env.reveal",)))
    key = make_key(Role.OPERATOR)
    changed = api_keys.update_api_key(ports, maker, key.id, {"role": "admin", "deniedPermissions": []})
    assert changed.role is Role.ADMIN
    assert granted(changed.grant) == ALL_PERMISSIONS - {"env.reveal"}


def test_update_api_key_does_not_bind_a_key_to_no_customer(ports: Ports, admin: Caller, make_key: MakeKey):
    key = make_key(Role.VIEWER)
    assert set(problems(api_keys.update_api_key, ports, admin, key.id, {"role": "customer"})) == {"customerId"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("role", "operator"),
        ("rateLimitRpm", 10),
        ("rateLimitRpm", None),
        ("allowedIps", ["0.0.0.0/0"]),
        ("allowedIps", []),
        ("expiresAt", "2099-01-01T00:00:00Z"),
        ("expiresAt", None),
        ("deniedPermissions", ["services.fly"]),
    ],
)
def test_no_key_extends_its_own_grant(ports: Ports, make_key: MakeKey, field: str, value: object):
    key = make_key(
        Role.CUSTOMER,
        "cust_a",
        allowed_ips=("10.0.0.0/8",),
        rate_limit_rpm=9,
        expires_at=ports.clock.now() + timedelta(days=1),
    )
    found = problems(api_keys.update_api_key, ports, by(key), key.id, {field: value})
    assert {name.partition(".")[0] for name in found} == {field}
    assert stored(ports, key.id) == key


def test_a_key_can_restrict_itself(ports: Ports, make_key: MakeKey):
    key = make_key(Role.CUSTOMER, "cust_a", rate_limit_rpm=9)
    body = {"rateLimitRpm": 8, "allowedIps": ["10.0.0.0/8"], "deniedPermissions": ["env.reveal"]}
    changed = api_keys.update_api_key(ports, by(key), key.id, body)
    assert (changed.rate_limit_rpm, changed.allowed_ips) == (8, ("10.0.0.0/8",))


GREATER: list[dict[str, Any]] = [
    {"role": Role.ADMIN},
    {"denied_permissions": ()},
    {"expires_at": None},
    {"allowed_ips": ()},
    {"allowed_ips": ("10.0.0.0/8", "192.0.2.0/24")},
]


@pytest.mark.parametrize("greater", GREATER, ids=str)
@pytest.mark.parametrize("touch", ["update", "rotate"])
def test_a_greater_key_cannot_be_changed(ports: Ports, make_key: MakeKey, greater: dict[str, Any], touch: str):
    own: dict[str, Any] = {
        "role": Role.CUSTOMER,
        "customer_id": "cust_a",
        "denied_permissions": ("env.reveal",),
        "allowed_ips": ("10.0.0.0/8",),
        "expires_at": ports.clock.now() + timedelta(days=1),
    }
    caller, key = by(make_key(**own)), make_key(**(own | greater))
    with pytest.raises(Forbidden):
        TOUCHES[touch](ports, caller, key.id)
    assert stored(ports, key.id) == key


def test_the_rate_limit_does_not_make_a_key_greater(ports: Ports, make_key: MakeKey):
    caller, key = by(make_key(rate_limit_rpm=5)), make_key(rate_limit_rpm=500)
    assert api_keys.update_api_key(ports, caller, key.id, {"name": "renamed"}).rate_limit_rpm == 500


def test_a_raised_role_is_checked_against_all_bounds(ports: Ports, make_key: MakeKey):
    """Whoever holds a lasting viewer's key and an admin's key for a day must not end with a lasting admin's key."""
    caller = by(make_key(Role.ADMIN, expires_at=ports.clock.now() + timedelta(days=1)))
    key = make_key(Role.VIEWER)
    with pytest.raises(Forbidden):
        api_keys.update_api_key(ports, caller, key.id, {"role": "admin"})


def test_update_api_key_refuses_a_stale_change(ports: Ports, admin: Caller, make_key: MakeKey):
    key = make_key()
    api_keys.update_api_key(ports, admin, key.id, {"name": "first"}, '"1"')
    with pytest.raises(Stale):
        api_keys.update_api_key(ports, admin, key.id, {"name": "second"}, '"1"')
    assert api_keys.get_api_key(ports, admin, key.id).name == "first"


# ── Rotating ─────────────────────────────────────────────────────────────────────────────────────


def test_rotate_api_key_stops_the_old_secret_at_once(ports: Ports, admin: Caller):
    key, old = api_keys.create_api_key(ports, admin, VIEWING)
    rotated, new = api_keys.rotate_api_key(ports, admin, key.id)
    authenticator = Authenticator(ports)
    assert authenticator.by_api_key(new, HERE, "").id == key.id
    with pytest.raises(Unauthenticated):
        authenticator.by_api_key(old, HERE, "")
    assert (rotated.prefix, rotated.revision) == (key.prefix, 2)
    assert (rotated.previous_digest, rotated.previous_until) == (None, None)


def test_rotate_api_key_keeps_the_old_secret_valid_for_the_overlap(ports: Ports, admin: Caller):
    key, old = api_keys.create_api_key(ports, admin, VIEWING)
    rotated, new = api_keys.rotate_api_key(ports, admin, key.id, {"overlapSeconds": 60})
    authenticator = Authenticator(ports)
    assert rotated.previous_until == ports.clock.now() + timedelta(seconds=60)
    assert authenticator.by_api_key(old, HERE, "").id == authenticator.by_api_key(new, HERE, "").id == key.id
    ports.clock.sleep(60)
    with pytest.raises(Unauthenticated):
        authenticator.by_api_key(old, HERE, "")


def test_a_second_rotation_ends_the_overlap_of_the_first(ports: Ports, admin: Caller):
    key, oldest = api_keys.create_api_key(ports, admin, VIEWING)
    _, old = api_keys.rotate_api_key(ports, admin, key.id, {"overlapSeconds": 60})
    api_keys.rotate_api_key(ports, admin, key.id, {"overlapSeconds": 0})
    for text in (oldest, old):
        with pytest.raises(Unauthenticated):
            Authenticator(ports).by_api_key(text, HERE, "")


def test_an_overlap_does_not_outlive_the_key(ports: Ports, admin: Caller):
    key, old = api_keys.create_api_key(ports, admin, {**VIEWING, "expiresAt": later(ports, seconds=30)})
    api_keys.rotate_api_key(ports, admin, key.id, {"overlapSeconds": 60})
    ports.clock.sleep(30)
    with pytest.raises(Unauthenticated):
        Authenticator(ports).by_api_key(old, HERE, "")


def test_denied_permissions_survive_a_rotation(ports: Ports, admin: Caller, make_key: MakeKey):
    key = make_key(Role.OPERATOR, denied_permissions=("env.read",))
    rotated, text = api_keys.rotate_api_key(ports, admin, key.id)
    assert rotated.denied_permissions == ("env.read",)
    assert "env.read" not in Authenticator(ports).by_api_key(text, HERE, "").permissions


def test_a_key_rotates_itself(ports: Ports, customer_a: Caller):
    _, text = api_keys.rotate_api_key(ports, customer_a, customer_a.id)
    assert Authenticator(ports).by_api_key(text, HERE, "").id == customer_a.id


# ── Revoking ─────────────────────────────────────────────────────────────────────────────────────


def test_revoke_api_key_ends_a_key(ports: Ports, admin: Caller):
    key, text = api_keys.create_api_key(ports, admin, VIEWING)
    api_keys.revoke_api_key(ports, admin, key.id)
    with pytest.raises(Unauthenticated):
        Authenticator(ports).by_api_key(text, HERE, "")
    with pytest.raises(NotFound):
        api_keys.revoke_api_key(ports, admin, key.id)


def test_revoke_api_key_refuses_a_stale_revision(ports: Ports, admin: Caller, make_key: MakeKey):
    key = make_key(revision=4)
    with pytest.raises(Stale):
        api_keys.revoke_api_key(ports, admin, key.id, '"3"')
    api_keys.revoke_api_key(ports, admin, key.id, '"4"')


def test_a_greater_key_is_not_revoked(ports: Ports, make_key: MakeKey):
    caller = by(make_key(Role.CUSTOMER, "cust_a", denied_permissions=("env.reveal",)))
    for greater in (make_key(Role.ADMIN, "cust_a"), make_key(Role.CUSTOMER, "cust_a")):
        with pytest.raises(Forbidden):
            api_keys.revoke_api_key(ports, caller, greater.id)
        assert stored(ports, greater.id) == greater


def test_a_key_bound_to_an_office_revokes_a_leaked_one(ports: Ports, make_key: MakeKey):
    caller = by(make_key(allowed_ips=("192.0.2.0/24",), expires_at=ports.clock.now() + timedelta(days=1)))
    leaked = make_key()
    api_keys.revoke_api_key(ports, caller, leaked.id)
    assert stored(ports, leaked.id) is None


USELESS: list[dict[str, Any]] = [
    {"role": Role.OPERATOR},
    {"role": Role.ADMIN, "customer_id": "cust_a"},
    {"role": Role.ADMIN, "denied_permissions": ("api_keys.write",)},
]


@pytest.mark.parametrize("other", USELESS, ids=str)
def test_the_last_admin_key_stays(ports: Ports, admin: Caller, make_key: MakeKey, other: dict[str, Any]):
    make_key(**other)
    with pytest.raises(Conflict) as raised:
        api_keys.revoke_api_key(ports, admin, admin.id)
    assert raised.value.code == "last_admin_key"
    assert stored(ports, admin.id) is not None


def test_an_expired_admin_key_does_not_count_as_the_last(ports: Ports, admin: Caller, make_key: MakeKey):
    expired = make_key(expires_at=ports.clock.now())
    with pytest.raises(Conflict):
        api_keys.revoke_api_key(ports, admin, admin.id)
    api_keys.revoke_api_key(ports, admin, expired.id)


LOCKING: list[dict[str, Any]] = [
    {"role": "operator"},
    {"deniedPermissions": ["api_keys.write"]},
    {"expiresAt": "2099-01-01T00:00:00Z"},
    {"allowedIps": ["198.51.100.0/24"]},
]


@pytest.mark.parametrize("other", USELESS, ids=str)
@pytest.mark.parametrize("body", LOCKING, ids=str)
def test_the_last_admin_key_cannot_lock_itself_out(
    ports: Ports, admin: Caller, make_key: MakeKey, body: dict[str, Any], other: dict[str, Any]
):
    make_key(**other)
    with pytest.raises(Conflict) as raised:
        api_keys.update_api_key(ports, replace(admin, address=HERE), admin.id, body)
    assert raised.value.code == "last_admin_key"
    assert next(iter(body)) in str(raised.value.details)
    assert stored(ports, admin.id).revision == 1


@pytest.mark.parametrize("body", LOCKING, ids=str)
def test_an_admin_key_beside_another_can_be_restricted(
    ports: Ports, admin: Caller, make_key: MakeKey, body: dict[str, Any]
):
    make_key()
    assert api_keys.update_api_key(ports, replace(admin, address=HERE), admin.id, body).revision == 2


def test_the_last_admin_key_can_be_changed_otherwise(ports: Ports, make_key: MakeKey):
    key = make_key(allowed_ips=("198.51.100.0/24",), expires_at=ports.clock.now() + timedelta(days=1))
    caller = replace(by(key), address="198.51.100.7")
    for body in (
        {"deniedPermissions": ["env.reveal"]},
        {"allowedIps": ["198.51.100.0/28"]},
        {"name": "main", "rateLimitRpm": 10},
    ):
        api_keys.update_api_key(ports, caller, key.id, body)
    with pytest.raises(Conflict):
        api_keys.update_api_key(ports, caller, key.id, {"expiresAt": later(ports, hours=1)})


@pytest.mark.parametrize("body", LOCKING, ids=str)
def test_one_of_two_admin_keys_locked_out_at_once_stays(ports: Ports, make_key: MakeKey, body: dict[str, Any]):
    keys, ready = [make_key() for _ in range(4)], Barrier(4)

    def act(number: int) -> None:
        caller = by(keys[number])
        ready.wait()
        with suppress(Conflict):
            if number % 2:
                api_keys.revoke_api_key(ports, caller, caller.id)
            else:
                api_keys.update_api_key(ports, caller, caller.id, body)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(act, range(4)))
    left = [key for key in map(partial(stored, ports), (key.id for key in keys)) if key and key.role is Role.ADMIN]
    assert [key for key in left if "api_keys.write" in granted(key.grant)]


def test_one_of_two_admin_keys_revoked_at_once_stays(ports: Ports, make_key: MakeKey):
    keys = [make_key() for _ in range(4)]

    def go(key: ApiKey) -> bool:
        try:
            api_keys.revoke_api_key(ports, by(key), key.id)
        except Refusal:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(go, keys)) == [False, True, True, True]


# ── The first one, and those of the command line ─────────────────────────────────────────────────


def test_first_key_is_an_admin_of_everything(ports: Ports):
    text = api_keys.create_first_key(ports)
    assert text is not None
    caller = Authenticator(ports).by_api_key(text, HERE, "")
    assert (caller.name, caller.role, caller.customer_id, caller.permissions) == (
        "admin",
        Role.ADMIN,
        None,
        ALL_PERMISSIONS,
    )


def test_the_first_key_is_created_once(ports: Ports):
    assert api_keys.create_first_key(ports)
    assert api_keys.create_first_key(ports) is None


def test_no_first_key_is_created_if_a_key_exists(ports: Ports, viewer: Caller):
    assert api_keys.create_first_key(ports) is None


def test_processes_that_start_at_once_create_one_first_key(ports: Ports, tmp_path: Path):
    def start(_: int) -> str | None:
        store = open_store(f"sqlite:///{tmp_path}/panel.db", ports.vault)
        try:
            return api_keys.create_first_key(replace(ports, store=store))
        finally:
            store.close()

    with ThreadPoolExecutor(8) as pool:
        made = [text for text in pool.map(start, range(8)) if text]
    assert len(made) == 1
    Authenticator(ports).by_api_key(made[0], HERE, "")


def test_a_process_that_did_not_see_the_first_key_creates_no_second(ports: Ports, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("domain.adapters.sql.repositories.api_keys.ApiKeys.any", lambda _: False)
    assert api_keys.create_first_key(ports)
    assert api_keys.create_first_key(ports) is None


def test_make_key_makes_what_the_command_line_asks_for(ports: Ports):
    text = api_keys.create_unbounded_key(ports, "ci", Role.CUSTOMER, "cust_a")
    caller = Authenticator(ports).by_api_key(text, HERE, "")
    assert (caller.name, caller.role, caller.customer_id) == ("ci", Role.CUSTOMER, "cust_a")


def test_make_key_gives_a_customers_key_a_customer(ports: Ports):
    assert set(problems(api_keys.create_unbounded_key, ports, "ci", Role.CUSTOMER)) == {"customerId"}
