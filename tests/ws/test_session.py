"""Connections: the messages that they get, their commands, and the reasons to close them."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from websockets.protocol import State

from handlers.edge import event_tail
from handlers.edge.event_tail import EventMessage
from handlers.edge.refusals import Close
from tests.operation_data import Resources
from tests.operations.customers import create_customer
from tests.panel import Panel
from tests.process import until
from tests.ws.sockets import Message, Sockets, serving
from ws import session

TOO_SLOW = Close.TOO_SLOW.value
TENANT, OTHER = "cust_a", "cust_b"


def _numbers(messages: list[Message]) -> list[int]:
    return [message["seq"] for message in messages]


def _stored(panel: Panel, **query: Any) -> list[Message]:
    parameters = "&".join(f"{name}={value}" for name, value in {"limit": 1000, **query}.items())
    return list(panel.get(f"/events?{parameters}").json()["data"])


# ── All events ────────────────────────────────────────────────────────────────────────────────


def test_the_first_message_contains_the_newest_sequence_number(panel: Panel, sockets: Sockets) -> None:
    panel.service()
    with sockets.open() as client:
        assert client.hello == {"type": "hello", "seq": panel.get("/events").json()["latest"]}


def test_each_step_of_a_deployment_is_sent_as_it_happens(panel: Panel, sockets: Sockets) -> None:
    with sockets.open() as client:
        service = panel.service()
        messages = client.until(type="deploy.progress", status="succeeded")
    steps = [message["data"]["status"] for message in messages if message["type"] == "deploy.progress"]
    assert steps[:3] == ["queued", "pulling", "creating"]
    assert steps[-2:] == ["cleaning", "succeeded"]
    assert {message["data"]["service_id"] for message in messages} == {service["id"]}


def test_the_messages_equal_the_stored_events_in_order(panel: Panel, sockets: Sockets) -> None:
    with sockets.open() as client:
        first = panel.service("one")
        panel.service("two")
        panel.delete(f"/services/{first['id']}")
        messages = client.until(type="operation.progress", kind="delete", status="succeeded")
    stored = _stored(panel)
    assert messages == stored[: len(messages)]


def test_without_a_number_no_earlier_events_are_sent(panel: Panel, sockets: Sockets) -> None:
    panel.service()
    with sockets.open() as client:
        assert client.is_silent()


def test_a_client_that_resumes_gets_the_missed_events_and_then_new_ones(panel: Panel, sockets: Sockets) -> None:
    panel.service("one")
    seen = _stored(panel)[4]["seq"]
    with sockets.open(f"?after={seen}") as client:
        missed = [client.next() for _ in _stored(panel, after=seen)]
        panel.service("two")
        received = client.until(type="service.status", status="running")
    stored = _stored(panel, after=seen)
    assert missed + received == stored[: len(missed + received)]


def test_replay_includes_events_that_are_no_longer_in_memory(
    panel: Panel, sockets: Sockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.edge.event_tail._RECENT_EVENTS", 5)
    monkeypatch.setattr("handlers.edge.event_tail._BATCH_SIZE", 3)
    for number in range(4):
        panel.service(f"web-{number}")
    with sockets.open("?after=0") as client:
        stored = _stored(panel)
        assert [client.next() for _ in stored] == stored


def test_events_sent_from_the_store_are_not_sent_again_by_the_event_reader(
    panel: Panel, sockets: Sockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel.service("one")
    until(lambda: sockets.server._reader.newest == _stored(panel)[-1]["seq"], 5, "the reader has read all events")
    released = threading.Event()
    read_new = sockets.server._reader._read_new
    monkeypatch.setattr(sockets.server._reader, "_read_new", lambda newest: released.wait() and read_new(newest))
    panel.service("two")
    sockets.server._reader._recent.clear()  # so that the store is read
    with sockets.open("?after=0") as client:
        try:
            messages = [client.next() for _ in _stored(panel)]
        finally:
            released.set()
        panel.service("three")
        messages += client.until(type="deploy.progress", status="succeeded")
    assert _numbers(messages) == list(range(1, len(messages) + 1))


def test_events_of_another_process_are_sent_within_about_a_second(
    panel: Panel, sockets: Sockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panel.ports.notifier, "notify", lambda: None)
    with sockets.open() as client:
        panel.service()
        assert client.until(3, type="service.status", status="running")


# ── Topics ─────────────────────────────────────────────────────────────────────────────────────


def test_after_a_subscription_only_events_of_its_topics_are_sent(panel: Panel, sockets: Sockets) -> None:
    one, two = panel.service("one"), panel.service("two")
    topic = f"service:{two['id']}"
    with sockets.open() as client:
        assert client.request(action="subscribe", topics=[topic]) == {"type": "subscribed", "topics": [topic]}
        panel.post(f"/services/{one['id']}/restart")
        deployed = panel.post(f"/services/{two['id']}/deploy").json()
        panel.work()
        messages = client.until(type="deploy.progress", status="succeeded")
    assert {message["data"]["service_id"] for message in messages} == {two["id"]}
    assert messages[-1]["data"]["deployment_id"] == deployed["id"]


def test_topics_are_added_and_removed_and_without_topics_all_events_are_sent(panel: Panel, sockets: Sockets) -> None:
    one, two = (f"service:{panel.service(name)['id']}" for name in ("one", "two"))
    with sockets.open() as client:
        client.request(action="subscribe", topics=[one])
        assert client.request(action="subscribe", topics=[two, one])["topics"] == sorted([one, two])
        assert client.request(action="unsubscribe", topics=[one])["topics"] == [two]
        assert client.request(action="unsubscribe", topics=[two])["topics"] == []
        panel.service("three")
        assert client.until(type="service.status", status="running")


def test_a_subscription_with_a_number_replays_the_events_after_it(panel: Panel, sockets: Sockets) -> None:
    service = panel.service("one")
    panel.service("two")
    topic = f"service:{service['id']}"
    with sockets.open() as client:
        client.request(action="subscribe", topics=[topic], after=0)
        stored = _stored(panel, topic=topic)
        assert [client.next() for _ in stored] == stored
        assert client.is_silent()


@pytest.mark.parametrize("kind", ["deployment", "operation"])
def test_deployments_and_operations_are_topics(panel: Panel, sockets: Sockets, kind: str) -> None:
    service = panel.service()
    queued = panel.post(f"/services/{service['id']}/deploy").json()
    topic = f"{kind}:{queued['id' if kind == 'deployment' else 'operation_id']}"
    with sockets.open() as client:
        client.request(action="subscribe", topics=[topic], after=0)
        panel.work()
        client.until(status="succeeded")
    assert _stored(panel, topic=topic)


@pytest.mark.parametrize(
    "command",
    [
        {},
        {"action": "subscribe"},
        {"action": "subscribe", "topics": []},
        {"action": "subscribe", "topics": ["*"]},
        {"action": "subscribe", "topics": ["service:*"]},
        {"action": "subscribe", "topics": ["service:svc_1\n"]},
        {"action": "subscribe", "topics": ["service:dep_1"]},
        {"action": "subscribe", "topics": ["customer:cust_1"]},
        {"action": "subscribe", "topics": ["service:svc_1"] * 101},
        {"action": "subscribe", "topics": "service:svc_1"},
        {"action": "subscribe", "topics": ["service:svc_1"], "after": -1},
        {"action": "subscribe", "topics": ["service:svc_1"], "after": "1"},
        {"action": "subscribe", "topics": ["service:svc_1"], "after": 2**53},
        {"action": "subscribe", "topics": ["service:svc_1"], "customer_id": "cust_1"},
        {"action": "publish", "topics": ["service:svc_1"]},
    ],
)
def test_an_invalid_command_gets_an_error_and_changes_nothing(panel: Panel, sockets: Sockets, command: Message) -> None:
    with sockets.open() as client:
        assert client.request(**command)["error"]["code"] == "bad_request"
        panel.service()
        assert client.until(type="service.status", status="running")


TWICE = [
    '{"action": "subscribe", "action": "unsubscribe", "topics": ["service:svc_1"]}',
    '{"action": "subscribe", "topics": ["service:svc_1"], "topics": ["service:svc_2"]}',
    '{"action": "subscribe", "\\u0061ction": "subscribe", "topics": ["service:svc_1"]}',
]


@pytest.mark.parametrize("text", ["", "x", "null", "[]", '"subscribe"', "{", "NaN", '{"a": 1e999}', "[" * 1000, *TWICE])
def test_a_message_that_is_not_a_json_object_gets_an_error(sockets: Sockets, text: str) -> None:
    with sockets.open() as client:
        client.connection.send(text)
        assert client.next()["error"]["code"] == "bad_request"


def test_a_removed_sequence_number_gets_an_error_and_changes_nothing(panel: Panel, sockets: Sockets) -> None:
    service = panel.service()
    _remove_all_but_the_newest(panel)
    with sockets.open() as client:
        reply = client.request(action="subscribe", topics=[f"service:{service['id']}"], after=1)
        assert reply["error"]["code"] == "cursor_too_old"
        panel.service("other")
        assert client.until(type="service.status", status="running")


def test_a_sequence_number_that_the_panel_never_gave_gets_an_error(panel: Panel, sockets: Sockets) -> None:
    service = panel.service()
    latest = panel.get("/events").json()["latest"]
    with sockets.open() as client:
        reply = client.request(action="subscribe", topics=[f"service:{service['id']}"], after=latest + 1)
        assert reply["error"]["code"] == "cursor_unknown"


def _remove_all_but_the_newest(panel: Panel) -> None:
    from datetime import UTC, datetime

    with panel.ports.store.begin() as work:
        work.events.remove_before(datetime.max.replace(tzinfo=UTC))


# ── Tenants ────────────────────────────────────────────────────────────────────────────────────


def test_a_tenant_gets_only_events_of_its_own_services(panel: Panel, sockets: Sockets) -> None:
    key = panel.key("customer", TENANT)
    with sockets.open(key=key) as client:
        panel.service("theirs", customer_id=OTHER)
        panel.service("nobodys")
        own = panel.service("own", customer_id=TENANT)
        messages = client.until(type="service.status", status="running")
        assert {message["data"]["service_id"] for message in messages} == {own["id"]}
        assert {message["customer_id"] for message in messages} == {TENANT}


@pytest.mark.parametrize("kind", ["service", "logs", "deployment", "operation"])
def test_a_topic_of_another_tenant_is_not_found(panel: Panel, sockets: Sockets, kind: str) -> None:
    service = panel.service("theirs", customer_id=OTHER)
    queued = panel.post(f"/services/{service['id']}/deploy").json()
    ids = {"service": service["id"], "logs": service["id"], "deployment": queued["id"]}
    theirs = f"{kind}:{ids.get(kind, queued['operation_id'])}"
    never = {"service": "svc", "logs": "svc", "deployment": "dep", "operation": "op"}[kind]
    with sockets.open(key=panel.key("customer", TENANT)) as client:
        reply = client.request(action="subscribe", topics=[theirs])["error"]
        unknown = client.request(action="subscribe", topics=[f"{kind}:{never}_nowhere"])["error"]
        assert reply["code"] == unknown["code"] == "not_found"
        assert reply["message"] == unknown["message"]
        panel.work()
        assert client.is_silent()


def test_a_key_gets_no_events_that_it_may_not_read(panel: Panel, sockets: Sockets) -> None:
    key = panel.key("viewer", denied_permissions=("operations.read", "logs.read"))
    with sockets.open(key=key) as client:
        service = panel.service()
        messages = client.until(type="service.status", status="running")
        assert {message["type"] for message in messages} == {"deploy.progress", "service.status"}
        reply = client.request(action="subscribe", topics=[f"logs:{service['id']}"])
        assert reply["error"]["code"] == "not_found"


# ── Close ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("end", ["revoked", "narrowed", "rotated", "role", "session", "suspended"])
def test_a_connection_closes_within_two_seconds_of_the_end_of_its_credential(
    panel: Panel, sockets: Sockets, end: str
) -> None:
    customer_id = create_customer(Resources(panel)) if end == "suspended" else None
    key = panel.key("customer", customer_id) if customer_id else panel.key("operator")
    key_id = panel.get("/auth/me", key=key).json()["id"]
    headers: dict[str, str] = {}
    if end == "session":
        created = panel.post("/auth/sessions", key=key)
        headers = {"Cookie": created.headers["set-cookie"].partition(";")[0], "Origin": "http://testserver"}
    with sockets.open(key=None if headers else key, **headers) as client:
        time.sleep(1.5)
        started = time.monotonic()
        if end == "revoked":
            panel.delete(f"/v1/api-keys/{key_id}")
        elif end == "rotated":
            panel.post(f"/v1/api-keys/{key_id}/rotate")
        elif end == "suspended":
            panel.post(f"/customers/{customer_id}/suspend")
        elif end == "session":
            panel.delete(f"/auth/sessions/{created.json()['id']}")
        else:
            change = {
                "narrowed": {"deniedPermissions": ["events.read"]},
                "role": {"role": "viewer"},
            }
            panel.patch(f"/v1/api-keys/{key_id}", change[end])
        code, reason = client.wait_closed(3)
    assert code == 4401
    assert "credentials" in reason
    assert time.monotonic() - started < 2


def test_a_failed_check_or_read_does_not_stop_later_ones(
    panel: Panel, sockets: Sockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        for target, name in (
            (sockets.server._authenticator, "revalidate_many"),
            (sockets.server._reader, "_read_stored"),
        ):
            patch.setattr(target, name, lambda *_: 1 / 0)
        panel.ports.notifier.notify()
        time.sleep(1.5)
    key = panel.key("viewer")
    with sockets.open(key=key) as client:
        panel.service()
        assert client.until(type="service.status", status="running")
        panel.delete(f"/v1/api-keys/{panel.get('/auth/me', key=key).json()['id']}")
        assert client.wait_closed(3)[0] == 4401


def test_a_key_that_gains_permissions_keeps_its_connection(panel: Panel, sockets: Sockets) -> None:
    key = panel.key("viewer")
    with sockets.open(key=key) as client:
        panel.patch(f"/v1/api-keys/{panel.get('/auth/me', key=key).json()['id']}", {"role": "operator"})
        time.sleep(1.5)
        panel.service()
        assert client.until(type="service.status", status="running")


def test_a_binary_or_too_long_message_closes_the_connection(sockets: Sockets) -> None:
    with sockets.open() as client:
        client.connection.send(b"{}")
        assert client.wait_closed()[0] == 1003
    with sockets.open() as client:
        client.connection.send("x" * (64 * 1024 + 1))
        assert client.wait_closed()[0] == 1009


def test_too_many_commands_close_the_connection(sockets: Sockets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_COMMANDS_PER_MINUTE", 5)
    with sockets.open() as client:
        for _ in range(6):
            client.send(action="unsubscribe", topics=["service:svc_1"])
        assert client.wait_closed()[0] == 4429


def padded(message: EventMessage) -> str:
    return message.text + " " * 50_000


def test_a_slow_client_is_disconnected_and_delays_no_other(
    panel: Panel, sockets: Sockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "SEND_TIMEOUT", 0.5)
    message = event_tail.event_message
    monkeypatch.setattr(event_tail, "event_message", lambda event: replace(message(event), text=padded(message(event))))
    panel.service()
    with sockets.open_unread("?after=0") as unread, sockets.open() as quick:
        until(lambda: len(sockets.server._sessions) == 2, 10, "both are connected")
        (slow,) = (session for session in sockets.server._sessions if session.caller.role == "viewer")
        for _ in range(2000):  # far more than all buffers between server and client hold
            sockets.server._loop.call_soon_threadsafe(slow._restart, 0)
        panel.service("after")
        assert quick.until(type="service.status", status="running")
        until(lambda: slow.connection.state is State.CLOSING, 10, "the slow client is noticed")
        unread.settimeout(10)
        received = b"".join(iter(lambda: unread.recv(65536), b""))
    assert TOO_SLOW.to_bytes(2, "big") + b"too slow" in received[-200:]  # the close frame, behind what was sent before


def test_pings_of_a_client_that_does_not_read_use_no_memory(sockets: Sockets) -> None:
    masked_ping = b"\x89\xfd" + bytes(4) + b"x" * 125
    sent = 0
    with sockets.open_unread() as unread:
        unread.settimeout(2)
        try:
            while sent < 200_000_000:
                sent += unread.send(masked_ping * 500)
        except TimeoutError:  # the server reads no more than it can answer
            pass
        assert sent < 20_000_000


def test_a_client_that_answers_no_ping_is_disconnected(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ws.server.HEARTBEAT", 0.3)
    with serving(panel) as server, Sockets(panel, server).open_unread():
        until(lambda: server._sessions, 5, "the client is connected")
        until(lambda: not server._sessions, 5, "the client is disconnected, because it answers no ping")


def test_two_hundred_short_connections_leave_no_sessions_or_subscribers(panel: Panel, sockets: Sockets) -> None:
    with ThreadPoolExecutor(20) as pool:
        for hello in pool.map(lambda _: _connect(sockets), range(200)):
            assert hello["type"] == "hello"
    until(lambda: not sockets.server._sessions, 10, "all sessions have ended")
    assert not sockets.server._reader._subscribers
    with sockets.open() as client:
        panel.service()
        assert client.until(type="service.status", status="running")


def _connect(sockets: Sockets) -> Message:
    with sockets.open() as client:
        return client.hello


def test_stopping_the_server_closes_connections_as_going_away(sockets: Sockets) -> None:
    with sockets.open() as client:
        stopping = threading.Thread(target=sockets.server.stop)
        stopping.start()
        assert client.wait_closed()[0] == 1001
        stopping.join(10)
        assert not stopping.is_alive()
