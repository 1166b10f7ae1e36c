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
    """The URL of a panel on a real port. The pull of `shop/slow:1` does not finish until the runtime releases it."""
    panel.ports.runtime.images[SLOW] = memory.Behaviour(ports=(8080,), hangs=True)  # type: ignore[attr-defined]
    with serve_http(panel.app, panel.ports) as base:
        yield f"{base}/api"
    panel.ports.runtime.release()  # type: ignore[attr-defined]


@pytest.fixture
def slow(panel: Panel, url: str) -> Iterator[str]:
    """The id of a deployment that runs until the runtime releases it."""
    new = {"name": "web", "deploy_method": "image", "image": SLOW}
    created = panel.post("/services", new).json()
    worker = threading.Thread(target=panel.work)
    worker.start()
    yield created["deployment_id"]
    panel.ports.runtime.release()  # type: ignore[attr-defined]
    worker.join()


def _stream(panel: Panel, url: str, deployment_id: str, **headers: str) -> Any:  # a context manager of a response
    sent = {"Authorization": f"Bearer {panel.admin}", **STREAM, **headers}
    return httpx.stream("GET", f"{url}/deployments/{deployment_id}/logs", headers=sent, timeout=30)


def _finished(panel: Panel) -> str:
    return str(panel.service()["deployment_id"])


def test_lines_are_sent_as_they_are_written_and_the_stream_ends_with_the_deployment(
    panel: Panel, url: str, slow: str
) -> None:
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


def test_the_stream_of_a_finished_deployment_ends_immediately(panel: Panel, url: str) -> None:
    finished = _finished(panel)
    with _stream(panel, url, finished) as response:
        events = list(read_events(response))
    assert events[-1] == Event(None, "end", "{}")
    assert [event.line for event in events[:-1]] == panel.get(f"/deployments/{finished}/logs").json()["data"]


def test_a_client_resumes_with_last_event_id(panel: Panel, url: str) -> None:
    finished = _finished(panel)
    with _stream(panel, url, finished) as response:
        complete = list(read_events(response))
    for seen in range(len(complete)):
        with _stream(panel, url, finished, **{"Last-Event-ID": str(seen)}) as response:
            assert list(read_events(response)) == complete[seen:]


def test_last_event_id_overrides_the_query_parameter(panel: Panel, url: str) -> None:
    finished = _finished(panel)
    sent = {"Authorization": f"Bearer {panel.admin}", **STREAM, "Last-Event-ID": "2"}
    response = httpx.get(f"{url}/deployments/{finished}/logs?after=0", headers=sent)
    assert "id: 3" in response.text
    assert "id: 2" not in response.text


def test_small_pages_lose_and_repeat_no_lines(panel: Panel, url: str) -> None:
    finished = _finished(panel)
    with _stream(panel, url, finished) as response:
        complete = list(read_events(response))
    sent = {"Authorization": f"Bearer {panel.admin}", **STREAM}
    for limit in (1, 2, len(complete) - 1, 1000):
        with httpx.stream("GET", f"{url}/deployments/{finished}/logs?limit={limit}", headers=sent) as response:
            assert list(read_events(response)) == complete


def test_many_lines_are_sent_in_order(panel: Panel, url: str) -> None:
    lines = tuple(f"line {number}" for number in range(700))
    panel.ports.runtime.images["shop/loud:1"] = memory.Behaviour(exit_code=1, lines=lines)  # type: ignore[attr-defined]
    created = panel.post("/services", {"name": "loud", "deploy_method": "image", "image": "shop/loud:1"}).json()
    panel.work()
    with _stream(panel, url, created["deployment_id"]) as response:
        events = list(read_events(response))
    assert [int(event.id or 0) for event in events[:-1]] == list(range(1, len(events)))
    assert events[-1].kind == "end"


def test_output_of_a_container_cannot_forge_events(panel: Panel, url: str) -> None:
    evil = ("data: forged", "a\rb", "id: 9\n\nevent: end\ndata: {}", "</script>\x1b[31m", "\u2028x")
    panel.ports.runtime.images["shop/evil:1"] = memory.Behaviour(exit_code=1, lines=evil)  # type: ignore[attr-defined]
    created = panel.post("/services", {"name": "evil", "deploy_method": "image", "image": "shop/evil:1"}).json()
    panel.work()
    stored = panel.get(f"/deployments/{created['deployment_id']}/logs").json()["data"]
    with _stream(panel, url, created["deployment_id"]) as response:
        events = list(read_events(response))
    assert [event.line for event in events[:-1]] == stored
    assert [event.kind for event in events].count("end") == 1


def test_the_log_is_not_read_after_a_disconnect(
    panel: Panel, url: str, slow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []
    read = deployments.get_deployment_logs
    monkeypatch.setattr(
        deployments, "get_deployment_logs", lambda *args, **kwargs: (reads.append(1), read(*args, **kwargs))[1]
    )
    with _stream(panel, url, slow) as response:
        next(read_events(response))
    time.sleep(1.5)
    seen = len(reads)
    for _ in range(3):
        panel.ports.notifier.notify()
        time.sleep(0.3)
    assert len(reads) == seen > 0


def test_streams_occupy_no_threads_and_all_get_the_end_event(panel: Panel, url: str, slow: str) -> None:
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
        assert {follower.result() for follower in followers} == {"end"}


def test_a_cancelled_deployment_ends_its_stream(panel: Panel, url: str) -> None:
    queued = panel.post(f"/services/{panel.service()['id']}/deploy").json()
    with _stream(panel, url, queued["id"]) as response:
        panel.post(f"/deployments/{queued['id']}/cancel")
        assert list(read_events(response))[-1].kind == "end"


def test_deleting_the_service_ends_the_stream(panel: Panel, url: str) -> None:
    queued = panel.post(f"/services/{panel.service()['id']}/deploy").json()
    with _stream(panel, url, queued["id"]) as response:
        panel.delete(f"/services/{queued['service_id']}")
        assert list(read_events(response))[-1].kind == "end"


def _check_disconnect(panel: Panel, url: str, slow: str, act: Callable[[str], object]) -> None:
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
        _check_disconnect(panel, url, slow, act)


def test_a_stream_is_rejected_like_other_reads(panel: Panel, url: str) -> None:
    del url
    finished, limited_key = _finished(panel), panel.key("viewer", denied_permissions=("logs.read",))
    for response in (
        panel.get(f"/deployments/{finished}/logs", headers=STREAM, key=None),
        panel.get(f"/deployments/{finished}/logs", headers=STREAM, key=panel.key("customer", "cust_b")),
        panel.get("/deployments/dep_nowhere/logs", headers=STREAM),
        panel.get(f"/deployments/{finished}/logs?limit=0", headers=STREAM),
        panel.get(f"/deployments/{finished}/logs", headers={**STREAM, "Last-Event-ID": "x"}),
        panel.get(f"/deployments/{finished}/logs", headers=STREAM, key=limited_key),
    ):
        assert response.status_code in {400, 401, 403, 404}
        assert error(response)["code"]


def test_secrets_are_masked_in_the_stream(panel: Panel, url: str) -> None:
    panel.ports.runtime.images["shop/leaks:1"] = memory.Behaviour(exit_code=1, lines=(CANARY,))  # type: ignore[attr-defined]
    new = {"name": "leaks", "deploy_method": "image", "image": "shop/leaks:1", "secrets": {"TOKEN": CANARY}}
    created = panel.post("/services", new).json()
    panel.work()
    with _stream(panel, url, created["deployment_id"]) as response:
        text = response.read().decode()
    assert CANARY not in text
    assert "********" in text


def test_other_accept_headers_return_a_page(panel: Panel) -> None:
    finished = _finished(panel)
    for accept in ("application/json", "*/*", "", "text/html"):
        page = panel.get(f"/deployments/{finished}/logs?limit=2", headers={"Accept": accept}).json()
        assert (len(page["data"]), page["next_after"], page["complete"]) == (2, 2, False)
    rest = panel.get(f"/deployments/{finished}/logs?after=2").json()
    assert (rest["data"][0]["number"], rest["complete"]) == (3, True)
