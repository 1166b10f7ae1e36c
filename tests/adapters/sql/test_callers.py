"""Sessions and tickets: found by their digest, taken once, and gone with what they came from."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from domain.errors import Conflict
from domain.model.api_key import ApiKey
from domain.model.principal import PrincipalKind
from domain.model.session import Session
from domain.model.ticket import Ticket
from domain.ports.store import Query, Store
from tests.adapters.sql.entities import NOW, after, api_key, session, ticket


@pytest.fixture
def key(store: Store) -> ApiKey:
    return _key(store)


def _key(store: Store, prefix: str = "abcdefgh") -> ApiKey:
    key = api_key(prefix)
    with store.begin() as work:
        work.api_keys.add(key)
    return key


def _kept(store: Store, *things: Session | Ticket) -> None:
    with store.begin() as work:
        for thing in things:
            if isinstance(thing, Session):
                work.sessions.add(thing)
            else:
                work.tickets.add(thing)


def _taken(store: Store, digest: str) -> Ticket | None:
    with store.begin() as work:
        return work.tickets.take(digest)


def _living(store: Store, key: ApiKey) -> set[str]:
    with store.read() as work:
        return {one.id for one in work.sessions.page(Query({"api_key_id": key.id})).items}


# ── Sessions ─────────────────────────────────────────────────────────────────────────────────────


def test_a_session_is_found_by_the_digest_of_its_cookie_as_it_was_kept(store: Store, key: ApiKey):
    one, other = session(key.id), session(key.id)
    _kept(store, one, other)
    with store.read() as work:
        assert work.sessions.by_digest(one.digest) == work.sessions.get(one.id) == one
        assert work.sessions.by_digest("nobody's") is None
        assert work.sessions.by_digest(one.digest.upper()) is None


def test_several_are_those_that_there_are_by_id(store: Store, key: ApiKey):
    one, two, three = (session(key.id) for _ in range(3))
    _kept(store, one, two, three)
    with store.read() as work:
        assert work.sessions.get_many([one.id, three.id, one.id, "ses_nobody"]) == {one.id: one, three.id: three}
        assert work.sessions.get_many([]) == {}
        assert work.api_keys.get_many({key.id, "key_nobody"}) == {key.id: key}


def test_a_question_for_thousands_is_one_question(store: Store, key: ApiKey):
    sessions = [session(key.id) for _ in range(50)]
    _kept(store, *sessions)
    asked = [one.id for one in sessions] + [f"ses_{number}" for number in range(10_000)]
    with store.read() as work:
        assert len(work.sessions.get_many(asked)) == 50


def test_where_a_session_was_last_seen_changes_nothing_else(store: Store, key: ApiKey):
    one, other = session(key.id), session(key.id)
    _kept(store, one, other)
    with store.begin() as work:
        work.sessions.record_use(one.id, after(hours=1), "198.51.100.1")
        work.sessions.record_use("ses_nobody", after(hours=1), "198.51.100.1")
    with store.read() as work:
        assert work.sessions.get(one.id) == replace(one, last_seen_at=after(hours=1), ip="198.51.100.1")
        assert work.sessions.get(other.id) == other


def test_all_sessions_of_a_key_are_removed_but_one(store: Store, key: ApiKey):
    stranger = _key(store, "stranger")
    one, two, foreign = session(key.id), session(key.id), session(stranger.id)
    _kept(store, one, two, foreign)
    with store.begin() as work:
        work.sessions.remove_of(PrincipalKind.API_KEY, key.id, except_id=one.id)
    assert _living(store, key) == {one.id}
    with store.begin() as work:
        work.sessions.remove_of(PrincipalKind.API_KEY, key.id)
    assert _living(store, key) == set()
    assert _living(store, stranger) == {foreign.id}


def test_sessions_are_forgotten_from_the_moment_of_their_expiry_on(store: Store, key: ApiKey):
    over, young = session(key.id, expires_at=NOW), session(key.id, expires_at=after(seconds=0.001))
    _kept(store, over, young)
    with store.begin() as work:
        work.sessions.remove_expired(NOW)
    assert _living(store, key) == {young.id}


def test_whoever_locks_the_key_first_ends_sessions_while_their_uses_are_written_down(store: Store, key: ApiKey):
    """`Authenticator.flush` and `revoke_other_sessions` lock the key first; else they would deadlock."""
    for _ in range(10):
        sessions = [session(key.id) for _ in range(20)]
        _kept(store, *sessions)

        def seen(sessions: list[Session] = sessions) -> None:
            with store.begin() as work:
                work.api_keys.record_use(key.id, NOW, "192.0.2.1", 1)
                for each in sorted(sessions, key=lambda one: one.id, reverse=True):
                    work.sessions.record_use(each.id, NOW, "192.0.2.1")

        def ended() -> None:
            with store.begin() as work:
                work.api_keys.get(key.id)
                work.sessions.remove_of(PrincipalKind.API_KEY, key.id)

        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(act) for act in (seen, ended, seen, ended)]:
                done.result()
        assert _living(store, key) == set()


def test_a_session_needs_a_key_that_there_is(store: Store):
    with pytest.raises(Conflict):
        _kept(store, session("key_nobody"))


def test_sessions_and_tickets_go_with_their_key(store: Store, key: ApiKey):
    one = session(key.id)
    _kept(store, one, ticket(key.id, "by-key"), ticket(key.id, "by-session", session_id=one.id))
    with store.begin() as work:
        work.api_keys.remove(key.id)
    assert _living(store, key) == set()
    assert _taken(store, "by-key") is None
    assert _taken(store, "by-session") is None


# ── Tickets ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "fields", [{}, {"origin": "https://panel.example.com", "topics": ("service:svc_1",)}, {"topics": ()}]
)
def test_a_ticket_is_taken_as_it_was_kept_and_once(store: Store, key: ApiKey, fields: dict[str, object]):
    kept = ticket(key.id, "d", **fields)
    _kept(store, kept)
    assert _taken(store, "nobody's") is None
    assert _taken(store, "d") == kept
    assert _taken(store, "d") is None


def test_of_two_who_take_a_ticket_at_once_one_gets_it(store: Store, key: ApiKey, open_again: Callable[[], Store]):
    stores = [store, open_again()]
    for number in range(20):
        _kept(store, ticket(key.id, f"d-{number}"))
        both = Barrier(2)

        def take(one: Store, number: int = number, both: Barrier = both) -> Ticket | None:
            both.wait()
            return _taken(one, f"d-{number}")

        with ThreadPoolExecutor(2) as pool:
            got = [one for one in pool.map(take, stores) if one]
        assert [one.digest for one in got] == [f"d-{number}"]


def test_a_ticket_that_was_taken_in_vain_can_be_taken_again(store: Store, key: ApiKey):
    _kept(store, ticket(key.id, "d"))
    with store.begin(dry_run=True) as work:
        assert work.tickets.take("d") is not None
    assert _taken(store, "d") is not None


def test_tickets_go_with_the_session_that_asked_for_them(store: Store, key: ApiKey):
    one, other = session(key.id), session(key.id)
    _kept(store, one, other, ticket(key.id, "one", session_id=one.id), ticket(key.id, "other", session_id=other.id))
    with store.begin() as work:
        work.sessions.remove(one.id)
    assert _taken(store, "one") is None
    assert _taken(store, "other") is not None


def test_tickets_are_forgotten_from_the_moment_of_their_expiry_on(store: Store, key: ApiKey):
    _kept(store, ticket(key.id, "over", expires_at=NOW), ticket(key.id, "young", expires_at=after(seconds=0.001)))
    with store.begin() as work:
        work.tickets.remove_expired(NOW)
    assert _taken(store, "over") is None
    assert _taken(store, "young") is not None
