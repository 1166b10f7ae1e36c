"""Events: who may see them, by which topics, how long they are kept; and the tickets of those who listen."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from domain import auth, events
from domain.adapters import memory
from domain.errors import Invalid, Unauthenticated, UpgradeRequired
from domain.events.stream import hidden_topics
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


def test_an_event_is_found_under_everything_that_it_names(ports: Ports):
    assert events.topics(_event(ports)) == ("service:svc_1", "deployment:dep_1", "operation:op_1")


def test_every_type_of_event_needs_a_permission_that_roles_have(ports: Ports, admin: Caller):
    for kind in EventType:
        assert events.may_see(admin, _event(ports, kind))
        reading = tuple(permission for permission in admin.permissions if permission.endswith(".read"))
        blind = replace(admin, grant=replace(admin.grant, denied_permissions=reading))
        assert not events.may_see(blind, _event(ports, kind))


def test_a_customers_events_are_for_it_and_for_those_who_belong_to_none(
    ports: Ports, admin: Caller, customer_a: Caller, customer_b: Caller
):
    event = _event(ports, customer_id=customer_a.customer_id)
    assert [events.may_see(caller, event) for caller in (admin, customer_a, customer_b)] == [True, True, False]


def test_events_are_kept_for_seven_days_and_the_newest_for_ever(ports: Ports):
    for name in ("one", "two"):
        with ports.store.begin() as work:
            work.services.add(service(name))
    with ports.store.read() as work:
        told = work.events.after(0, 10)[-1].at
    week = timedelta(days=7)
    for later, forgotten in ((week - timedelta(minutes=1), 0), (week + timedelta(minutes=1), 1), (week * 2, 0)):
        assert events.remove_old(replace(ports, clock=memory.Clock(told + later))) == forgotten


# ── Sockets ──────────────────────────────────────────────────────────────────────────────────────

HERE, ELSEWHERE = "192.0.2.7", "198.51.100.1"
ORIGIN = "https://panel.example.com"


def redeemed(ports: Ports, ticket: str, origin: str | None = None, address: str = HERE) -> Caller:
    return Authenticator(ports).by_ticket(ticket, origin, address, "req-1")[0]


def refused(ports: Ports, ticket: str, origin: str | None = None, address: str = HERE) -> tuple[str, str | None]:
    with pytest.raises(Unauthenticated) as raised:
        redeemed(ports, ticket, origin, address)
    return raised.value.message, raised.value.details


def changed(ports: Ports, key_id: str, **fields: object) -> None:
    with ports.store.begin() as work:
        row = work.api_keys.get(key_id)
        assert row is not None
        work.api_keys.save(replace(row, **fields))


def test_connect_websocket_asks_whoever_wants_no_upgrade_for_one(ports: Ports, admin: Caller):
    with pytest.raises(UpgradeRequired) as raised:
        events.connect_websocket(ports, admin)
    assert raised.value.code == "upgrade_required"


@pytest.mark.parametrize(
    ("public_url", "place"),
    [
        ("https://panel.example.com", "wss://panel.example.com"),
        ("http://10.0.0.7:8080/", "ws://10.0.0.7:8080"),
        ("", "ws://localhost:8080"),
    ],
)
def test_create_ws_ticket_says_where_to_go_with_it(ports: Ports, admin: Caller, public_url: str, place: str):
    made = events.create_ws_ticket(replace(ports, settings=Settings(public_url=public_url)), admin)
    assert made.url == f"{place}/api/ws?ticket={made.text}"
    assert made.text.startswith("tkt_")
    assert len(made.text) == 4 + 43
    assert (made.topics, made.expires_at) == (None, ports.clock.now() + timedelta(seconds=30))


def test_a_ticket_makes_its_bearer_whoever_asked_for_it(ports: Ports, customer_a: Caller):
    made = events.create_ws_ticket(ports, customer_a)
    expected = replace(customer_a, address=HERE, request_id="req-1")
    assert Authenticator(ports).by_ticket(made.text, None, HERE, "req-1") == (expected, None)


def test_a_ticket_of_a_session_makes_its_bearer_that_session(ports: Ports, admin: Caller):
    made, cookie = auth.create_session(ports, admin)
    caller = Authenticator(ports).by_session(cookie, HERE, "")
    found = redeemed(ports, events.create_ws_ticket(ports, caller).text)
    assert admin.credential is not None
    assert found.credential == replace(admin.credential, session_id=made.session.id)


def test_a_ticket_is_good_once(ports: Ports, admin: Caller):
    made = events.create_ws_ticket(ports, admin)
    redeemed(ports, made.text)
    refused(ports, made.text)


def test_of_many_who_show_a_ticket_at_once_one_is_let_in(ports: Ports, admin: Caller):
    made = events.create_ws_ticket(ports, admin)

    def show(_: int) -> bool:
        try:
            redeemed(ports, made.text)
        except Unauthenticated:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(show, range(8))) == 1


def test_a_ticket_ends_at_the_moment_of_its_expiry(ports: Ports, admin: Caller):
    one, two = (events.create_ws_ticket(ports, admin) for _ in range(2))
    ports.clock.sleep(29.999)
    redeemed(ports, one.text)
    ports.clock.sleep(0.001)
    refused(ports, two.text)


def test_a_ticket_is_for_the_page_that_asked_for_it(ports: Ports, admin: Caller):
    for origin in (None, "https://evil.example", "null", ""):
        made = events.create_ws_ticket(ports, admin, origin=ORIGIN)
        refused(ports, made.text, origin)
        refused(ports, made.text, ORIGIN)  # used up all the same
    redeemed(ports, events.create_ws_ticket(ports, admin, origin=ORIGIN).text, ORIGIN)


def test_a_ticket_that_no_page_asked_for_is_for_any(ports: Ports, admin: Caller):
    for origin in (None, ORIGIN):
        redeemed(ports, events.create_ws_ticket(ports, admin).text, origin)


def test_a_ticket_is_worth_no_more_than_what_was_shown_for_it(ports: Ports, make_key: Callable[..., ApiKey]):
    text = tokens.new_api_key()
    key = make_key(text=text)
    for fields in (
        {"digest": "another"},
        {"expires_at": ports.clock.now()},
        {"allowed_ips": (ELSEWHERE,)},
    ):
        made = events.create_ws_ticket(ports, Authenticator(ports).by_api_key(text, HERE, ""))
        changed(ports, key.id, **fields)
        refused(ports, made.text)
        changed(ports, key.id, digest=key.digest, expires_at=None, allowed_ips=())
    made = events.create_ws_ticket(ports, Authenticator(ports).by_api_key(text, HERE, ""))
    with ports.store.begin() as work:
        work.api_keys.remove(key.id)
    refused(ports, made.text)


def test_a_ticket_ends_with_the_session_that_asked_for_it(ports: Ports, admin: Caller):
    _, cookie = auth.create_session(ports, admin)
    caller = Authenticator(ports).by_session(cookie, HERE, "")
    made = events.create_ws_ticket(ports, caller)
    auth.logout(ports, caller)
    refused(ports, made.text)
    with pytest.raises(Unauthenticated):
        events.create_ws_ticket(ports, caller)


def test_every_refusal_of_a_ticket_reads_the_same(ports: Ports, admin: Caller):
    used = events.create_ws_ticket(ports, admin).text
    redeemed(ports, used)
    texts = ("", "nonsense", used, tokens.new_ticket(), used[:-1], f"{used}\n", tokens.new_api_key())
    assert len({refused(ports, text) for text in texts}) == 1


def test_the_use_of_a_ticket_is_one_of_its_key(ports: Ports, admin: Caller):
    authenticator = Authenticator(ports)
    authenticator.by_ticket(events.create_ws_ticket(ports, admin).text, None, HERE, "")
    authenticator.flush()
    with ports.store.read() as work:
        key = work.api_keys.get(admin.id)
    assert key is not None
    assert (key.request_count, key.last_used_ip) == (1, HERE)


def test_the_database_holds_no_ticket(ports: Ports, admin: Caller, tmp_path: Path):
    made = events.create_ws_ticket(ports, admin)
    files = b"".join(file.read_bytes() for file in tmp_path.glob("panel.db*"))
    assert tokens.digest(made.text).encode() in files
    assert made.text.removeprefix("tkt_").encode() not in files


def test_tickets_that_have_expired_are_forgotten_and_no_others(ports: Ports, admin: Caller):
    events.create_ws_ticket(ports, admin)
    ports.clock.sleep(1)
    young = events.create_ws_ticket(ports, admin)
    ports.clock.sleep(29)
    expiry.remove_expired(ports)
    with ports.store.begin() as work:
        assert work.tickets.take(tokens.digest(young.text)) is not None
    ports.clock.sleep(60)
    expiry.remove_expired(ports)


# ── Topics ───────────────────────────────────────────────────────────────────────────────────────


def topics_of(ports: Ports, customer_id: str | None, suffix: str = "1") -> list[str]:
    with ports.store.begin() as work:
        work.services.add(service(f"shop-{suffix}", id=f"svc_{suffix}", customer_id=customer_id))
        work.deployments.add(deployment(f"svc_{suffix}", id=f"dep_{suffix}", customer_id=customer_id))
        work.operations.add(operation(f"svc_{suffix}", id=f"op_{suffix}", customer_id=customer_id))
    return [f"service:svc_{suffix}", f"logs:svc_{suffix}", f"deployment:dep_{suffix}", f"operation:op_{suffix}"]


def test_a_ticket_names_the_topics_that_it_is_for(ports: Ports, customer_a: Caller):
    named = topics_of(ports, customer_a.customer_id)
    made = events.create_ws_ticket(ports, customer_a, {"topics": named})
    assert made.topics == tuple(named)
    assert Authenticator(ports).by_ticket(made.text, None, HERE, "")[1] == tuple(named)


def test_topics_of_what_does_not_exist_for_the_caller_are_told_by_their_place(ports: Ports, customer_a: Caller):
    own, others = topics_of(ports, customer_a.customer_id, "own"), topics_of(ports, "cust_b", "others")
    with pytest.raises(Invalid) as raised:
        events.create_ws_ticket(ports, customer_a, {"topics": [own[0], *others, own[1], "service:svc_nobody"]})
    assert raised.value.fields == {
        "topics.1": "There is no svc_others",
        "topics.2": "There is no svc_others",
        "topics.3": "There is no dep_others",
        "topics.4": "There is no op_others",
        "topics.6": "There is no svc_nobody",
    }


def test_a_topic_that_the_caller_may_not_read_is_told_too(ports: Ports, admin: Caller):
    blind = replace(admin, grant=replace(admin.grant, denied_permissions=("logs.read", "operations.read")))
    named = topics_of(ports, None)
    with ports.store.read() as work:
        assert hidden_topics(work, blind, named) == {
            "logs:svc_1": "This needs the permission logs.read",
            "operation:op_1": "This needs the permission operations.read",
        }
        assert hidden_topics(work, admin, named) == {}


def test_a_refused_ticket_is_not_kept(ports: Ports, admin: Caller, tmp_path: Path):
    with pytest.raises(Invalid):
        events.create_ws_ticket(ports, admin, {"topics": ["service:svc_nobody"]})
    assert b"svc_nobody" not in b"".join(file.read_bytes() for file in tmp_path.glob("panel.db*"))
