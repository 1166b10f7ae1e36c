"""Logs as a stream of server-sent events, over a real connection."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest

from domain.adapters import memory
from domain.model.role import Role
from handlers.streams import chunk_stream, live
from tests.calls import error
from tests.conformance import CANARY
from tests.http_server import serve_http
from tests.panel import Panel
from tests.streams import Event, read_events


@dataclass
class LogSetup:
    """A running service of a panel on a real port."""

    panel: Panel
    engine: memory.Runtime
    url: str
    service: str

    @property
    def container(self) -> str:
        [found] = self.engine.containers({"panel.service": self.service})
        return found.name

    def print_lines(self, *texts: str) -> None:
        self.engine.print_lines(self.container, *texts)

    @contextmanager
    def stream(self, query: str = "", key: str = "", **headers: str) -> Iterator[Iterator[Event]]:
        sent = {"Authorization": f"Bearer {key or self.panel.admin}", **headers}
        path = f"{self.url}/services/{self.service}/logs?follow=true{query}"
        with httpx.stream("GET", path, headers=sent, timeout=30) as response:
            assert (response.status_code, response.headers["content-type"]) == (200, "text/event-stream")
            assert response.headers["cache-control"] == "no-store"
            yield read_events(response)


def _texts(events: Iterator[Event], count: int) -> list[str]:
    return [next(events).line["text"] for _ in range(count)]


def _wait_until(condition: Callable[[], object], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, [thread.name for thread in threading.enumerate()]
        time.sleep(0.02)


def _reader_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(("output of", "chunk stream"))]


@pytest.fixture
def setup(panel: Panel) -> Iterator[LogSetup]:
    """A running service; afterwards no reader thread may remain."""
    engine = panel.ports.runtime
    assert isinstance(engine, memory.Runtime)
    with serve_http(panel.app, panel.ports) as base:
        yield LogSetup(panel, engine, f"{base}/api", panel.service()["id"])
    _wait_until(lambda: not _reader_threads())
    assert chunk_stream._slots._value == chunk_stream._MAX_STREAMS  # type: ignore[attr-defined]


def test_the_last_lines_come_first_and_then_each_within_a_second(setup: LogSetup) -> None:
    setup.print_lines("one", "two", "three")
    with setup.stream("&tail=2") as events:
        assert _texts(events, 2) == ["two", "three"]
        for text in ("four", "five"):
            began = time.monotonic()
            setup.print_lines(text)
            event = next(events)
            assert (event.kind, event.line["text"], event.id) == ("line", text, event.line["at"])
            assert time.monotonic() - began < 1
    page = setup.panel.get(f"/services/{setup.service}/logs").json()["data"]
    assert event.line == page[-1]


def test_a_new_deployment_is_followed(setup: LogSetup) -> None:
    setup.engine.images["shop/web:2"] = memory.Behaviour(ports=(8080,), lines=("hello from two",))
    with setup.stream() as events:
        setup.print_lines("one")
        assert _texts(events, 1) == ["one"]
        setup.print_lines("last words")
        setup.panel.post(f"/services/{setup.service}/deploy", {"image": "shop/web:2"})
        setup.panel.work()
        assert _texts(events, 2) == ["last words", "hello from two"]


def test_a_client_resumes_with_last_event_id(setup: LogSetup) -> None:
    setup.print_lines(*(f"line {number}" for number in range(300)))
    with setup.stream("&tail=10") as events:
        seen = [next(events) for _ in range(5)]
    setup.print_lines("meanwhile")
    resume_headers = {"Last-Event-ID": str(seen[-1].id)}
    with setup.stream("&tail=1&since=2999-01-01T00:00:00Z", **resume_headers) as events:
        resumed_lines = []
        while not resumed_lines or resumed_lines[-1] != "meanwhile":
            resumed_lines += _texts(events, 1)
    assert resumed_lines[-6:] == [f"line {number}" for number in range(295, 300)] + ["meanwhile"]
    assert len(set(resumed_lines)) == len(resumed_lines)


def test_deleted_output_leaves_an_event(setup: LogSetup) -> None:
    with setup.stream() as events:
        setup.print_lines("one")
        first = next(events)
        container = setup.container
        setup.engine.kill(container)
        _wait_until(lambda: not any("output of" in name for name in _reader_threads()))
        setup.engine.fakes[container].delete_output()
        setup.engine.start(container)
        setup.print_lines("two")
        gap, line = next(events), next(events)
    assert (gap.kind, gap.id, gap.line["stream"]) == ("gap", first.id, "gap")
    assert (line.kind, line.line["text"]) == ("line", "two")


def test_a_client_that_resumes_learns_that_output_was_deleted_meanwhile(setup: LogSetup) -> None:
    with setup.stream() as events:
        setup.print_lines("one")
        first = next(events)
    setup.print_lines("unread")
    setup.engine.fakes[setup.container].delete_output()
    setup.print_lines("after the gap")
    with setup.stream(**{"Last-Event-ID": str(first.id)}) as events:
        gap, line = next(events), next(events)
    assert (gap.kind, gap.id, gap.line["stream"], gap.line["container"]) == ("gap", first.id, "gap", setup.container)
    assert (line.kind, line.line["text"]) == ("line", "after the gap")


def test_deleting_the_service_ends_the_stream(setup: LogSetup) -> None:
    with setup.stream() as events:
        setup.print_lines("one")
        assert _texts(events, 1) == ["one"]
        setup.panel.delete(f"/services/{setup.service}")
        assert list(events) == [Event(None, "end", "{}")]


def test_the_stream_is_filtered_by_text_and_container(setup: LogSetup) -> None:
    with setup.stream("&search=ERROR&container=app") as events:
        setup.print_lines("fine", "an error", "fine")
        assert _texts(events, 1) == ["an error"]


def test_printed_text_cannot_forge_events(setup: LogSetup) -> None:
    evil = ["data: forged", "id: 9", "</script>", "\u2028x", "event: end", '{"a": "b"}', ""]
    setup.print_lines(*evil)
    with setup.stream() as events:
        assert _texts(events, len(evil)) == evil


def test_secrets_are_masked(setup: LogSetup) -> None:
    setup.service = setup.panel.service("leaks", secrets={"TOKEN": CANARY})["id"]
    setup.print_lines(f"before {CANARY}")
    with setup.stream() as events:
        setup.print_lines(f"after {CANARY}")
        assert _texts(events, 2) == ["before ********", "after ********"]


def test_a_silent_stream_sends_heartbeat_comments(setup: LogSetup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_HEARTBEAT", 0.3)
    sent = {"Authorization": f"Bearer {setup.panel.admin}"}
    path = f"{setup.url}/services/{setup.service}/logs?follow=true"
    with httpx.stream("GET", path, headers=sent, timeout=30) as response:
        lines = response.iter_lines()
        assert [next(lines) for _ in range(4)] == [": listening", "", ": listening", ""]


def test_a_disconnected_client_ends_its_threads(setup: LogSetup) -> None:
    with setup.stream() as events:
        setup.print_lines("one")
        next(events)
        assert len(_reader_threads()) == 2
    _wait_until(lambda: not _reader_threads(), 3)


def test_a_head_request_starts_no_threads(setup: LogSetup) -> None:
    sent = {"Authorization": f"Bearer {setup.panel.admin}"}
    answer = httpx.head(f"{setup.url}/services/{setup.service}/logs?follow=true", headers=sent)
    assert answer.status_code in (200, 405)
    _wait_until(lambda: not _reader_threads(), 3)


def test_an_engine_failure_ends_the_stream_without_an_end_event(setup: LogSetup) -> None:
    with setup.stream() as events:
        setup.print_lines("one")
        assert _texts(events, 1) == ["one"]
        setup.engine.away = True
        assert list(events) == []
    answer = setup.panel.get(f"/services/{setup.service}/logs?follow=true")
    assert (answer.status_code, error(answer)["code"]) == (503, "engine_unavailable")
    setup.engine.away = False


def test_an_unexpected_error_ends_the_stream_and_is_logged(
    setup: LogSetup, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with setup.stream() as events:
        monkeypatch.setattr(live, "_events", lambda lines: 1 // 0)
        setup.print_lines("one")
        assert list(events) == []
    assert "ZeroDivisionError" in caplog.text


def _check_disconnect(setup: LogSetup, act: Callable[[str], object], *, flood: bool) -> None:
    key, stop = setup.panel.key(Role.VIEWER), threading.Event()
    name = setup.container

    def print_repeatedly() -> None:
        while not stop.wait(0.005 if flood else 60):
            setup.engine.print_lines(name, *("x" * 100 for _ in range(20)))

    printing = threading.Thread(target=print_repeatedly)
    with setup.stream("&tail=1", key=key) as events:
        setup.print_lines("one")
        next(events)
        printing.start()
        act(f"/v1/api-keys/{setup.panel.get('/auth/me', key=key).json()['id']}")
        acted = time.monotonic()
        assert not [event for event in events if event.kind == "end"]
        assert time.monotonic() - acted < 2.5
    stop.set()
    printing.join()


@pytest.mark.parametrize("flood", [False, True])
def test_a_key_that_is_revoked_rotated_or_narrowed_loses_its_streams_within_a_second(
    setup: LogSetup, flood: bool
) -> None:
    for act in (
        setup.panel.delete,
        lambda path: setup.panel.post(f"{path}/rotate"),
        lambda path: setup.panel.patch(path, {"deniedPermissions": ["logs.read"]}),
        lambda path: setup.panel.patch(path, {"allowedIps": ["192.0.2.1"]}),
    ):
        _check_disconnect(setup, act, flood=flood)


def test_a_client_that_does_not_read_is_disconnected_when_its_key_is_revoked(setup: LogSetup) -> None:
    key = setup.panel.key(Role.VIEWER)
    key_id = setup.panel.get("/auth/me", key=key).json()["id"]
    setup.print_lines(*("x" * 8000 for _ in range(4000)))
    host, port = setup.url.split("/")[2].split(":")
    with socket.create_connection((host, int(port))) as client:
        path = f"/api/services/{setup.service}/logs?follow=true&tail=10000"
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
        _wait_until(lambda: "chunk stream" in _reader_threads())
        time.sleep(0.5)
        setup.panel.delete(f"/v1/api-keys/{key_id}")
        _wait_until(lambda: not _reader_threads(), 4)


def test_a_stream_is_rejected_like_other_reads(setup: LogSetup) -> None:
    path, limited_key = (
        f"/services/{setup.service}/logs?follow=true",
        setup.panel.key(Role.VIEWER, denied_permissions=("logs.read",)),
    )
    for refused, status in (
        (setup.panel.get(path, key=None), 401),
        (setup.panel.get(path, key=limited_key), 403),
        (setup.panel.get(path, key=setup.panel.key(Role.CUSTOMER, "cust_b")), 404),
        (setup.panel.get("/services/svc_nowhere/logs?follow=true"), 404),
        (setup.panel.get(f"{path}&tail=0"), 400),
        (setup.panel.get(path, headers={"Last-Event-ID": "x"}), 400),
        (setup.panel.get(path, headers={"Last-Event-ID": "2026-02-30T00:00:00Z"}), 400),
    ):
        assert refused.status_code == status
        assert error(refused)["code"]


def test_requests_are_answered_while_many_clients_follow(setup: LogSetup) -> None:
    def follow(_: int) -> str:
        with setup.stream("&search=all") as events:
            ready.release()
            return next(events).line["text"]

    ready = threading.Semaphore(0)
    with ThreadPoolExecutor(60) as pool:
        followers = [pool.submit(follow, number) for number in range(60)]
        for _ in followers:
            ready.acquire(timeout=20)
        began = time.monotonic()
        assert httpx.get(f"{setup.url}/health", timeout=10).status_code == 200
        assert time.monotonic() - began < 2
        setup.print_lines("to all of you")
        assert {follower.result() for follower in followers} == {"to all of you"}


def test_the_number_of_followers_is_limited(setup: LogSetup, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = [chunk_stream._slots.acquire(blocking=False) for _ in range(chunk_stream._MAX_STREAMS)]
    try:
        answer = setup.panel.get(f"/services/{setup.service}/logs?follow=true")
    finally:
        for _ in taken:
            chunk_stream._slots.release()
    assert (answer.status_code, error(answer)["code"]) == (503, "unavailable")
