"""Sessions: made with a key, as good as the secret that was shown for them, and ended by their owner."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from domain import api_keys, auth
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


def begun(ports: Ports, caller: Caller, device: str = "Firefox") -> tuple[Session, str]:
    made, text = auth.create_session(ports, caller, device)
    return made.session, text


def enter(ports: Ports, cookie: str, address: str = HERE) -> Caller:
    return Authenticator(ports).by_session(cookie, address, "req-1")


def refused(ports: Ports, cookie: str, address: str = HERE) -> tuple[str, str, str | None]:
    with pytest.raises(Unauthenticated) as raised:
        enter(ports, cookie, address)
    return raised.value.code, raised.value.message, raised.value.details


def changed(ports: Ports, key_id: str, **fields: object) -> None:
    with ports.store.begin() as work:
        row = work.api_keys.get(key_id)
        assert row is not None
        work.api_keys.save(replace(row, **fields))


def stored(ports: Ports, session_id: str) -> Session | None:
    with ports.store.read() as work:
        return work.sessions.get(session_id)


def ids(ports: Ports, caller: Caller, **asked: object) -> list[str]:
    return [one.session.id for one in auth.list_sessions(ports, caller, **asked).items]  # type: ignore[arg-type]


# ── Making ───────────────────────────────────────────────────────────────────────────────────────


def test_create_session_keeps_where_it_came_from_and_ends_after_twelve_hours(ports: Ports, make_key: MakeKey):
    caller, now = key_of(ports, make_key), ports.clock.now()
    session, _ = begun(ports, caller, "Mozilla/5.0 (X11)")
    assert (session.api_key_id, session.device, session.ip) == (caller.id, "Mozilla/5.0 (X11)", HERE)
    assert (session.created_at, session.last_seen_at) == (now, now)
    assert session.expires_at == now + timedelta(hours=12)
    assert stored(ports, session.id) == session


def test_a_session_ends_with_its_key_when_that_is_sooner(ports: Ports, make_key: MakeKey):
    caller, end = key_of(ports, make_key), ports.clock.now() + timedelta(hours=3)
    changed(ports, caller.id, expires_at=end)
    assert begun(ports, caller)[0].expires_at == end


def test_a_session_of_an_old_secret_ends_with_the_overlap(ports: Ports, make_key: MakeKey):
    caller = key_of(ports, make_key)
    api_keys.rotate_api_key(ports, caller, caller.id, {"overlapSeconds": 60})
    assert begun(ports, caller)[0].expires_at == ports.clock.now() + timedelta(seconds=60)


@pytest.mark.parametrize(("device", "kept"), [("", ""), ("a\x00b\nc\x7f", "abc"), ("x" * 9000, "x" * 300)])
def test_a_device_is_kept_as_far_as_it_can_be_shown(ports: Ports, make_key: MakeKey, device: str, kept: str):
    assert begun(ports, key_of(ports, make_key), device)[0].device == kept


def test_a_key_that_has_ended_meanwhile_makes_no_session(ports: Ports, make_key: MakeKey):
    for spoil in ({"expires_at": ports.clock.now()}, {"digest": "another"}, {"allowed_ips": ("198.51.100.1",)}):
        caller = key_of(ports, make_key)
        changed(ports, caller.id, **spoil)
        with pytest.raises(Unauthenticated):
            begun(ports, caller)
    with ports.store.begin() as work:
        work.api_keys.remove(caller.id)
    with pytest.raises(Unauthenticated):
        begun(ports, caller)


def test_no_two_cookies_are_alike_and_each_has_256_bits(ports: Ports):
    made = {tokens.new_cookie() for _ in range(1000)}
    assert len(made) == 1000
    assert {len(text) for text in made} == {43}


def test_the_database_holds_no_cookie(ports: Ports, make_key: MakeKey, tmp_path: Path):
    session, cookie = begun(ports, key_of(ports, make_key))
    files = b"".join(file.read_bytes() for file in tmp_path.glob("panel.db*"))
    assert session.digest.encode() in files
    assert cookie.encode() not in files
    assert cookie not in repr(session)
    assert session.digest not in repr(session)


# ── Who is let in ────────────────────────────────────────────────────────────────────────────────


def test_a_session_is_what_its_key_is(ports: Ports, make_key: MakeKey):
    caller = key_of(ports, make_key, Role.CUSTOMER, "cust_a")
    session, cookie = begun(ports, caller)
    shown = replace(caller.credential, session_id=session.id) if caller.credential else None
    assert enter(ports, cookie) == replace(caller, request_id="req-1", credential=shown)
    assert enter(ports, cookie).session_id == session.id
    assert caller.session_id is None


@pytest.mark.parametrize(
    "spoil",
    [lambda _: "", lambda text: text[:-1], lambda text: text + "x", lambda text: f"{text}\n", lambda _: "é" * 43],
)
def test_what_was_never_a_cookie_is_refused_without_asking_the_database(
    ports: Ports, make_key: MakeKey, spoil: Callable[[str], str]
):
    _, cookie = begun(ports, key_of(ports, make_key))
    unasked = replace(ports, store=None)  # type: ignore[arg-type]
    refused(unasked, spoil(cookie))


def test_a_key_or_a_ticket_is_no_cookie(ports: Ports, make_key: MakeKey):
    text = tokens.new_api_key()
    make_key(text=text)
    refused(ports, text)
    refused(ports, tokens.new_ticket())


def test_every_refusal_of_a_cookie_reads_like_that_of_a_key(ports: Ports, make_key: MakeKey):
    caller = key_of(ports, make_key)
    session, cookie = begun(ports, caller)
    auth.revoke_session(ports, caller, session.id)
    with pytest.raises(Unauthenticated) as raised:
        Authenticator(ports).by_api_key("nonsense", HERE, "")
    of_a_key = (raised.value.code, raised.value.message, raised.value.details)
    assert {refused(ports, text) for text in ("", cookie, tokens.new_cookie())} == {of_a_key}


def test_a_session_ends_at_the_moment_of_its_expiry(ports: Ports, make_key: MakeKey):
    _, cookie = begun(ports, key_of(ports, make_key))
    ports.clock.sleep(12 * 3600 - 0.001)
    enter(ports, cookie)
    ports.clock.sleep(0.001)
    refused(ports, cookie)


def test_its_use_does_not_put_the_end_of_a_session_off(ports: Ports, make_key: MakeKey):
    _, cookie = begun(ports, key_of(ports, make_key))
    for _ in range(12):
        enter(ports, cookie)
        ports.clock.sleep(3600)
    refused(ports, cookie)


def test_a_key_that_is_revoked_or_expires_ends_its_sessions(ports: Ports, make_key: MakeKey):
    caller = key_of(ports, make_key)
    session, cookie = begun(ports, caller)
    changed(ports, caller.id, expires_at=ports.clock.now())
    refused(ports, cookie)
    changed(ports, caller.id, expires_at=None)
    enter(ports, cookie)
    with ports.store.begin() as work:
        work.api_keys.remove(caller.id)
    refused(ports, cookie)
    assert stored(ports, session.id) is None


def test_a_new_secret_ends_the_sessions_of_the_old_one_when_its_overlap_ends(ports: Ports, make_key: MakeKey):
    caller = key_of(ports, make_key)
    _, cookie = begun(ports, caller)
    _, text = api_keys.rotate_api_key(ports, caller, caller.id, {"overlapSeconds": 60})
    _, new = begun(ports, Authenticator(ports).by_api_key(text, HERE, ""))
    enter(ports, cookie)
    ports.clock.sleep(60)
    refused(ports, cookie)
    enter(ports, new)


def test_a_new_secret_without_an_overlap_ends_the_sessions_at_once(ports: Ports, make_key: MakeKey):
    caller = key_of(ports, make_key)
    _, cookie = begun(ports, caller)
    api_keys.rotate_api_key(ports, caller, caller.id)
    refused(ports, cookie)


def test_the_addresses_of_the_key_hold_for_its_sessions(ports: Ports, make_key: MakeKey):
    caller = key_of(ports, make_key)
    _, cookie = begun(ports, caller)
    changed(ports, caller.id, allowed_ips=("192.0.2.0/24",))
    enter(ports, cookie)
    refused(ports, cookie, "198.51.100.1")


def test_a_session_may_do_what_its_key_may_by_now(ports: Ports, make_key: MakeKey):
    caller = key_of(ports, make_key)
    _, cookie = begun(ports, caller)
    changed(ports, caller.id, denied_permissions=("env.reveal",))
    assert enter(ports, cookie).permissions == caller.permissions - {"env.reveal"}


def test_another_look_at_a_session_sees_that_it_has_ended(ports: Ports, make_key: MakeKey):
    caller, authenticator = key_of(ports, make_key), Authenticator(ports)
    session, cookie = begun(ports, caller)
    (_, other), known = begun(ports, caller), enter(ports, cookie)
    assert authenticator.revalidate(known) == known
    auth.revoke_session(ports, caller, session.id)
    assert authenticator.revalidate_many([known, enter(ports, other)])[0] is None
    assert authenticator.revalidate_many([enter(ports, other)]) == [enter(ports, other)]
    with pytest.raises(Unauthenticated):
        authenticator.revalidate(known)


def test_another_look_at_a_session_sees_that_its_time_is_over(ports: Ports, make_key: MakeKey):
    known = enter(ports, begun(ports, key_of(ports, make_key))[1])
    ports.clock.sleep(12 * 3600)
    assert Authenticator(ports).revalidate_many([known]) == [None]


# ── Use ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_use_of_a_session_is_one_of_its_key_too(ports: Ports, make_key: MakeKey):
    caller, authenticator = key_of(ports, make_key), Authenticator(ports)
    session, cookie = begun(ports, caller)
    authenticator.by_session(cookie, "192.0.2.1", "")
    ports.clock.sleep(5)
    authenticator.by_session(cookie, "192.0.2.2", "")
    assert stored(ports, session.id) == session
    authenticator.flush()
    assert stored(ports, session.id) == replace(session, last_seen_at=ports.clock.now(), ip="192.0.2.2")
    with ports.store.read() as work:
        key = work.api_keys.get(caller.id)
    assert key is not None
    assert (key.request_count, key.last_used_ip) == (2, "192.0.2.2")


def test_the_uses_of_a_session_that_is_gone_disturb_nobody(ports: Ports, make_key: MakeKey):
    caller, authenticator = key_of(ports, make_key), Authenticator(ports)
    session, cookie = begun(ports, caller)
    authenticator.by_session(cookie, HERE, "")
    auth.revoke_session(ports, caller, session.id)
    authenticator.flush()
    assert stored(ports, session.id) is None


# ── Listing ──────────────────────────────────────────────────────────────────────────────────────


def test_list_sessions_tells_which_one_is_calling(ports: Ports, make_key: MakeKey):
    caller = key_of(ports, make_key)
    (one, cookie), (two, _) = begun(ports, caller), begun(ports, caller)
    listed = auth.list_sessions(ports, enter(ports, cookie), order="asc")
    assert [(each.session.id, each.current) for each in listed.items] == [(one.id, True), (two.id, False)]
    assert [each.current for each in auth.list_sessions(ports, caller).items] == [False, False]


def test_list_sessions_pages_and_sorts(ports: Ports, make_key: MakeKey):
    caller, authenticator, made = key_of(ports, make_key), Authenticator(ports), []
    for _ in range(5):
        made.append(begun(ports, caller))
        ports.clock.sleep(1)
    names = [session.id for session, _ in made]
    assert ids(ports, caller) == names[::-1]
    assert ids(ports, caller, order="asc", per_page=2, page=2) == names[2:4]
    assert auth.list_sessions(ports, caller, per_page=2, page=3).total == 5
    assert ids(ports, caller, per_page=2, page=4) == []
    authenticator.by_session(made[1][1], HERE, "")
    authenticator.flush()
    assert ids(ports, caller, sort="last_seen_at")[0] == names[1]


def test_a_session_that_has_ended_is_not_listed_though_it_is_still_kept(ports: Ports, make_key: MakeKey):
    caller = key_of(ports, make_key)
    over, _ = begun(ports, caller)
    ports.clock.sleep(12 * 3600)
    rotated_away, _ = begun(ports, caller)
    _, text = api_keys.rotate_api_key(ports, caller, caller.id)
    current = Authenticator(ports).by_api_key(text, HERE, "")
    good, _ = begun(ports, current)
    assert ids(ports, current) == [good.id]
    assert auth.list_sessions(ports, current).total == 1
    assert stored(ports, over.id)
    assert stored(ports, rotated_away.id)


def test_an_admin_without_a_customer_looks_at_anybodys_sessions(ports: Ports, make_key: MakeKey):
    admin, owner = key_of(ports, make_key), key_of(ports, make_key, Role.CUSTOMER, "cust_a")
    session, _ = begun(ports, owner)
    assert ids(ports, admin, user_id=owner.id) == [session.id]
    assert ids(ports, admin) == ids(ports, admin, user_id="key_nobody") == ids(ports, admin, user_id="usr_nobody") == []


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
def test_for_all_others_nobody_elses_sessions_exist(
    ports: Ports, make_key: MakeKey, role: Role, customer_id: str | None
):
    owner, other = key_of(ports, make_key, Role.CUSTOMER, "cust_a"), key_of(ports, make_key, role, customer_id)
    session, cookie = begun(ports, owner)
    assert auth.list_sessions(ports, other, user_id=owner.id).total == 0
    assert ids(ports, other, user_id=other.id) == []
    told = set()
    for session_id in (session.id, "ses_nobody"):
        with pytest.raises(NotFound) as raised:
            auth.revoke_session(ports, other, session_id)
        told.add((raised.value.message, str(raised.value.details).replace(session_id, "…")))
    assert told == {("Session not found", "No session with ID … exists")}
    enter(ports, cookie)


# ── Ending ───────────────────────────────────────────────────────────────────────────────────────


def test_revoke_session_ends_that_one(ports: Ports, make_key: MakeKey):
    caller = key_of(ports, make_key)
    (one, cookie), (_, other) = begun(ports, caller), begun(ports, caller)
    auth.revoke_session(ports, caller, one.id)
    refused(ports, cookie)
    enter(ports, other)


def test_an_admin_without_a_customer_ends_anybodys_session(ports: Ports, make_key: MakeKey):
    session, cookie = begun(ports, key_of(ports, make_key, Role.CUSTOMER, "cust_a"))
    auth.revoke_session(ports, key_of(ports, make_key), session.id)
    refused(ports, cookie)


def test_a_session_ends_itself_like_any_other(ports: Ports, make_key: MakeKey):
    session, cookie = begun(ports, key_of(ports, make_key))
    auth.revoke_session(ports, enter(ports, cookie), session.id)
    refused(ports, cookie)


def test_revoke_other_sessions_leaves_the_one_that_asks(ports: Ports, make_key: MakeKey):
    caller, stranger = key_of(ports, make_key), key_of(ports, make_key)
    cookies = [begun(ports, caller)[1] for _ in range(3)]
    _, foreign = begun(ports, stranger)
    auth.revoke_other_sessions(ports, enter(ports, cookies[1]))
    enter(ports, cookies[1])
    refused(ports, cookies[0])
    refused(ports, cookies[2])
    enter(ports, foreign)


def test_revoke_other_sessions_with_the_key_itself_ends_all(ports: Ports, make_key: MakeKey):
    caller = key_of(ports, make_key)
    cookies = [begun(ports, caller)[1] for _ in range(3)]
    auth.revoke_other_sessions(ports, caller)
    for cookie in cookies:
        refused(ports, cookie)


def test_logout_ends_the_session_that_calls_and_no_other(ports: Ports, make_key: MakeKey):
    caller = key_of(ports, make_key)
    (one, cookie), (_, other) = begun(ports, caller), begun(ports, caller)
    assert auth.logout(ports, enter(ports, cookie)) == auth.LoggedOut(one.id)
    refused(ports, cookie)
    enter(ports, other)


def test_logout_of_a_key_ends_nothing(ports: Ports, make_key: MakeKey):
    caller = key_of(ports, make_key)
    _, cookie = begun(ports, caller)
    assert auth.logout(ports, caller) == auth.LoggedOut(None)
    enter(ports, cookie)


def test_sessions_that_end_while_others_are_counted_hold_nobody_up(ports: Ports, make_key: MakeKey):
    caller, authenticator = key_of(ports, make_key), Authenticator(ports)
    cookies = [begun(ports, caller)[1] for _ in range(20)]
    known = [authenticator.by_session(cookie, HERE, "") for cookie in cookies]
    with ThreadPoolExecutor(8) as pool:
        ended = [pool.submit(auth.logout, ports, one) for one in known]
        flushed = [pool.submit(authenticator.flush) for _ in range(20)]
        for one in (*ended, *flushed):
            one.result()
    assert auth.list_sessions(ports, caller).total == 0


def test_what_has_expired_is_forgotten_and_nothing_else(ports: Ports, make_key: MakeKey):
    caller = key_of(ports, make_key)
    old, _ = begun(ports, caller)
    ports.clock.sleep(1)
    young, _ = begun(ports, caller)
    ports.clock.sleep(12 * 3600 - 1)
    expiry.remove_expired(ports)
    assert stored(ports, old.id) is None
    assert stored(ports, young.id) is not None
