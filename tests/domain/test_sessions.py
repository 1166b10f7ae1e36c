"""Sessions: created with a key, valid as long as its secret, and revoked by their owner."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from domain import api_keys, auth
from domain.auth import sessions
from domain.errors import NotFound, Unauthenticated
from domain.identity import expiry, tokens
from domain.identity.access import Caller
from domain.identity.authenticator import Authenticator
from domain.model.api_key import ApiKey
from domain.model.role import Role
from domain.model.session import Session
from domain.ports import Ports

MakeKey = Callable[..., ApiKey]
HERE = "192.0.2.7"


def key_of(ports: Ports, make_key: MakeKey, role: Role = Role.ADMIN, customer_id: str | None = None) -> Caller:
    text = tokens.new_api_key()
    make_key(role, customer_id, text)
    return Authenticator(ports).by_api_key(text, HERE, "")


def new_session(ports: Ports, caller: Caller, device: str = "Firefox") -> tuple[Session, str]:
    made, text = auth.create_session(ports, caller, device)
    return made.session, text


def authenticate(ports: Ports, cookie: str, address: str = HERE) -> Caller:
    return Authenticator(ports).by_session(cookie, address, "req-1")


def assert_refused(ports: Ports, cookie: str, address: str = HERE) -> tuple[str, str, str | None]:
    """Return the code, message and details of the error."""
    with pytest.raises(Unauthenticated) as raised:
        authenticate(ports, cookie, address)
    return raised.value.code, raised.value.message, raised.value.details


def change_key(ports: Ports, key_id: str, **fields: object) -> None:
    with ports.store.begin() as work:
        row = work.api_keys.get(key_id)
        assert row is not None
        work.api_keys.save(replace(row, **fields))


def stored_session(ports: Ports, session_id: str) -> Session | None:
    with ports.store.read() as work:
        return work.sessions.get(session_id)


def session_ids(ports: Ports, caller: Caller, **parameters: object) -> list[str]:
    return [listed.session.id for listed in auth.list_sessions(ports, caller, **parameters).items]  # type: ignore[arg-type]


# ── Creation ─────────────────────────────────────────────────────────────────────────────────────


def test_create_session_stores_its_origin_and_expires_after_twelve_hours(ports: Ports, make_key: MakeKey):
    caller, now = key_of(ports, make_key), ports.clock.now()
    session, _ = new_session(ports, caller, "Mozilla/5.0 (X11)")
    assert (session.api_key_id, session.device, session.ip) == (caller.id, "Mozilla/5.0 (X11)", HERE)
    assert (session.created_at, session.last_seen_at) == (now, now)
    assert session.expires_at == now + timedelta(hours=12)
    assert stored_session(ports, session.id) == session


def test_a_session_expires_with_its_key_if_that_is_sooner(ports: Ports, make_key: MakeKey):
    caller, end = key_of(ports, make_key), ports.clock.now() + timedelta(hours=3)
    change_key(ports, caller.id, expires_at=end)
    assert new_session(ports, caller)[0].expires_at == end


def test_a_session_of_an_old_secret_expires_with_the_overlap(ports: Ports, make_key: MakeKey):
    caller = key_of(ports, make_key)
    api_keys.rotate_api_key(ports, caller, caller.id, {"overlapSeconds": 60})
    assert new_session(ports, caller)[0].expires_at == ports.clock.now() + timedelta(seconds=60)


@pytest.mark.parametrize(("device", "expected"), [("", ""), ("a\x00b\nc\x7f", "abc"), ("x" * 9000, "x" * 300)])
def test_the_device_is_stored_without_control_characters_and_truncated(
    ports: Ports, make_key: MakeKey, device: str, expected: str
):
    assert new_session(ports, key_of(ports, make_key), device)[0].device == expected


def test_a_key_that_became_invalid_creates_no_session(ports: Ports, make_key: MakeKey):
    for spoil in ({"expires_at": ports.clock.now()}, {"digest": "another"}, {"allowed_ips": ("198.51.100.1",)}):
        caller = key_of(ports, make_key)
        change_key(ports, caller.id, **spoil)
        with pytest.raises(Unauthenticated):
            new_session(ports, caller)
    with ports.store.begin() as work:
        work.api_keys.remove(caller.id)
    with pytest.raises(Unauthenticated):
        new_session(ports, caller)


def test_cookies_are_unique_and_have_256_bits(ports: Ports):
    made = {tokens.new_cookie() for _ in range(1000)}
    assert len(made) == 1000
    assert {len(text) for text in made} == {43}


def test_the_database_contains_no_cookie(ports: Ports, make_key: MakeKey, tmp_path: Path):
    session, cookie = new_session(ports, key_of(ports, make_key))
    files = b"".join(file.read_bytes() for file in tmp_path.glob("panel.db*"))
    assert session.digest.encode() in files
    assert cookie.encode() not in files
    assert cookie not in repr(session)
    assert session.digest not in repr(session)


# ── Authentication ───────────────────────────────────────────────────────────────────────────────


def test_a_session_has_the_identity_and_permissions_of_its_key(ports: Ports, make_key: MakeKey):
    caller = key_of(ports, make_key, Role.CUSTOMER, "cust_a")
    session, cookie = new_session(ports, caller)
    credential = replace(caller.credential, session_id=session.id) if caller.credential else None
    assert authenticate(ports, cookie) == replace(caller, request_id="req-1", credential=credential)
    assert authenticate(ports, cookie).session_id == session.id
    assert caller.session_id is None


@pytest.mark.parametrize(
    "spoil",
    [lambda _: "", lambda text: text[:-1], lambda text: text + "x", lambda text: f"{text}\n", lambda _: "é" * 43],
)
def test_a_malformed_cookie_is_refused_without_a_query(ports: Ports, make_key: MakeKey, spoil: Callable[[str], str]):
    _, cookie = new_session(ports, key_of(ports, make_key))
    without_store = replace(ports, store=None)  # type: ignore[arg-type]
    assert_refused(without_store, spoil(cookie))


def test_a_key_or_a_ticket_is_refused_as_a_cookie(ports: Ports, make_key: MakeKey):
    text = tokens.new_api_key()
    make_key(text=text)
    assert_refused(ports, text)
    assert_refused(ports, tokens.new_ticket())


def test_an_invalid_cookie_and_an_invalid_key_get_the_same_error(ports: Ports, make_key: MakeKey):
    caller = key_of(ports, make_key)
    session, cookie = new_session(ports, caller)
    auth.revoke_session(ports, caller, session.id)
    with pytest.raises(Unauthenticated) as raised:
        Authenticator(ports).by_api_key("nonsense", HERE, "")
    of_a_key = (raised.value.code, raised.value.message, raised.value.details)
    assert {assert_refused(ports, text) for text in ("", cookie, tokens.new_cookie())} == {of_a_key}


def test_a_session_is_refused_from_its_expiry(ports: Ports, make_key: MakeKey):
    _, cookie = new_session(ports, key_of(ports, make_key))
    ports.clock.sleep(12 * 3600 - 0.001)
    authenticate(ports, cookie)
    ports.clock.sleep(0.001)
    assert_refused(ports, cookie)


def test_using_a_session_does_not_extend_it(ports: Ports, make_key: MakeKey):
    _, cookie = new_session(ports, key_of(ports, make_key))
    for _ in range(12):
        authenticate(ports, cookie)
        ports.clock.sleep(3600)
    assert_refused(ports, cookie)


def test_a_key_that_is_revoked_or_expires_ends_its_sessions(ports: Ports, make_key: MakeKey):
    caller = key_of(ports, make_key)
    session, cookie = new_session(ports, caller)
    change_key(ports, caller.id, expires_at=ports.clock.now())
    assert_refused(ports, cookie)
    change_key(ports, caller.id, expires_at=None)
    authenticate(ports, cookie)
    with ports.store.begin() as work:
        work.api_keys.remove(caller.id)
    assert_refused(ports, cookie)
    assert stored_session(ports, session.id) is None


def test_a_new_secret_ends_the_sessions_of_the_old_one_when_its_overlap_ends(ports: Ports, make_key: MakeKey):
    caller = key_of(ports, make_key)
    _, cookie = new_session(ports, caller)
    _, text = api_keys.rotate_api_key(ports, caller, caller.id, {"overlapSeconds": 60})
    _, new = new_session(ports, Authenticator(ports).by_api_key(text, HERE, ""))
    authenticate(ports, cookie)
    ports.clock.sleep(60)
    assert_refused(ports, cookie)
    authenticate(ports, new)


def test_a_new_secret_without_an_overlap_ends_the_sessions_at_once(ports: Ports, make_key: MakeKey):
    caller = key_of(ports, make_key)
    _, cookie = new_session(ports, caller)
    api_keys.rotate_api_key(ports, caller, caller.id)
    assert_refused(ports, cookie)


def test_the_allowed_addresses_of_a_key_apply_to_its_sessions(ports: Ports, make_key: MakeKey):
    caller = key_of(ports, make_key)
    _, cookie = new_session(ports, caller)
    change_key(ports, caller.id, allowed_ips=("192.0.2.0/24",))
    authenticate(ports, cookie)
    assert_refused(ports, cookie, "198.51.100.1")


def test_a_session_has_the_current_permissions_of_its_key(ports: Ports, make_key: MakeKey):
    caller = key_of(ports, make_key)
    _, cookie = new_session(ports, caller)
    change_key(ports, caller.id, denied_permissions=("env.reveal",))
    assert authenticate(ports, cookie).permissions == caller.permissions - {"env.reveal"}


def test_revalidation_refuses_a_revoked_session(ports: Ports, make_key: MakeKey):
    caller, authenticator = key_of(ports, make_key), Authenticator(ports)
    session, cookie = new_session(ports, caller)
    (_, other), known = new_session(ports, caller), authenticate(ports, cookie)
    assert authenticator.revalidate(known) == known
    auth.revoke_session(ports, caller, session.id)
    assert authenticator.revalidate_many([known, authenticate(ports, other)])[0] is None
    assert authenticator.revalidate_many([authenticate(ports, other)]) == [authenticate(ports, other)]
    with pytest.raises(Unauthenticated):
        authenticator.revalidate(known)


def test_revalidation_refuses_an_expired_session(ports: Ports, make_key: MakeKey):
    known = authenticate(ports, new_session(ports, key_of(ports, make_key))[1])
    ports.clock.sleep(12 * 3600)
    assert Authenticator(ports).revalidate_many([known]) == [None]


# ── Use ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_use_of_a_session_counts_as_a_use_of_its_key(ports: Ports, make_key: MakeKey):
    caller, authenticator = key_of(ports, make_key), Authenticator(ports)
    session, cookie = new_session(ports, caller)
    authenticator.by_session(cookie, "192.0.2.1", "")
    ports.clock.sleep(5)
    authenticator.by_session(cookie, "192.0.2.2", "")
    assert stored_session(ports, session.id) == session
    authenticator.flush()
    assert stored_session(ports, session.id) == replace(session, last_seen_at=ports.clock.now(), ip="192.0.2.2")
    with ports.store.read() as work:
        key = work.api_keys.get(caller.id)
    assert key is not None
    assert (key.request_count, key.last_used_ip) == (2, "192.0.2.2")


def test_recorded_uses_of_a_revoked_session_are_dropped(ports: Ports, make_key: MakeKey):
    caller, authenticator = key_of(ports, make_key), Authenticator(ports)
    session, cookie = new_session(ports, caller)
    authenticator.by_session(cookie, HERE, "")
    auth.revoke_session(ports, caller, session.id)
    authenticator.flush()
    assert stored_session(ports, session.id) is None


# ── Listing ──────────────────────────────────────────────────────────────────────────────────────


def test_list_sessions_marks_the_calling_session(ports: Ports, make_key: MakeKey):
    caller = key_of(ports, make_key)
    (one, cookie), (two, _) = new_session(ports, caller), new_session(ports, caller)
    listed = auth.list_sessions(ports, authenticate(ports, cookie), order="asc")
    assert [(item.session.id, item.current) for item in listed.items] == [(one.id, True), (two.id, False)]
    assert [item.current for item in auth.list_sessions(ports, caller).items] == [False, False]


def test_list_sessions_pages_and_sorts(ports: Ports, make_key: MakeKey):
    caller, authenticator, made = key_of(ports, make_key), Authenticator(ports), []
    for _ in range(5):
        made.append(new_session(ports, caller))
        ports.clock.sleep(1)
    names = [session.id for session, _ in made]
    assert session_ids(ports, caller) == names[::-1]
    assert session_ids(ports, caller, order="asc", per_page=2, page=2) == names[2:4]
    assert auth.list_sessions(ports, caller, per_page=2, page=3).total == 5
    assert session_ids(ports, caller, per_page=2, page=4) == []
    authenticator.by_session(made[1][1], HERE, "")
    authenticator.flush()
    assert session_ids(ports, caller, sort="last_seen_at")[0] == names[1]


def test_an_ended_session_is_not_listed_while_it_is_still_stored(ports: Ports, make_key: MakeKey):
    caller = key_of(ports, make_key)
    over, _ = new_session(ports, caller)
    ports.clock.sleep(12 * 3600)
    rotated_away, _ = new_session(ports, caller)
    _, text = api_keys.rotate_api_key(ports, caller, caller.id)
    current = Authenticator(ports).by_api_key(text, HERE, "")
    valid, _ = new_session(ports, current)
    assert session_ids(ports, current) == [valid.id]
    assert auth.list_sessions(ports, current).total == 1
    assert stored_session(ports, over.id)
    assert stored_session(ports, rotated_away.id)


def test_an_admin_without_a_customer_sees_the_sessions_of_all_users(ports: Ports, make_key: MakeKey):
    admin, owner = key_of(ports, make_key), key_of(ports, make_key, Role.CUSTOMER, "cust_a")
    session, _ = new_session(ports, owner)
    assert session_ids(ports, admin, user_id=owner.id) == [session.id]
    assert session_ids(ports, admin) == []
    for unknown in ("key_nobody", "usr_nobody"):
        assert session_ids(ports, admin, user_id=unknown) == []


@pytest.mark.parametrize(
    ("role", "customer_id"),
    [
        (Role.ADMIN, "cust_a"),
        (Role.OPERATOR, None),
        (Role.VIEWER, None),
        (Role.CUSTOMER, "cust_a"),
        (Role.CUSTOMER, "cust_b"),
    ],
)
def test_other_callers_cannot_see_or_revoke_the_sessions_of_others(
    ports: Ports, make_key: MakeKey, role: Role, customer_id: str | None
):
    owner, other = key_of(ports, make_key, Role.CUSTOMER, "cust_a"), key_of(ports, make_key, role, customer_id)
    session, cookie = new_session(ports, owner)
    assert auth.list_sessions(ports, other, user_id=owner.id).total == 0
    assert session_ids(ports, other, user_id=other.id) == []
    errors = set()
    for session_id in (session.id, "ses_nobody"):
        with pytest.raises(NotFound) as raised:
            auth.revoke_session(ports, other, session_id)
        errors.add((raised.value.message, str(raised.value.details).replace(session_id, "…")))
    assert errors == {("Session not found", "No session with ID … exists")}
    authenticate(ports, cookie)


# ── Revocation ───────────────────────────────────────────────────────────────────────────────────


def test_revoke_session_ends_only_that_session(ports: Ports, make_key: MakeKey):
    caller = key_of(ports, make_key)
    (one, cookie), (_, other) = new_session(ports, caller), new_session(ports, caller)
    auth.revoke_session(ports, caller, one.id)
    assert_refused(ports, cookie)
    authenticate(ports, other)


def test_an_admin_without_a_customer_can_revoke_any_session(ports: Ports, make_key: MakeKey):
    session, cookie = new_session(ports, key_of(ports, make_key, Role.CUSTOMER, "cust_a"))
    auth.revoke_session(ports, key_of(ports, make_key), session.id)
    assert_refused(ports, cookie)


def test_a_session_can_revoke_itself(ports: Ports, make_key: MakeKey):
    session, cookie = new_session(ports, key_of(ports, make_key))
    auth.revoke_session(ports, authenticate(ports, cookie), session.id)
    assert_refused(ports, cookie)


def test_revoke_other_sessions_keeps_the_calling_session(ports: Ports, make_key: MakeKey):
    caller, stranger = key_of(ports, make_key), key_of(ports, make_key)
    cookies = [new_session(ports, caller)[1] for _ in range(3)]
    _, foreign = new_session(ports, stranger)
    auth.revoke_other_sessions(ports, authenticate(ports, cookies[1]))
    authenticate(ports, cookies[1])
    assert_refused(ports, cookies[0])
    assert_refused(ports, cookies[2])
    authenticate(ports, foreign)


def test_revoke_other_sessions_with_the_key_itself_ends_all_sessions(ports: Ports, make_key: MakeKey):
    caller = key_of(ports, make_key)
    cookies = [new_session(ports, caller)[1] for _ in range(3)]
    auth.revoke_other_sessions(ports, caller)
    for cookie in cookies:
        assert_refused(ports, cookie)


def test_logout_ends_only_the_calling_session(ports: Ports, make_key: MakeKey):
    caller = key_of(ports, make_key)
    (one, cookie), (_, other) = new_session(ports, caller), new_session(ports, caller)
    assert auth.logout(ports, authenticate(ports, cookie)) == sessions.LoggedOut(one.id)
    assert_refused(ports, cookie)
    authenticate(ports, other)


def test_logout_of_a_key_ends_nothing(ports: Ports, make_key: MakeKey):
    caller = key_of(ports, make_key)
    _, cookie = new_session(ports, caller)
    assert auth.logout(ports, caller) == sessions.LoggedOut(None)
    authenticate(ports, cookie)


def test_sessions_can_end_while_uses_are_written(ports: Ports, make_key: MakeKey):
    caller, authenticator = key_of(ports, make_key), Authenticator(ports)
    cookies = [new_session(ports, caller)[1] for _ in range(20)]
    known = [authenticator.by_session(cookie, HERE, "") for cookie in cookies]
    with ThreadPoolExecutor(8) as pool:
        ended = [pool.submit(auth.logout, ports, session) for session in known]
        flushed = [pool.submit(authenticator.flush) for _ in range(20)]
        for future in (*ended, *flushed):
            future.result()
    assert auth.list_sessions(ports, caller).total == 0


def test_remove_expired_removes_only_expired_sessions(ports: Ports, make_key: MakeKey):
    caller = key_of(ports, make_key)
    old, _ = new_session(ports, caller)
    ports.clock.sleep(1)
    young, _ = new_session(ports, caller)
    ports.clock.sleep(12 * 3600 - 1)
    expiry.remove_expired(ports)
    assert stored_session(ports, old.id) is None
    assert stored_session(ports, young.id) is not None
