"""Logs over a WebSocket. One reader per service runs as long as the service has subscribers."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from domain.adapters import memory
from handlers.edge.refusals import Close
from handlers.edge.stream_limits import StreamBounds
from tests.conformance import CANARY
from tests.panel import Panel
from tests.process import until
from tests.ws.sockets import Client, Sockets
from ws import connection, logs, session


@pytest.fixture
def engine(panel: Panel) -> memory.Runtime:
    """The in-memory container runtime of the panel."""
    assert isinstance(panel.ports.runtime, memory.Runtime)
    return panel.ports.runtime


def _container(panel: Panel, service: dict[str, Any]) -> str:
    containers = panel.ports.runtime.containers({"panel.service": service["id"]})
    return next(container.name for container in containers if container.state == "running")


def _reader_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(("logs of", "output of"))]


def _texts(client: Client, wanted: str) -> list[str]:
    """Return the texts of all lines up to and including `wanted`, to the end of its message."""
    texts: list[str] = []
    while wanted not in texts:
        message = client.next()
        assert message["type"] == "service.logs"
        texts += [line["text"] for line in message["data"]["lines"]]
    return texts


def _subscribe(client: Client, service: dict[str, Any]) -> None:
    topic = f"logs:{service['id']}"
    assert client.request(action="subscribe", topics=[topic])["topics"] == [topic]


@pytest.fixture(autouse=True)
def _no_reader_threads_remain() -> Iterator[None]:
    yield
    until(lambda: not _reader_threads(), 5, "all threads have ended")


def test_lines_are_sent_as_they_are_printed(panel: Panel, sockets: Sockets, engine: memory.Runtime) -> None:
    service = panel.service(customer_id="cust_a")
    with sockets.open() as client:
        _subscribe(client, service)
        until(_reader_threads, 5, "the reader has started")
        engine.print_lines(_container(panel, service), "one", "two")
        message = client.next()
    assert [line["text"] for line in message["data"]["lines"]][-2:] == ["one", "two"]
    assert (message["customer_id"], message["resource"], message["seq"]) == ("cust_a", f"logs:{service['id']}", None)


def test_without_a_subscription_no_lines_are_sent(panel: Panel, sockets: Sockets, engine: memory.Runtime) -> None:
    service = panel.service()
    with sockets.open() as client:
        engine.print_lines(_container(panel, service), "one")
        assert client.is_silent(0.8)


def test_subscribers_share_one_reader_that_ends_with_the_last_of_them(
    panel: Panel, sockets: Sockets, engine: memory.Runtime
) -> None:
    service = panel.service()
    with sockets.open() as one, sockets.open() as two:
        _subscribe(one, service)
        _subscribe(two, service)
        until(lambda: len(_reader_threads()) == 2, 5, "one thread for the service, one for its container")
        engine.print_lines(_container(panel, service), "to both")
        assert _texts(one, "to both") == _texts(two, "to both")
        one.request(action="unsubscribe", topics=[f"logs:{service['id']}"])
        engine.print_lines(_container(panel, service), "to the other")
        assert _texts(two, "to the other")
        assert one.is_silent(0.5)
    until(lambda: not _reader_threads(), 5, "the readers have ended")


def test_a_printed_secret_is_masked(panel: Panel, sockets: Sockets, engine: memory.Runtime) -> None:
    service = panel.service(secrets={"TOKEN": CANARY})
    with sockets.open() as client:
        _subscribe(client, service)
        until(_reader_threads, 5, "the reader has started")
        engine.print_lines(_container(panel, service), f"the token is {CANARY}", "end")
        assert _texts(client, "end")


def test_an_engine_outage_is_reported_once_and_lines_continue_after_it(
    panel: Panel, sockets: Sockets, engine: memory.Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "_RETRY_INTERVAL", 0.1)
    service = panel.service()
    with sockets.open() as client:
        _subscribe(client, service)
        until(_reader_threads, 5, "the reader has started")
        engine.print_lines(_container(panel, service), "before")
        _texts(client, "before")
        engine.away = True
        assert client.next()["error"]["code"] == "engine_unavailable"
        assert client.is_silent(0.5)
        engine.away = False
        until(lambda: len(_reader_threads()) == 2, 5, "the reader has started again")
        engine.print_lines(_container(panel, service), "after")
        assert "after" in _texts(client, "after")


def test_deleted_output_leaves_a_marker(panel: Panel, sockets: Sockets, engine: memory.Runtime) -> None:
    service = panel.service()
    container = _container(panel, service)
    with sockets.open() as client:
        _subscribe(client, service)
        until(_reader_threads, 5, "the reader has started")
        engine.print_lines(container, "one")
        _texts(client, "one")
        engine.kill(container)
        until(lambda: len(_reader_threads()) == 1, 5, "the output is read to its end")
        engine.fakes[container].delete_output()
        engine.start(container)
        engine.print_lines(container, "two")
        streams = [line["stream"] for line in client.next()["data"]["lines"]]
    assert streams == ["gap", "stdout"]


def test_a_subscriber_gets_an_error_when_the_service_is_deleted(panel: Panel, sockets: Sockets) -> None:
    service = panel.service()
    with sockets.open() as client:
        _subscribe(client, service)
        panel.delete(f"/services/{service['id']}")
        while (message := client.next())["type"] != "error":
            assert message["type"] == "service.logs"
        assert message["error"]["code"] == "not_found"


def test_lines_of_a_new_deployment_are_sent(panel: Panel, sockets: Sockets, engine: memory.Runtime) -> None:
    service = panel.service()
    with sockets.open() as client:
        _subscribe(client, service)
        panel.post(f"/services/{service['id']}/deploy")
        panel.work()
        engine.print_lines(_container(panel, service), "from the new one")
        assert _texts(client, "from the new one")


def test_a_flood_is_slowed_down_for_an_only_subscriber_and_loses_no_lines(
    panel: Panel, sockets: Sockets, engine: memory.Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "_QUEUE_SIZE", 2)
    monkeypatch.setattr(logs, "_LINES_PER_MESSAGE", 10)
    service = panel.service()
    with sockets.open() as client:
        _subscribe(client, service)
        until(_reader_threads, 5, "the reader has started")
        texts = [f"line {number} {'x' * 1000}" for number in range(2000)]
        engine.print_lines(_container(panel, service), *texts)
        assert _texts(client, texts[-1])[-len(texts) :] == texts


def test_a_subscriber_that_does_not_read_is_disconnected_and_delays_no_other(
    panel: Panel, sockets: Sockets, engine: memory.Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "SEND_TIMEOUT", 0.5)
    monkeypatch.setattr(connection, "LINGER_SECONDS", 0.5)
    monkeypatch.setattr(logs, "_QUEUE_SIZE", 2)
    monkeypatch.setattr(logs, "_LINES_PER_MESSAGE", 10)
    service = panel.service()
    ticket = panel.post("/ws/tickets", {"topics": [f"logs:{service['id']}"]}).json()["ticket"]
    with sockets.open_unread(f"?ticket={ticket}"), sockets.open() as quick:
        _subscribe(quick, service)
        until(lambda: len(sockets.server._sessions) == 2, 5, "both are connected")
        for number in range(40):
            engine.print_lines(_container(panel, service), *[f"{number} {'x' * 2000}"] * 10)
            _texts(quick, f"{number} {'x' * 2000}")
        until(lambda: len(sockets.server._sessions) == 1, 5, "the other is disconnected")


def test_an_only_subscriber_that_disconnects_with_unread_lines_leaves_no_threads(
    panel: Panel, sockets: Sockets, engine: memory.Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "_QUEUE_SIZE", 2)
    monkeypatch.setattr(logs, "_LINES_PER_MESSAGE", 10)
    service = panel.service()
    ticket = panel.post("/ws/tickets", {"topics": [f"logs:{service['id']}"]}).json()["ticket"]
    with sockets.open_unread(f"?ticket={ticket}"):
        until(_reader_threads, 5, "the reader has started")
        engine.print_lines(_container(panel, service), *["x" * 5000] * 1000)
        until(
            lambda: any(reader.subscribers for reader in sockets.server._logs._readers.values()),
            5,
            "the reader has a subscriber",
        )
        (reader,) = sockets.server._logs._readers.values()
        (subscriber,) = reader.subscribers
        until(subscriber.queue.full, 5, "the queue is full")
    until(lambda: not sockets.server._sessions, 5, "the session has ended")
    until(lambda: not _reader_threads(), 5, "the readers have ended")


def test_a_ticket_for_logs_sends_nothing_after_its_key_loses_the_permission(
    panel: Panel, sockets: Sockets, engine: memory.Runtime
) -> None:
    service, key = panel.service(), panel.key("operator")
    ticket = panel.post("/ws/tickets", {"topics": [f"logs:{service['id']}"]}, key=key).json()["ticket"]
    panel.patch(f"/v1/api-keys/{panel.get('/auth/me', key=key).json()['id']}", {"deniedPermissions": ["logs.read"]})
    with sockets.open(f"?ticket={ticket}", key=None) as client:
        engine.print_lines(_container(panel, service), "one")
        assert client.is_silent(1)


def test_followed_logs_are_limited(panel: Panel, sockets: Sockets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_LIMITS", StreamBounds("followed logs", 2, 3))
    key, other = panel.key("operator", "cust_a"), panel.key("operator", "cust_a")
    topics = [f"logs:{panel.service(name, key=key)['id']}" for name in ("one", "two", "three")]
    ticket = panel.post("/ws/tickets", {"topics": topics}, key=key).json()["ticket"]
    with sockets.open(key=key) as client, sockets.open(key=other) as second:
        assert client.request(action="subscribe", topics=topics)["error"]["code"] == "rate_limited"
        assert client.request(action="subscribe", topics=topics[:2])["topics"] == sorted(topics[:2])
        assert client.request(action="subscribe", topics=topics[2:])["error"]["code"] == "rate_limited"
        assert second.request(action="subscribe", topics=topics[:2])["error"]["code"] == "rate_limited"
        assert second.request(action="subscribe", topics=topics[:1])["topics"] == topics[:1]
        assert client.request(action="unsubscribe", topics=topics[:2])["topics"] == []
    with sockets.open(f"?ticket={ticket}", key=None) as client:
        assert client.wait_closed() == (Close.TOO_MANY_COMMANDS, "Too many followed logs are open")
