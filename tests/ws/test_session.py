"""What a socket is told, what it may ask for, and why it is closed."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.panel import Panel
from tests.process import until
from tests.ws.sockets import Message, Sockets, serving
from ws import protocol, session

TENANT, OTHER = "cust_a", "cust_b"


def _numbers(messages: list[Message]) -> list[int]:
    return [message["seq"] for message in messages]


def _stored(panel: Panel, **query: Any) -> list[Message]:
    asked = "&".join(f"{name}={value}" for name, value in {"limit": 1000, **query}.items())
    return list(panel.get(f"/events?{asked}").json()["data"])


# ── Everything ─────────────────────────────────────────────────────────────────────────────────


def test_the_first_message_says_where_the_events_are(panel: Panel, sockets: Sockets) -> None:
    panel.service()
    with sockets.open() as client:
        assert client.hello == {"type": "hello", "seq": panel.get("/events").json()["latest"]}


def test_a_deployment_is_told_step_by_step_as_it_happens(panel: Panel, sockets: Sockets) -> None:
    with sockets.open() as client:
        service = panel.service()
        told = client.until(type="deploy.progress", status="succeeded")
    steps = [message["data"]["status"] for message in told if message["type"] == "deploy.progress"]
    assert steps[:3] == ["queued", "pulling", "creating"]
    assert steps[-2:] == ["cleaning", "succeeded"]
    assert {message["data"]["service_id"] for message in told} == {service["id"]}


def test_a_socket_is_told_the_very_events_that_are_stored_in_their_order(panel: Panel, sockets: Sockets) -> None:
    with sockets.open() as client:
        first = panel.service("one")
        panel.service("two")
        panel.delete(f"/services/{first['id']}")
        told = client.until(type="operation.progress", kind="delete", status="succeeded")
    stored = _stored(panel)
    assert told == stored[: len(told)]


def test_without_a_number_nothing_of_before_is_told(panel: Panel, sockets: Sockets) -> None:
    panel.service()
    with sockets.open() as client:
        assert client.silent()


def test_whoever_comes_back_with_a_number_gets_what_it_missed_and_then_what_comes(
    panel: Panel, sockets: Sockets
) -> None:
    panel.service("one")
    seen = _stored(panel)[4]["seq"]
    with sockets.open(f"?after={seen}") as client:
        missed = [client.next() for _ in _stored(panel, after=seen)]
        panel.service("two")
        came = client.until(type="service.status", status="running")
    everything = _stored(panel, after=seen)
    assert missed + came == everything[: len(missed + came)]


def test_a_number_ahead_of_all_events_means_now(panel: Panel, sockets: Sockets) -> None:
    with sockets.open("?after=9007199254740991") as client:
        panel.service()
        assert client.next()["seq"] == 1


def test_replay_reaches_far_beyond_what_is_kept_in_memory(
    panel: Panel, sockets: Sockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ws.event_reader._RECENT_EVENTS", 5)
    monkeypatch.setattr("ws.event_reader._BATCH_SIZE", 3)
    for number in range(4):
        panel.service(f"web-{number}")
    with sockets.open("?after=0") as client:
        stored = _stored(panel)
        assert [client.next() for _ in stored] == stored


def test_what_was_told_from_the_table_is_not_told_again_when_the_tail_has_read_it(
    panel: Panel, sockets: Sockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel.service("one")
    until(lambda: sockets.server._reader.newest == _stored(panel)[-1]["seq"], 5, "the tail has read all")
    held = threading.Event()
    found = sockets.server._reader._read_new
    monkeypatch.setattr(sockets.server._reader, "_read_new", lambda newest: held.wait() and found(newest))
    panel.service("two")
    sockets.server._reader._recent.clear()  # so that the table is read
    with sockets.open("?after=0") as client:
        try:
            told = [client.next() for _ in _stored(panel)]
        finally:
            held.set()
        panel.service("three")
        told += client.until(type="deploy.progress", status="succeeded")
    assert _numbers(told) == list(range(1, len(told) + 1))


def test_what_another_process_writes_is_told_within_about_a_second(
    panel: Panel, sockets: Sockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panel.ports.notifier, "notify", lambda: None)
    with sockets.open() as client:
        panel.service()
        assert client.until(3, type="service.status", status="running")


# ── Topics ─────────────────────────────────────────────────────────────────────────────────────


def test_after_a_subscription_only_its_topics_are_told(panel: Panel, sockets: Sockets) -> None:
    one, two = panel.service("one"), panel.service("two")
    topic = f"service:{two['id']}"
    with sockets.open() as client:
        assert client.asked(action="subscribe", topics=[topic]) == {"type": "subscribed", "topics": [topic]}
        panel.post(f"/services/{one['id']}/restart")
        deployed = panel.post(f"/services/{two['id']}/deploy").json()
        panel.work()
        told = client.until(type="deploy.progress", status="succeeded")
    assert {message["data"]["service_id"] for message in told} == {two["id"]}
    assert told[-1]["data"]["deployment_id"] == deployed["id"]


def test_topics_add_up_and_go_one_by_one_and_without_any_everything_is_told_again(
    panel: Panel, sockets: Sockets
) -> None:
    one, two = (f"service:{panel.service(name)['id']}" for name in ("one", "two"))
    with sockets.open() as client:
        client.asked(action="subscribe", topics=[one])
        assert client.asked(action="subscribe", topics=[two, one])["topics"] == sorted([one, two])
        assert client.asked(action="unsubscribe", topics=[one])["topics"] == [two]
        assert client.asked(action="unsubscribe", topics=[two])["topics"] == []
        panel.service("three")
        assert client.until(type="service.status", status="running")


def test_a_subscription_with_a_number_tells_again_what_came_after_it(panel: Panel, sockets: Sockets) -> None:
    service = panel.service("one")
    panel.service("two")
    topic = f"service:{service['id']}"
    with sockets.open() as client:
        client.asked(action="subscribe", topics=[topic], after=0)
        stored = _stored(panel, topic=topic)
        assert [client.next() for _ in stored] == stored
        assert client.silent()


@pytest.mark.parametrize("kind", ["deployment", "operation"])
def test_a_deployment_and_an_operation_are_topics_too(panel: Panel, sockets: Sockets, kind: str) -> None:
    service = panel.service()
    queued = panel.post(f"/services/{service['id']}/deploy").json()
    topic = f"{kind}:{queued['id' if kind == 'deployment' else 'operation_id']}"
    with sockets.open() as client:
        client.asked(action="subscribe", topics=[topic], after=0)
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
def test_a_command_that_is_none_is_answered_and_changes_nothing(
    panel: Panel, sockets: Sockets, command: Message
) -> None:
    with sockets.open() as client:
        assert client.asked(**command)["error"]["code"] == "bad_request"
        panel.service()
        assert client.until(type="service.status", status="running")


@pytest.mark.parametrize("text", ["", "x", "null", "[]", '"subscribe"', "{", "NaN", '{"a": 1e999}', "[" * 1000])
def test_what_is_no_json_object_is_answered(sockets: Sockets, text: str) -> None:
    with sockets.open() as client:
        client.connection.send(text)
        assert client.next()["error"]["code"] == "bad_request"


def test_a_number_that_is_gone_is_answered_and_changes_nothing(panel: Panel, sockets: Sockets) -> None:
    service = panel.service()
    _forget_all_but_the_newest(panel)
    with sockets.open() as client:
        refused = client.asked(action="subscribe", topics=[f"service:{service['id']}"], after=1)
        assert refused["error"]["code"] == "cursor_too_old"
        panel.service("other")
        assert client.until(type="service.status", status="running")


def _forget_all_but_the_newest(panel: Panel) -> None:
    from datetime import UTC, datetime

    with panel.ports.store.begin() as work:
        work.events.remove_before(datetime.max.replace(tzinfo=UTC))


# ── Tenants ────────────────────────────────────────────────────────────────────────────────────


def test_a_tenant_is_told_of_its_own_alone(panel: Panel, sockets: Sockets) -> None:
    key = panel.key("customer", TENANT)
    with sockets.open(key=key) as client:
        panel.service("theirs", customer_id=OTHER)
        panel.service("nobodys")
        own = panel.service("own", customer_id=TENANT)
        told = client.until(type="service.status", status="running")
        assert {message["data"]["service_id"] for message in told} == {own["id"]}
        assert {message["customer_id"] for message in told} == {TENANT}


@pytest.mark.parametrize("kind", ["service", "logs", "deployment", "operation"])
def test_another_tenants_topic_does_not_exist(panel: Panel, sockets: Sockets, kind: str) -> None:
    service = panel.service("theirs", customer_id=OTHER)
    queued = panel.post(f"/services/{service['id']}/deploy").json()
    ids = {"service": service["id"], "logs": service["id"], "deployment": queued["id"]}
    theirs = f"{kind}:{ids.get(kind, queued['operation_id'])}"
    never = {"service": "svc", "logs": "svc", "deployment": "dep", "operation": "op"}[kind]
    with sockets.open(key=panel.key("customer", TENANT)) as client:
        refused = client.asked(action="subscribe", topics=[theirs])["error"]
        unknown = client.asked(action="subscribe", topics=[f"{kind}:{never}_nowhere"])["error"]
        assert refused["code"] == unknown["code"] == "not_found"
        assert refused["message"] == unknown["message"]
        panel.work()
        assert client.silent()


def test_what_a_key_may_not_read_it_is_not_told(panel: Panel, sockets: Sockets) -> None:
    key = panel.key("viewer", denied_permissions=("operations.read", "logs.read"))
    with sockets.open(key=key) as client:
        service = panel.service()
        told = client.until(type="service.status", status="running")
        assert {message["type"] for message in told} == {"deploy.progress", "service.status"}
        refused = client.asked(action="subscribe", topics=[f"logs:{service['id']}"])
        assert refused["error"]["code"] == "not_found"


# ── Ends ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("end", ["revoked", "narrowed", "rotated", "role", "session"])
def test_a_socket_ends_within_two_seconds_when_its_credentials_do(panel: Panel, sockets: Sockets, end: str) -> None:
    key = panel.key("operator")
    key_id = panel.get("/auth/me", key=key).json()["id"]
    headers: dict[str, str] = {}
    if end == "session":
        made = panel.post("/auth/sessions", key=key)
        headers = {"Cookie": made.headers["set-cookie"].partition(";")[0], "Origin": "http://testserver"}
    with sockets.open(key=None if headers else key, **headers) as client:
        time.sleep(1.5)
        started = time.monotonic()
        if end == "revoked":
            panel.delete(f"/v1/api-keys/{key_id}")
        elif end == "rotated":
            panel.post(f"/v1/api-keys/{key_id}/rotate")
        elif end == "session":
            panel.delete(f"/auth/sessions/{made.json()['id']}")
        else:
            change = {
                "narrowed": {"deniedPermissions": ["events.read"]},
                "role": {"role": "viewer"},
            }
            panel.patch(f"/v1/api-keys/{key_id}", change[end])
        code, reason = client.closed(3)
    assert code == 4401
    assert "credentials" in reason
    assert time.monotonic() - started < 2


def test_one_bad_look_ends_neither_the_looking_nor_the_telling(
    panel: Panel, sockets: Sockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        for thing, name in (
            (sockets.server._authenticator, "revalidate_many"),
            (sockets.server._reader, "_read_stored"),
        ):
            broken.setattr(thing, name, lambda *_: 1 / 0)
        panel.ports.notifier.notify()
        time.sleep(1.5)
    key = panel.key("viewer")
    with sockets.open(key=key) as client:
        panel.service()
        assert client.until(type="service.status", status="running")
        panel.delete(f"/v1/api-keys/{panel.get('/auth/me', key=key).json()['id']}")
        assert client.closed(3)[0] == 4401


def test_a_key_that_may_do_more_than_before_keeps_its_socket(panel: Panel, sockets: Sockets) -> None:
    key = panel.key("viewer")
    with sockets.open(key=key) as client:
        panel.patch(f"/v1/api-keys/{panel.get('/auth/me', key=key).json()['id']}", {"role": "operator"})
        time.sleep(1.5)
        panel.service()
        assert client.until(type="service.status", status="running")


def test_binary_messages_and_long_ones_close_the_socket(sockets: Sockets) -> None:
    with sockets.open() as client:
        client.connection.send(b"{}")
        assert client.closed()[0] == 1003
    with sockets.open() as client:
        client.connection.send("x" * (64 * 1024 + 1))
        assert client.closed()[0] == 1009


def test_too_many_commands_close_the_socket(sockets: Sockets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_COMMANDS_PER_MINUTE", 5)
    with sockets.open() as client:
        for _ in range(6):
            client.send(action="unsubscribe", topics=["service:svc_1"])
        assert client.closed()[0] == 4429


def test_who_reads_too_slowly_is_closed_and_slows_nobody(
    panel: Panel, sockets: Sockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "SEND_TIMEOUT", 0.5)
    event_message = protocol.event_message
    monkeypatch.setattr(protocol, "event_message", lambda event: event_message(event) + " " * 50_000)
    panel.service()
    with sockets.deaf("?after=0") as deaf, sockets.open() as quick:
        until(lambda: len(sockets.server._sessions) == 2, 10, "both are there")
        (slow,) = (one for one in sockets.server._sessions if one.caller.role == "viewer")
        for _ in range(2000):  # far more than all buffers on the way hold
            sockets.server._loop.call_soon_threadsafe(slow._restart, 0)
        panel.service("after")
        assert quick.until(type="service.status", status="running")
        until(lambda: len(sockets.server._sessions) == 1, 10, "the slow one is gone")
        deaf.settimeout(10)
        while deaf.recv(65536):
            pass


def test_who_answers_no_ping_is_closed(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ws.server.HEARTBEAT", 0.3)
    with serving(panel) as server, Sockets(panel, server, []).deaf():
        until(lambda: server._sessions, 5, "it is there")
        until(lambda: not server._sessions, 5, "it is gone, for it answered no ping")


def test_two_hundred_who_come_and_go_at_once_leave_nothing_behind(panel: Panel, sockets: Sockets) -> None:
    with ThreadPoolExecutor(20) as pool:
        for hello in pool.map(lambda _: _visit(sockets), range(200)):
            assert hello["type"] == "hello"
    until(lambda: not sockets.server._sessions, 10, "all have left")
    assert not sockets.server._reader._subscribers
    with sockets.open() as client:
        panel.service()
        assert client.until(type="service.status", status="running")


def _visit(sockets: Sockets) -> Message:
    with sockets.open() as client:
        return client.hello


def test_the_socket_server_says_goodbye(sockets: Sockets) -> None:
    with sockets.open() as client:
        stopping = threading.Thread(target=sockets.server.stop)
        stopping.start()
        assert client.closed()[0] == 1001
        stopping.join(10)
        assert not stopping.is_alive()
