"""Users as principals: they call with sessions, and what they make is bounded like what an API key makes."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain import api_keys, auth, events
from domain.auth.sessions import LIFETIME
from domain.errors import Forbidden, Invalid, NotFound, Unauthenticated
from domain.identity import budgets, tokens
from domain.identity.access import Caller, Credential
from domain.identity.authenticator import Authenticator
from domain.identity.validity import caller_for
from domain.model.api_key import ApiKey
from domain.model.identifiers import new_id
from domain.model.principal import PrincipalKind
from domain.model.role import Role
from domain.model.session import Session
from domain.model.user import User
from domain.ports import Ports
from domain.settings import Settings

HERE = "192.0.2.7"
HOUR = timedelta(hours=1)
MakeKey = Callable[..., ApiKey]


def make_user(ports: Ports, role: Role = Role.ADMIN, **fields: Any) -> User:
    """Store a user past every rule."""
    user = User(new_id("usr"), "Ann", "ann@example.com", new_id("sub"), role, ports.clock.now())
    user = replace(user, **fields)
    with ports.store.begin() as work:
        work.users.add(user)
    return user


def log_in(ports: Ports, user: User) -> str:
    """Store a session of the user, as a login will; return the value of its cookie."""
    cookie, now = tokens.new_cookie(), ports.clock.now()
    expires_at, digest = now + LIFETIME, tokens.digest(cookie)
    session = Session(new_id("ses"), digest, None, None, now, now, expires_at, "Firefox", HERE, user_id=user.id)
    with ports.store.begin() as work:
        work.sessions.add(session)
    return cookie


def enter(ports: Ports, cookie: str, address: str = HERE) -> Caller:
    return Authenticator(ports).by_session(cookie, address, "req-1")


def refused(ports: Ports, cookie: str, address: str = HERE) -> bool:
    with pytest.raises(Unauthenticated):
        enter(ports, cookie, address)
    return True


def change(ports: Ports, user: User, **fields: Any) -> None:
    with ports.store.begin() as work:
        row = work.users.get(user.id)
        assert row is not None
        work.users.save(replace(row, **fields))


# ── Sessions ─────────────────────────────────────────────────────────────────────────────────────


def test_the_caller_of_a_users_session_is_the_user(ports: Ports):
    user = make_user(ports, Role.CUSTOMER, customer_id="cust_a", denied_permissions=("env.reveal",))
    caller = enter(ports, log_in(ports, user))
    assert (caller.id, caller.kind, caller.email) == (user.id, PrincipalKind.USER, "ann@example.com")
    assert caller.grant == user.grant
    assert caller.credential == Credential(PrincipalKind.USER, user.id, None, caller.session_id)
    assert Authenticator(ports).revalidate(caller) == caller


@pytest.mark.parametrize(
    "fields", [{"enabled": False}, {"expires_at": datetime.fromisoformat("2000-01-01T00:00:00+00:00")}], ids=str
)
def test_a_users_session_authenticates_nobody_when_the_user_is_disabled_or_expired(
    ports: Ports, fields: dict[str, Any]
):
    user = make_user(ports)
    cookie = log_in(ports, user)
    caller = enter(ports, cookie)
    change(ports, user, **fields)
    assert refused(ports, cookie)
    assert Authenticator(ports).revalidate_many([caller]) == [None]
    assert auth.list_sessions(ports, caller).total == 0


def test_a_user_is_allowed_only_from_its_networks(ports: Ports):
    cookie = log_in(ports, make_user(ports, allowed_ips=("192.0.2.0/24",)))
    enter(ports, cookie)
    assert refused(ports, cookie, "198.51.100.1")


def test_a_users_session_ends_at_its_expiry(ports: Ports):
    cookie = log_in(ports, make_user(ports))
    ports.clock.sleep(LIFETIME.total_seconds())
    assert refused(ports, cookie)


def test_the_sessions_and_tickets_of_a_user_are_removed_with_it(ports: Ports):
    user = make_user(ports)
    cookie = log_in(ports, user)
    caller = enter(ports, cookie)
    ticket = events.create_ws_ticket(ports, caller)
    with ports.store.begin() as work:
        work.users.remove(user.id)
    assert refused(ports, cookie)
    with pytest.raises(Unauthenticated):
        Authenticator(ports).by_ticket(ticket.text, None, HERE, "")
    with ports.store.read() as work:
        assert work.sessions.get(caller.session_id or "") is None


def test_a_user_without_a_session_is_no_credential(ports: Ports):
    caller = caller_for(make_user(ports), HERE)
    assert Authenticator(ports).revalidate_many([caller]) == [None]
    with pytest.raises(Unauthenticated):
        auth.create_session(ports, caller)


def test_a_user_makes_further_sessions_and_ends_them(ports: Ports):
    user = make_user(ports)
    first = log_in(ports, user)
    detail, second = auth.create_session(ports, enter(ports, first))
    assert (detail.session.user_id, detail.session.api_key_id, detail.session.principal_id) == (user.id, None, user.id)
    assert auth.list_sessions(ports, enter(ports, second)).total == 2
    auth.revoke_other_sessions(ports, enter(ports, second))
    assert refused(ports, first)
    auth.logout(ports, enter(ports, second))
    assert refused(ports, second)


def test_a_session_lasts_no_longer_than_its_user(ports: Ports):
    cookie = log_in(ports, make_user(ports, expires_at=ports.clock.now() + HOUR))
    detail, _ = auth.create_session(ports, enter(ports, cookie))
    assert detail.session.expires_at == ports.clock.now() + HOUR


def test_only_admins_of_the_whole_panel_see_the_sessions_of_a_user(ports: Ports, admin: Caller, operator: Caller):
    user = make_user(ports, Role.VIEWER)
    caller = enter(ports, log_in(ports, user))
    listed = auth.list_sessions(ports, admin, user_id=user.id).items
    assert [detail.session.id for detail in listed] == [caller.session_id]
    assert auth.list_sessions(ports, operator, user_id=user.id).total == 0
    with pytest.raises(NotFound):
        auth.revoke_session(ports, operator, caller.session_id or "")


def test_a_use_of_a_users_session_is_one_of_the_user_too(ports: Ports):
    user, authenticator = make_user(ports), Authenticator(ports)
    cookie = log_in(ports, user)
    ports.clock.sleep(5)
    session_id = authenticator.by_session(cookie, "192.0.2.9", "").session_id
    authenticator.flush()
    with ports.store.read() as work:
        stored, session = work.users.get(user.id), work.sessions.get(session_id or "")
    assert stored == replace(user, last_seen_at=ports.clock.now(), last_seen_ip="192.0.2.9")
    assert session is not None
    assert (session.last_seen_at, session.ip) == (ports.clock.now(), "192.0.2.9")


# ── Tickets and rate limits ──────────────────────────────────────────────────────────────────────


def test_a_ticket_of_a_user_ends_with_the_session_that_asked_for_it(ports: Ports):
    user = make_user(ports)
    caller = enter(ports, log_in(ports, user))
    first, second = (events.create_ws_ticket(ports, caller).text for _ in range(2))
    by_ticket, topics = Authenticator(ports).by_ticket(first, None, HERE, "req-1")
    assert (by_ticket, topics) == (caller, None)
    auth.logout(ports, caller)
    with pytest.raises(Unauthenticated):
        Authenticator(ports).by_ticket(second, None, HERE, "")


def test_a_user_has_the_rate_limit_of_its_grant(ports: Ports):
    user = make_user(ports, rate_limit_rpm=7)
    settings = Settings(rate_limit_authenticated=120)
    budget = budgets.charge(replace(ports, settings=settings), "authenticated", caller_for(user), HERE)
    assert budget.limit == 7


# ── API keys ─────────────────────────────────────────────────────────────────────────────────────


def test_a_key_that_a_user_creates_has_the_users_grant(ports: Ports):
    user = make_user(
        ports,
        Role.CUSTOMER,
        customer_id="cust_a",
        denied_permissions=("env.reveal",),
        allowed_ips=("192.0.2.0/24",),
        rate_limit_rpm=9,
        expires_at=ports.clock.now() + HOUR,
    )
    caller = enter(ports, log_in(ports, user))
    key, text = api_keys.create_api_key(ports, caller, {"name": "ci", "role": Role.CUSTOMER})
    assert (key.created_by, key.grant) == (user.id, user.grant)
    assert Authenticator(ports).by_api_key(text, HERE, "").kind is PrincipalKind.API_KEY


def test_a_key_goes_no_further_than_the_user_that_creates_it(ports: Ports):
    user = make_user(ports, Role.CUSTOMER, customer_id="cust_a", rate_limit_rpm=9)
    caller = enter(ports, log_in(ports, user))
    with pytest.raises(Invalid) as raised:
        api_keys.create_api_key(
            ports, caller, {"name": "ci", "role": Role.ADMIN, "customerId": None, "rateLimitRpm": 10}
        )
    assert set(raised.value.fields) == {"role", "customerId", "rateLimitRpm"}


def test_a_user_without_the_permission_creates_no_key(ports: Ports):
    caller = enter(ports, log_in(ports, make_user(ports, Role.OPERATOR)))
    with pytest.raises(Forbidden):
        api_keys.create_api_key(ports, caller, {"name": "ci", "role": Role.VIEWER})


def test_a_user_changes_rotates_and_revokes_keys_up_to_its_grant(ports: Ports, make_key: MakeKey):
    make_key(Role.ADMIN)
    key, greater = make_key(Role.VIEWER, "cust_a"), make_key(Role.ADMIN, "cust_a")
    user = make_user(ports, Role.CUSTOMER, customer_id="cust_a")
    caller = enter(ports, log_in(ports, user))
    assert api_keys.update_api_key(ports, caller, key.id, {"name": "new"}).name == "new"
    assert api_keys.rotate_api_key(ports, caller, key.id)[0].id == key.id
    with pytest.raises(Forbidden):
        api_keys.rotate_api_key(ports, caller, greater.id)
    api_keys.revoke_api_key(ports, caller, key.id)
    with pytest.raises(NotFound):
        api_keys.get_api_key(ports, caller, key.id)


def test_a_user_that_was_removed_meanwhile_creates_no_key(ports: Ports):
    user = make_user(ports)
    caller = enter(ports, log_in(ports, user))
    with ports.store.begin() as work:
        work.users.remove(user.id)
    with pytest.raises(Unauthenticated):
        api_keys.create_api_key(ports, caller, {"name": "ci", "role": Role.VIEWER})
