"""Events: their visibility, topics and retention; and the tickets for WebSocket connections."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from domain import auth, events
from domain.adapters import memory
from domain.errors import NotFound, Unauthenticated, UpgradeRequired
from domain.identity import expiry, tokens
from domain.identity.access import Caller
from domain.identity.authenticator import Authenticator
from domain.model.api_key import ApiKey
from domain.model.event import Event, EventType
from domain.ports import Ports
from domain.settings import Settings
from tests.adapters.sql.entities import deployment, operation, service

DATA = {"service_id": "svc_1", "deployment_id": "dep_1", "operation_id": "op_1", "status": "pulling"}


def _event(ports: Ports, kind: EventType = EventType.DEPLOY_PROGRESS, customer_id: str | None = None) -> Event:
    return Event(1, "evt_1", kind, ports.clock.now(), "deployment:dep_1", DATA, customer_id)


def test_an_event_belongs_to_the_topics_of_all_ids_in_its_data(ports: Ports):
    assert events.topics(_event(ports)) == ("service:svc_1", "deployment:dep_1", "operation:op_1")


def test_every_type_of_event_needs_a_read_permission(ports: Ports, admin: Caller):
    for kind in EventType:
        assert events.may_see(admin, _event(ports, kind))
        reading = tuple(permission for permission in admin.permissions if permission.endswith(".read"))
        limited = replace(admin, grant=replace(admin.grant, denied_permissions=reading))
        assert not events.may_see(limited, _event(ports, kind))


def test_events_of_a_customer_are_visible_to_it_and_to_callers_without_a_customer(
    ports: Ports, admin: Caller, customer_a: Caller, customer_b: Caller
):
    event = _event(ports, customer_id=customer_a.customer_id)
    assert [events.may_see(caller, event) for caller in (admin, customer_a, customer_b)] == [True, True, False]


def test_events_are_removed_after_seven_days_except_the_newest(ports: Ports):
    for name in ("one", "two"):
        with ports.store.begin() as work:
            work.services.add(service(name))
    with ports.store.read() as work:
        newest = work.events.after(0, 10)[-1].at
    week = timedelta(days=7)
    for later, removed in ((week - timedelta(minutes=1), 0), (week + timedelta(minutes=1), 1), (week * 2, 0)):
        assert events.remove_old(replace(ports, clock=memory.Clock(newest + later))) == removed


# ── Tickets ──────────────────────────────────────────────────────────────────────────────────────

HERE, ELSEWHERE = "192.0.2.7", "198.51.100.1"
ORIGIN = "https://panel.example.com"


def authenticate(ports: Ports, ticket: str, origin: str | None = None, address: str = HERE) -> Caller:
    return Authenticator(ports).by_ticket(ticket, origin, address, "req-1")[0]


def rejection(ports: Ports, ticket: str, origin: str | None = None, address: str = HERE) -> tuple[str, str | None]:
    with pytest.raises(Unauthenticated) as raised:
        authenticate(ports, ticket, origin, address)
    return raised.value.message, raised.value.details


def change_key(ports: Ports, key_id: str, **fields: object) -> None:
    with ports.store.begin() as work:
        row = work.api_keys.get(key_id)
        assert row is not None
        work.api_keys.save(replace(row, **fields))


def test_connect_websocket_raises_upgrade_required(ports: Ports, admin: Caller):
    with pytest.raises(UpgradeRequired) as raised:
        events.connect_websocket(ports, admin)
    assert raised.value.code == "upgrade_required"


@pytest.mark.parametrize(
    ("public_url", "base"),
    [
        ("https://panel.example.com", "wss://panel.example.com"),
        ("http://10.0.0.7:8080/", "ws://10.0.0.7:8080"),
        ("", "ws://localhost:8080"),
    ],
)
def test_create_ws_ticket_returns_the_url_to_connect_to(ports: Ports, admin: Caller, public_url: str, base: str):
    ticket = events.create_ws_ticket(replace(ports, settings=Settings(public_url=public_url)), admin)
    assert ticket.url == f"{base}/api/ws?ticket={ticket.text}"
    assert ticket.text.startswith("tkt_")
    assert len(ticket.text) == 4 + 43
    assert (ticket.topics, ticket.expires_at) == (None, ports.clock.now() + timedelta(seconds=30))


def test_a_ticket_authenticates_as_the_caller_that_created_it(ports: Ports, customer_a: Caller):
    ticket = events.create_ws_ticket(ports, customer_a)
    expected = replace(customer_a, address=HERE, request_id="req-1")
    assert Authenticator(ports).by_ticket(ticket.text, None, HERE, "req-1") == (expected, None)


def test_a_ticket_of_a_session_authenticates_as_that_session(ports: Ports, admin: Caller):
    created, cookie = auth.create_session(ports, admin)
    caller = Authenticator(ports).by_session(cookie, HERE, "")
    redeemed = authenticate(ports, events.create_ws_ticket(ports, caller).text)
    assert admin.credential is not None
    assert redeemed.credential == replace(admin.credential, session_id=created.session.id)


def test_a_ticket_is_accepted_once(ports: Ports, admin: Caller):
    ticket = events.create_ws_ticket(ports, admin)
    authenticate(ports, ticket.text)
    rejection(ports, ticket.text)


def test_a_ticket_in_concurrent_requests_is_accepted_once(ports: Ports, admin: Caller):
    ticket = events.create_ws_ticket(ports, admin)

    def try_ticket(_: int) -> bool:
        try:
            authenticate(ports, ticket.text)
        except Unauthenticated:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(try_ticket, range(8))) == 1


def test_a_ticket_is_rejected_from_its_expiry_time_on(ports: Ports, admin: Caller):
    first, second = (events.create_ws_ticket(ports, admin) for _ in range(2))
    ports.clock.sleep(29.999)
    authenticate(ports, first.text)
    ports.clock.sleep(0.001)
    rejection(ports, second.text)


def test_a_ticket_is_limited_to_the_origin_that_created_it(ports: Ports, admin: Caller):
    for origin in (None, "https://evil.example", "null", ""):
        ticket = events.create_ws_ticket(ports, admin, origin=ORIGIN)
        rejection(ports, ticket.text, origin)
        rejection(ports, ticket.text, ORIGIN)  # the failed attempt used it up
    authenticate(ports, events.create_ws_ticket(ports, admin, origin=ORIGIN).text, ORIGIN)


def test_a_ticket_created_without_an_origin_is_accepted_from_any(ports: Ports, admin: Caller):
    for origin in (None, ORIGIN):
        authenticate(ports, events.create_ws_ticket(ports, admin).text, origin)


def test_a_ticket_is_rejected_when_the_key_that_created_it_is(ports: Ports, make_key: Callable[..., ApiKey]):
    text = tokens.new_api_key()
    key = make_key(text=text)
    for fields in (
        {"digest": "another"},
        {"expires_at": ports.clock.now()},
        {"allowed_ips": (ELSEWHERE,)},
    ):
        ticket = events.create_ws_ticket(ports, Authenticator(ports).by_api_key(text, HERE, ""))
        change_key(ports, key.id, **fields)
        rejection(ports, ticket.text)
        change_key(ports, key.id, digest=key.digest, expires_at=None, allowed_ips=())
    ticket = events.create_ws_ticket(ports, Authenticator(ports).by_api_key(text, HERE, ""))
    with ports.store.begin() as work:
        work.api_keys.remove(key.id)
    rejection(ports, ticket.text)


def test_a_ticket_ends_with_the_session_that_created_it(ports: Ports, admin: Caller):
    _, cookie = auth.create_session(ports, admin)
    caller = Authenticator(ports).by_session(cookie, HERE, "")
    ticket = events.create_ws_ticket(ports, caller)
    auth.logout(ports, caller)
    rejection(ports, ticket.text)
    with pytest.raises(Unauthenticated):
        events.create_ws_ticket(ports, caller)


def test_all_invalid_tickets_get_the_same_error(ports: Ports, admin: Caller):
    used = events.create_ws_ticket(ports, admin).text
    authenticate(ports, used)
    texts = ("", "nonsense", used, tokens.new_ticket(), used[:-1], f"{used}\n", tokens.new_api_key())
    assert len({rejection(ports, text) for text in texts}) == 1


def test_the_use_of_a_ticket_counts_as_a_use_of_its_key(ports: Ports, admin: Caller):
    authenticator = Authenticator(ports)
    authenticator.by_ticket(events.create_ws_ticket(ports, admin).text, None, HERE, "")
    authenticator.flush()
    with ports.store.read() as work:
        key = work.api_keys.get(admin.id)
    assert key is not None
    assert (key.request_count, key.last_used_ip) == (1, HERE)


def test_the_database_contains_no_ticket_text(ports: Ports, admin: Caller, tmp_path: Path):
    ticket = events.create_ws_ticket(ports, admin)
    files = b"".join(file.read_bytes() for file in tmp_path.glob("panel.db*"))
    assert tokens.digest(ticket.text).encode() in files
    assert ticket.text.removeprefix("tkt_").encode() not in files


def test_only_expired_tickets_are_removed(ports: Ports, admin: Caller):
    events.create_ws_ticket(ports, admin)
    ports.clock.sleep(1)
    valid = events.create_ws_ticket(ports, admin)
    ports.clock.sleep(29)
    expiry.remove_expired(ports)
    with ports.store.begin() as work:
        assert work.tickets.take(tokens.digest(valid.text)) is not None
    ports.clock.sleep(60)
    expiry.remove_expired(ports)


# ── Topics ───────────────────────────────────────────────────────────────────────────────────────


def topics_of(ports: Ports, customer_id: str | None, suffix: str = "1") -> list[str]:
    with ports.store.begin() as work:
        work.services.add(service(f"shop-{suffix}", id=f"svc_{suffix}", customer_id=customer_id))
        work.deployments.add(deployment(f"svc_{suffix}", id=f"dep_{suffix}", customer_id=customer_id))
        work.operations.add(operation(f"svc_{suffix}", id=f"op_{suffix}", customer_id=customer_id))
    return [f"service:svc_{suffix}", f"logs:svc_{suffix}", f"deployment:dep_{suffix}", f"operation:op_{suffix}"]


def test_a_ticket_stores_its_topics(ports: Ports, customer_a: Caller):
    topics = topics_of(ports, customer_a.customer_id)
    ticket = events.create_ws_ticket(ports, customer_a, {"topics": topics})
    assert ticket.topics == tuple(topics)
    assert Authenticator(ports).by_ticket(ticket.text, None, HERE, "")[1] == tuple(topics)


def test_topics_that_the_caller_cannot_see_are_all_named(ports: Ports, customer_a: Caller):
    own, others = topics_of(ports, customer_a.customer_id, "own"), topics_of(ports, "cust_b", "others")
    with pytest.raises(NotFound) as raised:
        events.create_ws_ticket(ports, customer_a, {"topics": [own[0], *others, own[1], "service:svc_nobody"]})
    hidden = [*others, "service:svc_nobody"]
    assert raised.value.details == "; ".join(f"{topic}: There is no {topic.partition(':')[2]}" for topic in hidden)


def test_a_topic_without_its_permission_is_hidden(ports: Ports, admin: Caller):
    limited = replace(admin, grant=replace(admin.grant, denied_permissions=("logs.read", "operations.read")))
    topics = topics_of(ports, None)
    with pytest.raises(NotFound) as raised:
        events.check_topics(ports, limited, topics)
    assert raised.value.details == (
        "logs:svc_1: This needs the permission logs.read; operation:op_1: This needs the permission operations.read"
    )
    events.check_topics(ports, admin, topics)


def test_a_rejected_ticket_is_not_stored(ports: Ports, admin: Caller, tmp_path: Path):
    with pytest.raises(NotFound):
        events.create_ws_ticket(ports, admin, {"topics": ["service:svc_nobody"]})
    assert b"svc_nobody" not in b"".join(file.read_bytes() for file in tmp_path.glob("panel.db*"))
