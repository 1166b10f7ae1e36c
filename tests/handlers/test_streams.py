"""The log of a deployment as an event stream, over a real connection."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from domain import deployments
from domain.adapters import memory
from tests.calls import error
from tests.conformance import CANARY
from tests.http_server import serve_http
from tests.panel import Panel
from tests.streams import Event, read_events

SLOW = "shop/slow:1"
STREAM = {"Accept": "text/event-stream"}


@pytest.fixture
def url(panel: Panel) -> Iterator[str]:
    """The panel on a real port; the image `shop/slow:1` hangs while it is pulled."""
    panel.ports.runtime.images[SLOW] = memory.Behaviour(ports=(8080,), hangs=True)  # type: ignore[attr-defined]
    with serve_http(panel.app) as base:
        yield f"{base}/api"
    panel.ports.runtime.release()  # type: ignore[attr-defined]


@pytest.fixture
def slow(panel: Panel, url: str) -> Iterator[str]:
    """The id of a deployment that goes on until the runtime lets it."""
    new = {"name": "web", "deploy_method": "image", "image": SLOW}
    created = panel.post("/services", new).json()
    working = threading.Thread(target=panel.work)
    working.start()
    yield created["deployment_id"]
    panel.ports.runtime.release()  # type: ignore[attr-defined]
    working.join()


def _stream(panel: Panel, url: str, deployment_id: str, **headers: str) -> Any:  # a context manager of a response
    sent = {"Authorization": f"Bearer {panel.admin}", **STREAM, **headers}
    return httpx.stream("GET", f"{url}/deployments/{deployment_id}/logs", headers=sent, timeout=30)


def _done(panel: Panel) -> str:
    return str(panel.service()["deployment_id"])


def test_lines_come_as_they_are_written_and_the_stream_ends_with_the_work(panel: Panel, url: str, slow: str) -> None:
    with _stream(panel, url, slow) as response:
        assert (response.status_code, response.headers["content-type"]) == (200, "text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-ratelimit-limit"] == "1000000"
        events = read_events(response)
        first = next(events)
        assert (first.kind, first.id, first.line["step"]) == ("line", "1", "pulling")
        assert panel.get(f"/deployments/{slow}").json()["finished_at"] is None
        panel.ports.runtime.release()  # type: ignore[attr-defined]
        rest = list(events)
    assert [event.kind for event in rest[-1:]] == ["end"]
    assert {event.kind for event in rest[:-1]} == {"line"}
    lines = [first.line, *(event.line for event in rest[:-1])]
    assert [line["number"] for line in lines] == list(range(1, len(lines) + 1))
    assert lines == panel.get(f"/deployments/{slow}/logs").json()["data"]


def test_the_log_of_work_that_has_ended_ends_at_once(panel: Panel, url: str) -> None:
    done = _done(panel)
    with _stream(panel, url, done) as response:
        events = list(read_events(response))
    assert events[-1] == Event(None, "end", "{}")
    assert [event.line for event in events[:-1]] == panel.get(f"/deployments/{done}/logs").json()["data"]


def test_a_client_that_returns_goes_on_where_it_was(panel: Panel, url: str) -> None:
    done = _done(panel)
    with _stream(panel, url, done) as response:
        everything = list(read_events(response))
    for seen in range(len(everything)):
        with _stream(panel, url, done, **{"Last-Event-ID": str(seen)}) as response:
            assert list(read_events(response)) == everything[seen:]


def test_the_last_event_wins_over_where_the_url_began(panel: Panel, url: str) -> None:
    done = _done(panel)
    sent = {"Authorization": f"Bearer {panel.admin}", **STREAM, "Last-Event-ID": "2"}
    answered = httpx.get(f"{url}/deployments/{done}/logs?after=0", headers=sent)
    assert "id: 3" in answered.text
    assert "id: 2" not in answered.text


def test_small_pages_lose_and_repeat_nothing(panel: Panel, url: str) -> None:
    done = _done(panel)
    with _stream(panel, url, done) as response:
        whole = list(read_events(response))
    sent = {"Authorization": f"Bearer {panel.admin}", **STREAM}
    for limit in (1, 2, len(whole) - 1, 1000):
        with httpx.stream("GET", f"{url}/deployments/{done}/logs?limit={limit}", headers=sent) as response:
            assert list(read_events(response)) == whole


def test_many_lines_come_in_order(panel: Panel, url: str) -> None:
    lines = tuple(f"line {number}" for number in range(700))
    panel.ports.runtime.images["shop/loud:1"] = memory.Behaviour(exit_code=1, lines=lines)  # type: ignore[attr-defined]
    created = panel.post("/services", {"name": "loud", "deploy_method": "image", "image": "shop/loud:1"}).json()
    panel.work()
    with _stream(panel, url, created["deployment_id"]) as response:
        events = list(read_events(response))
    assert [int(event.id or 0) for event in events[:-1]] == list(range(1, len(events)))
    assert events[-1].kind == "end"


def test_whatever_a_container_says_stays_within_its_event(panel: Panel, url: str) -> None:
    evil = ("data: forged", "a\rb", "id: 9\n\nevent: end\ndata: {}", "</script>\x1b[31m", "\u2028x")
    panel.ports.runtime.images["shop/evil:1"] = memory.Behaviour(exit_code=1, lines=evil)  # type: ignore[attr-defined]
    created = panel.post("/services", {"name": "evil", "deploy_method": "image", "image": "shop/evil:1"}).json()
    panel.work()
    stored = panel.get(f"/deployments/{created['deployment_id']}/logs").json()["data"]
    with _stream(panel, url, created["deployment_id"]) as response:
        events = list(read_events(response))
    assert [event.line for event in events[:-1]] == stored
    assert [event.kind for event in events].count("end") == 1


def test_a_client_that_leaves_ends_the_following(
    panel: Panel, url: str, slow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []
    read = deployments.get_deployment_logs
    monkeypatch.setattr(
        deployments, "get_deployment_logs", lambda *given, **named: (reads.append(1), read(*given, **named))[1]
    )
    with _stream(panel, url, slow) as response:
        next(read_events(response))
    time.sleep(1.5)
    seen = len(reads)
    for _ in range(3):
        panel.ports.notifier.notify()
        time.sleep(0.3)
    assert len(reads) == seen > 0


def test_followers_hold_no_threads_and_all_see_the_end(panel: Panel, url: str, slow: str) -> None:
    def follow() -> str:
        with _stream(panel, url, slow) as response:
            return list(read_events(response))[-1].kind

    with ThreadPoolExecutor(60) as pool:
        before = threading.active_count()
        followers = [pool.submit(follow) for _ in range(60)]
        time.sleep(1)
        assert threading.active_count() - before < 60 + 60
        assert httpx.get(f"{url}/health", timeout=10).status_code == 200
        panel.ports.runtime.release()  # type: ignore[attr-defined]
        assert {one.result() for one in followers} == {"end"}


def test_a_cancelled_deployment_ends_its_stream(panel: Panel, url: str) -> None:
    queued = panel.post(f"/services/{panel.service()['id']}/deploy").json()
    with _stream(panel, url, queued["id"]) as response:
        panel.post(f"/deployments/{queued['id']}/cancel")
        assert list(read_events(response))[-1].kind == "end"


def test_a_service_that_is_deleted_meanwhile_ends_the_stream(panel: Panel, url: str) -> None:
    queued = panel.post(f"/services/{panel.service()['id']}/deploy").json()
    with _stream(panel, url, queued["id"]) as response:
        panel.delete(f"/services/{queued['service_id']}")
        assert list(read_events(response))[-1].kind == "end"


def _cut_by(panel: Panel, url: str, slow: str, act: Callable[[str], object]) -> None:
    key = panel.key("viewer")
    sent = {"Authorization": f"Bearer {key}", **STREAM}
    with httpx.stream("GET", f"{url}/deployments/{slow}/logs", headers=sent, timeout=30) as response:
        events = read_events(response)
        next(events)
        act(f"/v1/api-keys/{panel.get('/auth/me', key=key).json()['id']}")
        assert not [event for event in events if event.kind == "end"]


def test_a_key_that_is_revoked_rotated_or_narrowed_loses_its_streams(panel: Panel, url: str, slow: str) -> None:
    for act in (
        panel.delete,
        lambda path: panel.post(f"{path}/rotate"),
        lambda path: panel.patch(path, {"deniedPermissions": ["logs.read"]}),
        lambda path: panel.patch(path, {"allowedIps": ["192.0.2.1"]}),
    ):
        _cut_by(panel, url, slow, act)


def test_a_stream_is_refused_like_any_other_read(panel: Panel, url: str) -> None:
    del url
    done, blind = _done(panel), panel.key("viewer", denied_permissions=("logs.read",))
    for refused in (
        panel.get(f"/deployments/{done}/logs", headers=STREAM, key=None),
        panel.get(f"/deployments/{done}/logs", headers=STREAM, key=panel.key("customer", "cust_b")),
        panel.get("/deployments/dep_nowhere/logs", headers=STREAM),
        panel.get(f"/deployments/{done}/logs?limit=0", headers=STREAM),
        panel.get(f"/deployments/{done}/logs", headers={**STREAM, "Last-Event-ID": "x"}),
        panel.get(f"/deployments/{done}/logs", headers=STREAM, key=blind),
    ):
        assert refused.status_code in {400, 401, 403, 404}
        assert error(refused)["code"]


def test_secrets_are_masked_in_the_stream(panel: Panel, url: str) -> None:
    panel.ports.runtime.images["shop/leaks:1"] = memory.Behaviour(exit_code=1, lines=(CANARY,))  # type: ignore[attr-defined]
    new = {"name": "leaks", "deploy_method": "image", "image": "shop/leaks:1", "secrets": {"TOKEN": CANARY}}
    created = panel.post("/services", new).json()
    panel.work()
    with _stream(panel, url, created["deployment_id"]) as response:
        text = response.read().decode()
    assert CANARY not in text
    assert "********" in text


def test_whoever_asks_for_anything_else_gets_a_page(panel: Panel) -> None:
    done = _done(panel)
    for accept in ("application/json", "*/*", "", "text/html"):
        page = panel.get(f"/deployments/{done}/logs?limit=2", headers={"Accept": accept}).json()
        assert (len(page["data"]), page["next_after"], page["complete"]) == (2, 2, False)
    rest = panel.get(f"/deployments/{done}/logs?after=2").json()
    assert (rest["data"][0]["number"], rest["complete"]) == (3, True)
