"""Sessions and tickets: found by digest, tickets only once, and removed with their key or session."""

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
from domain.ports.repository import Query
from domain.ports.store import Store
from tests.adapters.sql.entities import NOW, after, api_key, session, ticket


@pytest.fixture
def key(store: Store) -> ApiKey:
    return _add_key(store)


def _add_key(store: Store, prefix: str = "abcdefgh") -> ApiKey:
    key = api_key(prefix)
    with store.begin() as work:
        work.api_keys.add(key)
    return key


def _add(store: Store, *entities: Session | Ticket) -> None:
    with store.begin() as work:
        for entity in entities:
            if isinstance(entity, Session):
                work.sessions.add(entity)
            else:
                work.tickets.add(entity)


def _take(store: Store, digest: str) -> Ticket | None:
    with store.begin() as work:
        return work.tickets.take(digest)


def _session_ids(store: Store, key: ApiKey) -> set[str]:
    with store.read() as work:
        return {found.id for found in work.sessions.page(Query({"api_key_id": key.id})).items}


# ── Sessions ─────────────────────────────────────────────────────────────────────────────────────


def test_a_session_is_found_by_the_digest_of_its_cookie(store: Store, key: ApiKey):
    one, other = session(key.id), session(key.id)
    _add(store, one, other)
    with store.read() as work:
        assert work.sessions.by_digest(one.digest) == work.sessions.get(one.id) == one
        assert work.sessions.by_digest("nobody's") is None
        assert work.sessions.by_digest(one.digest.upper()) is None


def test_get_many_returns_existing_entities_by_id(store: Store, key: ApiKey):
    one, two, three = (session(key.id) for _ in range(3))
    _add(store, one, two, three)
    with store.read() as work:
        assert work.sessions.get_many([one.id, three.id, one.id, "ses_nobody"]) == {one.id: one, three.id: three}
        assert work.sessions.get_many([]) == {}
        assert work.api_keys.get_many({key.id, "key_nobody"}) == {key.id: key}


def test_get_many_accepts_ten_thousand_ids(store: Store, key: ApiKey):
    sessions = [session(key.id) for _ in range(50)]
    _add(store, *sessions)
    ids = [known.id for known in sessions] + [f"ses_{number}" for number in range(10_000)]
    with store.read() as work:
        assert len(work.sessions.get_many(ids)) == 50


def test_recording_a_use_of_a_session_changes_nothing_else(store: Store, key: ApiKey):
    one, other = session(key.id), session(key.id)
    _add(store, one, other)
    with store.begin() as work:
        work.sessions.record_use(one.id, after(hours=1), "198.51.100.1")
        work.sessions.record_use("ses_nobody", after(hours=1), "198.51.100.1")
    with store.read() as work:
        assert work.sessions.get(one.id) == replace(one, last_seen_at=after(hours=1), ip="198.51.100.1")
        assert work.sessions.get(other.id) == other


def test_all_sessions_of_a_key_but_one_can_be_removed(store: Store, key: ApiKey):
    stranger = _add_key(store, "stranger")
    one, two, foreign = session(key.id), session(key.id), session(stranger.id)
    _add(store, one, two, foreign)
    with store.begin() as work:
        work.sessions.remove_of(PrincipalKind.API_KEY, key.id, except_id=one.id)
    assert _session_ids(store, key) == {one.id}
    with store.begin() as work:
        work.sessions.remove_of(PrincipalKind.API_KEY, key.id)
    assert _session_ids(store, key) == set()
    assert _session_ids(store, stranger) == {foreign.id}


def test_sessions_are_removed_from_their_expiry(store: Store, key: ApiKey):
    expired, valid = session(key.id, expires_at=NOW), session(key.id, expires_at=after(seconds=0.001))
    _add(store, expired, valid)
    with store.begin() as work:
        work.sessions.remove_expired(NOW)
    assert _session_ids(store, key) == {valid.id}


def test_sessions_can_be_removed_while_their_uses_are_recorded_if_both_lock_the_key_first(store: Store, key: ApiKey):
    """`Authenticator.flush` and `revoke_other_sessions` lock the key first. Otherwise they would deadlock."""
    for _ in range(10):
        sessions = [session(key.id) for _ in range(20)]
        _add(store, *sessions)

        def record_uses(sessions: list[Session] = sessions) -> None:
            with store.begin() as work:
                work.api_keys.record_use(key.id, NOW, "192.0.2.1", 1)
                for used in sorted(sessions, key=lambda used: used.id, reverse=True):
                    work.sessions.record_use(used.id, NOW, "192.0.2.1")

        def end_sessions() -> None:
            with store.begin() as work:
                work.api_keys.get(key.id)
                work.sessions.remove_of(PrincipalKind.API_KEY, key.id)

        with ThreadPoolExecutor(4) as pool:
            for future in [pool.submit(act) for act in (record_uses, end_sessions, record_uses, end_sessions)]:
                future.result()
        assert _session_ids(store, key) == set()


def test_a_session_of_an_unknown_key_is_refused(store: Store):
    with pytest.raises(Conflict):
        _add(store, session("key_nobody"))


def test_sessions_and_tickets_are_removed_with_their_key(store: Store, key: ApiKey):
    one = session(key.id)
    _add(store, one, ticket(key.id, "by-key"), ticket(key.id, "by-session", session_id=one.id))
    with store.begin() as work:
        work.api_keys.remove(key.id)
    assert _session_ids(store, key) == set()
    assert _take(store, "by-key") is None
    assert _take(store, "by-session") is None


# ── Tickets ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "fields", [{}, {"origin": "https://panel.example.com", "topics": ("service:svc_1",)}, {"topics": ()}]
)
def test_a_ticket_can_be_taken_once(store: Store, key: ApiKey, fields: dict[str, object]):
    stored = ticket(key.id, "d", **fields)
    _add(store, stored)
    assert _take(store, "nobody's") is None
    assert _take(store, "d") == stored
    assert _take(store, "d") is None


def test_of_two_parallel_requests_for_a_ticket_one_gets_it(store: Store, key: ApiKey, open_again: Callable[[], Store]):
    stores = [store, open_again()]
    for number in range(20):
        _add(store, ticket(key.id, f"d-{number}"))
        both = Barrier(2)

        def take(through: Store, number: int = number, both: Barrier = both) -> Ticket | None:
            both.wait()
            return _take(through, f"d-{number}")

        with ThreadPoolExecutor(2) as pool:
            taken = [result for result in pool.map(take, stores) if result]
        assert [result.digest for result in taken] == [f"d-{number}"]


def test_a_ticket_taken_in_a_dry_run_can_be_taken_again(store: Store, key: ApiKey):
    _add(store, ticket(key.id, "d"))
    with store.begin(dry_run=True) as work:
        assert work.tickets.take("d") is not None
    assert _take(store, "d") is not None


def test_tickets_are_removed_with_their_session(store: Store, key: ApiKey):
    one, other = session(key.id), session(key.id)
    _add(store, one, other, ticket(key.id, "one", session_id=one.id), ticket(key.id, "other", session_id=other.id))
    with store.begin() as work:
        work.sessions.remove(one.id)
    assert _take(store, "one") is None
    assert _take(store, "other") is not None


def test_tickets_are_removed_from_their_expiry(store: Store, key: ApiKey):
    _add(store, ticket(key.id, "expired", expires_at=NOW), ticket(key.id, "valid", expires_at=after(seconds=0.001)))
    with store.begin() as work:
        work.tickets.remove_expired(NOW)
    assert _take(store, "expired") is None
    assert _take(store, "valid") is not None
