"""What containers print, over a socket: each service is followed once, and only as long as somebody listens."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from domain.adapters import memory
from tests.conformance import CANARY
from tests.panel import Panel
from tests.process import until
from tests.ws.sockets import Client, Sockets
from ws import logs, session


@pytest.fixture
def engine(panel: Panel) -> memory.Runtime:
    """The twin that everything runs at."""
    assert isinstance(panel.ports.runtime, memory.Runtime)
    return panel.ports.runtime


def _container(panel: Panel, service: dict[str, Any]) -> str:
    found = panel.ports.runtime.containers({"panel.service": service["id"]})
    return found[0].name


def _followers() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name.startswith(("logs of", "output of"))]


def _texts(client: Client, wanted: str) -> list[str]:
    """The texts of all lines up to a wanted one."""
    texts: list[str] = []
    while wanted not in texts:
        message = client.next()
        assert message["type"] == "service.logs"
        texts += [line["text"] for line in message["data"]["lines"]]
    return texts


def _listen(client: Client, service: dict[str, Any]) -> None:
    topic = f"logs:{service['id']}"
    assert client.asked(action="subscribe", topics=[topic])["topics"] == [topic]


@pytest.fixture(autouse=True)
def _nobody_follows_afterwards() -> Iterator[None]:
    yield
    until(lambda: not _followers(), 5, "all threads have ended")


def test_lines_come_as_they_are_printed(panel: Panel, sockets: Sockets, engine: memory.Runtime) -> None:
    service = panel.service(customer_id="cust_a")
    with sockets.open() as client:
        _listen(client, service)
        until(_followers, 5, "it is followed")
        engine.print_lines(_container(panel, service), "one", "two")
        message = client.next()
    assert [line["text"] for line in message["data"]["lines"]][-2:] == ["one", "two"]
    assert (message["customer_id"], message["resource"], message["seq"]) == ("cust_a", f"logs:{service['id']}", None)


def test_without_a_subscription_no_line_comes(panel: Panel, sockets: Sockets, engine: memory.Runtime) -> None:
    service = panel.service()
    with sockets.open() as client:
        engine.print_lines(_container(panel, service), "one")
        assert client.silent(0.8)


def test_one_service_is_followed_once_for_all_who_listen_and_no_longer(
    panel: Panel, sockets: Sockets, engine: memory.Runtime
) -> None:
    service = panel.service()
    with sockets.open() as one, sockets.open() as two:
        _listen(one, service)
        _listen(two, service)
        until(lambda: len(_followers()) == 2, 5, "one thread for the service, one for its container")
        engine.print_lines(_container(panel, service), "to both")
        assert _texts(one, "to both") == _texts(two, "to both")
        one.asked(action="unsubscribe", topics=[f"logs:{service['id']}"])
        engine.print_lines(_container(panel, service), "to the other")
        assert _texts(two, "to the other")
        assert one.silent(0.5)
    until(lambda: not _followers(), 5, "nobody listens any more")


def test_a_secret_that_is_printed_is_masked(panel: Panel, sockets: Sockets, engine: memory.Runtime) -> None:
    service = panel.service(secrets={"TOKEN": CANARY})
    with sockets.open() as client:
        _listen(client, service)
        until(_followers, 5, "it is followed")
        engine.print_lines(_container(panel, service), f"the token is {CANARY}", "end")
        assert _texts(client, "end")


def test_while_the_engine_is_away_a_listener_is_told_so_once_and_then_goes_on(
    panel: Panel, sockets: Sockets, engine: memory.Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "_RETRY_INTERVAL", 0.1)
    service = panel.service()
    with sockets.open() as client:
        _listen(client, service)
        until(_followers, 5, "it is followed")
        engine.print_lines(_container(panel, service), "before")
        _texts(client, "before")
        engine.away = True
        assert client.next()["error"]["code"] == "engine_unavailable"
        assert client.silent(0.5)
        engine.away = False
        until(lambda: len(_followers()) == 2, 5, "it is followed again")
        engine.print_lines(_container(panel, service), "after")
        assert "after" in _texts(client, "after")


def test_when_the_service_is_deleted_its_listener_is_told(panel: Panel, sockets: Sockets) -> None:
    service = panel.service()
    with sockets.open() as client:
        _listen(client, service)
        panel.delete(f"/services/{service['id']}")
        while (message := client.next())["type"] != "error":
            assert message["type"] == "service.logs"
        assert message["error"]["code"] == "not_found"


def test_lines_of_a_new_deployment_come_too(panel: Panel, sockets: Sockets, engine: memory.Runtime) -> None:
    service = panel.service()
    with sockets.open() as client:
        _listen(client, service)
        panel.post(f"/services/{service['id']}/deploy")
        panel.work()
        engine.print_lines(_container(panel, service), "from the new one")
        assert _texts(client, "from the new one")


def test_a_flood_is_slowed_for_a_sole_listener_and_loses_nothing(
    panel: Panel, sockets: Sockets, engine: memory.Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "_QUEUE_SIZE", 2)
    monkeypatch.setattr(logs, "_LINES_PER_MESSAGE", 10)
    service = panel.service()
    with sockets.open() as client:
        _listen(client, service)
        until(_followers, 5, "it is followed")
        texts = [f"line {number} {'x' * 1000}" for number in range(2000)]
        engine.print_lines(_container(panel, service), *texts)
        assert _texts(client, texts[-1])[-len(texts) :] == texts


def test_a_listener_who_does_not_read_is_closed_and_slows_nobody(
    panel: Panel, sockets: Sockets, engine: memory.Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "SEND_TIMEOUT", 0.5)
    monkeypatch.setattr(logs, "_QUEUE_SIZE", 2)
    monkeypatch.setattr(logs, "_LINES_PER_MESSAGE", 10)
    service = panel.service()
    ticket = panel.post("/ws/tickets", {"topics": [f"logs:{service['id']}"]}).json()["ticket"]
    with sockets.deaf(f"?ticket={ticket}"), sockets.open() as quick:
        _listen(quick, service)
        until(lambda: len(sockets.server._sessions) == 2, 5, "both are there")
        for number in range(40):
            engine.print_lines(_container(panel, service), *[f"{number} {'x' * 2000}"] * 10)
            _texts(quick, f"{number} {'x' * 2000}")
        until(lambda: len(sockets.server._sessions) == 1, 5, "the other is gone")


def test_a_sole_listener_who_leaves_behind_what_it_did_not_read_leaves_no_thread(
    panel: Panel, sockets: Sockets, engine: memory.Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "_QUEUE_SIZE", 2)
    monkeypatch.setattr(logs, "_LINES_PER_MESSAGE", 10)
    service = panel.service()
    ticket = panel.post("/ws/tickets", {"topics": [f"logs:{service['id']}"]}).json()["ticket"]
    with sockets.deaf(f"?ticket={ticket}"):
        until(_followers, 5, "it is followed")
        engine.print_lines(_container(panel, service), *["x" * 5000] * 1000)
        until(lambda: any(reader.subscribers for reader in sockets.server._logs._readers.values()), 5, "it subscribes")
        (reader,) = sockets.server._logs._readers.values()
        (subscriber,) = reader.subscribers
        until(subscriber.queue.full, 5, "more waits for it than it reads")
    until(lambda: not sockets.server._sessions, 5, "it has left")
    until(lambda: not _followers(), 5, "nobody is followed for it")


def test_a_ticket_for_lines_is_worth_nothing_when_its_key_may_not_read_them_any_more(
    panel: Panel, sockets: Sockets, engine: memory.Runtime
) -> None:
    service, key = panel.service(), panel.key("operator")
    ticket = panel.post("/ws/tickets", {"topics": [f"logs:{service['id']}"]}, key=key).json()["ticket"]
    panel.patch(f"/v1/api-keys/{panel.get('/auth/me', key=key).json()['id']}", {"deniedPermissions": ["logs.read"]})
    with sockets.open(f"?ticket={ticket}", key=None) as client:
        engine.print_lines(_container(panel, service), "one")
        assert client.silent(1)
