"""What a service prints as an event stream, over a real connection."""

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
from handlers.streams import following, live
from tests.calls import error
from tests.conformance import CANARY
from tests.http_server import serve_http
from tests.panel import Panel
from tests.streams import Event, read_events


@dataclass
class Scene:
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


def _until(true: Callable[[], object], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, [thread.name for thread in threading.enumerate()]
        time.sleep(0.02)


def _reading() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith(("output of", "follower"))]


@pytest.fixture
def scene(panel: Panel) -> Iterator[Scene]:
    """In the end nobody reads any more."""
    engine = panel.ports.runtime
    assert isinstance(engine, memory.Runtime)
    with serve_http(panel.app) as base:
        yield Scene(panel, engine, f"{base}/api", panel.service()["id"])
    _until(lambda: not _reading())
    assert following._places._value == following._MOST  # type: ignore[attr-defined]


def test_the_last_lines_come_first_and_then_each_within_a_second(scene: Scene) -> None:
    scene.print_lines("one", "two", "three")
    with scene.stream("&tail=2") as events:
        assert _texts(events, 2) == ["two", "three"]
        for text in ("four", "five"):
            began = time.monotonic()
            scene.print_lines(text)
            event = next(events)
            assert (event.kind, event.line["text"], event.id) == ("line", text, event.line["at"])
            assert time.monotonic() - began < 1
    page = scene.panel.get(f"/services/{scene.service}/logs").json()["data"]
    assert event.line == page[-1]


def test_a_new_deployment_is_followed(scene: Scene) -> None:
    scene.engine.images["shop/web:2"] = memory.Behaviour(ports=(8080,), lines=("hello from two",))
    with scene.stream() as events:
        scene.print_lines("one")
        assert _texts(events, 1) == ["one"]
        scene.print_lines("last words")
        scene.panel.post(f"/services/{scene.service}/deploy", {"image": "shop/web:2"})
        scene.panel.work()
        assert _texts(events, 2) == ["last words", "hello from two"]


def test_a_client_that_returns_goes_on_where_it_was(scene: Scene) -> None:
    scene.print_lines(*(f"line {number}" for number in range(300)))
    with scene.stream("&tail=10") as events:
        seen = [next(events) for _ in range(5)]
    scene.print_lines("meanwhile")
    resumed = {"Last-Event-ID": str(seen[-1].id)}
    with scene.stream("&tail=1&since=2999-01-01T00:00:00Z", **resumed) as events:
        again = []
        while not again or again[-1] != "meanwhile":
            again += _texts(events, 1)
    assert again[-6:] == [f"line {number}" for number in range(295, 300)] + ["meanwhile"]
    assert len(set(again)) == len(again)


def test_the_end_of_the_service_ends_the_stream(scene: Scene) -> None:
    with scene.stream() as events:
        scene.print_lines("one")
        assert _texts(events, 1) == ["one"]
        scene.panel.delete(f"/services/{scene.service}")
        assert list(events) == [Event(None, "end", "{}")]


def test_only_what_is_asked_for_is_told(scene: Scene) -> None:
    with scene.stream("&search=ERROR&container=app") as events:
        scene.print_lines("fine", "an error", "fine")
        assert _texts(events, 1) == ["an error"]


def test_whatever_is_printed_stays_within_its_event(scene: Scene) -> None:
    evil = ["data: forged", "id: 9", "</script>", "\u2028x", "event: end", '{"a": "b"}', ""]
    scene.print_lines(*evil)
    with scene.stream() as events:
        assert _texts(events, len(evil)) == evil


def test_secrets_are_masked(scene: Scene) -> None:
    scene.service = scene.panel.service("leaks", secrets={"TOKEN": CANARY})["id"]
    scene.print_lines(f"before {CANARY}")
    with scene.stream() as events:
        scene.print_lines(f"after {CANARY}")
        assert _texts(events, 2) == ["before ********", "after ********"]


def test_silence_is_filled_with_comments(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_HEARTBEAT", 0.3)
    sent = {"Authorization": f"Bearer {scene.panel.admin}"}
    path = f"{scene.url}/services/{scene.service}/logs?follow=true"
    with httpx.stream("GET", path, headers=sent, timeout=30) as response:
        lines = response.iter_lines()
        assert [next(lines) for _ in range(4)] == [": listening", "", ": listening", ""]


def test_a_client_that_leaves_ends_the_reading(scene: Scene) -> None:
    with scene.stream() as events:
        scene.print_lines("one")
        next(events)
        assert len(_reading()) == 2
    _until(lambda: not _reading(), 3)


def test_a_head_request_begins_nothing(scene: Scene) -> None:
    sent = {"Authorization": f"Bearer {scene.panel.admin}"}
    answer = httpx.head(f"{scene.url}/services/{scene.service}/logs?follow=true", headers=sent)
    assert answer.status_code in (200, 405)
    _until(lambda: not _reading(), 3)


def test_an_engine_that_goes_away_ends_the_stream_without_an_end(scene: Scene) -> None:
    with scene.stream() as events:
        scene.print_lines("one")
        assert _texts(events, 1) == ["one"]
        scene.engine.away = True
        assert list(events) == []
    answer = scene.panel.get(f"/services/{scene.service}/logs?follow=true")
    assert (answer.status_code, error(answer)["code"]) == (503, "engine_unavailable")
    scene.engine.away = False


def test_an_unforeseen_fault_ends_the_stream_and_is_logged(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with scene.stream() as events:
        monkeypatch.setattr(live, "_events", lambda lines: 1 // 0)
        scene.print_lines("one")
        assert list(events) == []
    assert "ZeroDivisionError" in caplog.text


def _cut_by(scene: Scene, act: Callable[[str], object], *, flood: bool) -> None:
    key, stop = scene.panel.key(Role.VIEWER), threading.Event()
    name = scene.container

    def print_on() -> None:
        while not stop.wait(0.005 if flood else 60):
            scene.engine.print_lines(name, *("x" * 100 for _ in range(20)))

    printing = threading.Thread(target=print_on)
    with scene.stream("&tail=1", key=key) as events:
        scene.print_lines("one")
        next(events)
        printing.start()
        act(f"/v1/api-keys/{scene.panel.get('/auth/me', key=key).json()['id']}")
        acted = time.monotonic()
        assert not [event for event in events if event.kind == "end"]
        assert time.monotonic() - acted < 2.5
    stop.set()
    printing.join()


@pytest.mark.parametrize("flood", [False, True])
def test_a_key_that_is_revoked_rotated_or_narrowed_loses_its_streams_within_a_second(scene: Scene, flood: bool) -> None:
    for act in (
        scene.panel.delete,
        lambda path: scene.panel.post(f"{path}/rotate"),
        lambda path: scene.panel.patch(path, {"deniedPermissions": ["logs.read"]}),
        lambda path: scene.panel.patch(path, {"allowedIps": ["192.0.2.1"]}),
    ):
        _cut_by(scene, act, flood=flood)


def test_a_client_that_does_not_read_is_given_up_with_its_key(scene: Scene) -> None:
    key = scene.panel.key(Role.VIEWER)
    key_id = scene.panel.get("/auth/me", key=key).json()["id"]
    scene.print_lines(*("x" * 8000 for _ in range(4000)))
    host, port = scene.url.split("/")[2].split(":")
    with socket.create_connection((host, int(port))) as client:
        path = f"/api/services/{scene.service}/logs?follow=true&tail=10000"
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
        _until(lambda: "follower" in _reading())
        time.sleep(0.5)
        scene.panel.delete(f"/v1/api-keys/{key_id}")
        _until(lambda: not _reading(), 4)


def test_a_stream_is_refused_like_any_other_read(scene: Scene) -> None:
    path, blind = (
        f"/services/{scene.service}/logs?follow=true",
        scene.panel.key(Role.VIEWER, denied_permissions=("logs.read",)),
    )
    for refused, status in (
        (scene.panel.get(path, key=None), 401),
        (scene.panel.get(path, key=blind), 403),
        (scene.panel.get(path, key=scene.panel.key(Role.CUSTOMER, "cust_b")), 404),
        (scene.panel.get("/services/svc_nowhere/logs?follow=true"), 404),
        (scene.panel.get(f"{path}&tail=0"), 400),
        (scene.panel.get(path, headers={"Last-Event-ID": "x"}), 400),
        (scene.panel.get(path, headers={"Last-Event-ID": "2026-02-30T00:00:00Z"}), 400),
    ):
        assert refused.status_code == status
        assert error(refused)["code"]


def test_many_follow_while_others_are_answered(scene: Scene) -> None:
    def follow(_: int) -> str:
        with scene.stream("&search=all") as events:
            ready.release()
            return next(events).line["text"]

    ready = threading.Semaphore(0)
    with ThreadPoolExecutor(60) as pool:
        followers = [pool.submit(follow, number) for number in range(60)]
        for _ in followers:
            ready.acquire(timeout=20)
        began = time.monotonic()
        assert httpx.get(f"{scene.url}/health", timeout=10).status_code == 200
        assert time.monotonic() - began < 2
        scene.print_lines("to all of you")
        assert {one.result() for one in followers} == {"to all of you"}


def test_there_is_a_last_place(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = [following._places.acquire(blocking=False) for _ in range(following._MOST)]
    try:
        answer = scene.panel.get(f"/services/{scene.service}/logs?follow=true")
    finally:
        for _ in taken:
            following._places.release()
    assert (answer.status_code, error(answer)["code"]) == (503, "unavailable")
