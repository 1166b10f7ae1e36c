"""Event streams: shared reading, bounds by key and by customer, and their end when the panel stops."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread

import httpx
import pytest

from handlers import server
from handlers.streams import open_streams
from tests.calls import error
from tests.http_server import serve_http
from tests.panel import Panel, start_panel
from tests.process import Process, until
from tests.streams import read_events

STREAM = {"Accept": "text/event-stream"}
SERVICE = {"name": "web", "deploy_method": "image", "image": "ai-admin-panel/hello:1", "port": 8080}


@pytest.fixture
def few(tmp_path: Path) -> Iterator[Panel]:
    """A panel that allows three streams of a key and four of a customer."""
    with start_panel(tmp_path, streams_per_key=3, streams_per_customer=4) as panel:
        yield panel


@contextmanager
def follow(url: str, key: str, path: str = "/events") -> Iterator[httpx.Response]:
    headers = {**STREAM, "Authorization": f"Bearer {key}"}
    with httpx.stream("GET", f"{url}/api{path}", headers=headers, timeout=30) as response:
        yield response


def status(url: str, key: str, path: str = "/events") -> int:
    with follow(url, key, path) as response:
        return response.status_code


def test_idle_event_streams_share_one_reader_and_one_check_of_credentials(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[float] = []
    read, key = panel.ports.store.read, panel.key("viewer")
    with serve_http(panel.app, panel.ports) as url, ExitStack() as stack:
        for _ in range(30):
            stack.enter_context(follow(url, key))
        monkeypatch.setattr(panel.ports.store, "read", lambda: reads.append(time.monotonic()) or read())
        time.sleep(3)
        assert len(reads) <= 3 * 4


def test_each_stream_gets_the_events_that_its_caller_may_see(panel: Panel) -> None:
    ours, theirs = (panel.key("customer", customer) for customer in ("cust_a", "cust_b"))
    with serve_http(panel.app, panel.ports) as url, follow(url, ours) as mine, follow(url, panel.admin) as all_events:
        panel.service("theirs", key=theirs)
        service = panel.service("ours", key=ours)
        seen = next(event.line for event in read_events(mine) if event.kind)
        assert seen["data"]["service_id"] == service["id"]
        assert next(event.line for event in read_events(all_events) if event.kind)["customer_id"] == "cust_b"


def test_a_stream_with_a_topic_gets_no_other_events(panel: Panel) -> None:
    first, second = panel.service("first"), panel.service("second")
    path = f"/events?topic=service:{second['id']}&after=0"
    with serve_http(panel.app, panel.ports) as url, follow(url, panel.admin, path) as stream:
        panel.post(f"/services/{first['id']}/restart")
        panel.post(f"/services/{second['id']}/restart")
        events = read_events(stream)
        seen = [next(event.line for event in events if event.kind)["data"] for _ in range(5)]
    assert {data["service_id"] for data in seen} == {second["id"]}


def test_the_streams_of_a_revoked_key_end(panel: Panel) -> None:
    key = panel.post("/v1/api-keys", {"name": "ci", "role": "viewer"}).json()
    with serve_http(panel.app, panel.ports) as url, follow(url, key["key"]) as ended, follow(url, panel.admin) as other:
        panel.delete(f"/v1/api-keys/{key['id']}")
        assert not [event for event in read_events(ended) if event.kind]
        panel.service()
        assert next(event for event in read_events(other) if event.kind)


def test_the_streams_of_a_key_and_of_a_customer_are_limited(few: Panel) -> None:
    one, other, elsewhere = (few.key("customer", customer) for customer in ("cust_a", "cust_a", "cust_b"))
    with serve_http(few.app, few.ports) as url, ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(follow(url, one))
        refused = few.get("/events", key=one, headers=STREAM)
        assert (refused.status_code, error(refused)["code"]) == (429, "rate_limited")
        assert "One key can have 3 at once" in error(refused)["details"]
        assert int(refused.headers["retry-after"]) > 0
        stack.enter_context(follow(url, other))
        assert "One customer can have 4 at once" in error(few.get("/events", key=other, headers=STREAM))["details"]
        assert status(url, elsewhere) == 200
    with serve_http(few.app, few.ports) as url:
        until(lambda: status(url, one) == 200, 10, "closed streams are not counted")


def test_followed_logs_of_one_customer_keep_no_other_away(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_streams, "_LOGS_PER_CALLER", 2)
    ours, theirs = (panel.key("customer", customer) for customer in ("cust_a", "cust_b"))
    our_logs, their_logs = (
        f"/services/{panel.service(name, key=key)['id']}/logs?follow=true"
        for name, key in (("ours", ours), ("theirs", theirs))
    )
    with serve_http(server.create(panel.ports), panel.ports) as url, ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(follow(url, ours, our_logs))
        assert status(url, ours, our_logs) == 429
        assert status(url, theirs, their_logs) == 200


def test_a_refused_stream_is_not_counted(few: Panel) -> None:
    with serve_http(few.app, few.ports) as url:
        for _ in range(5):
            assert status(url, few.admin, "/events?after=999999999") == 410
            assert few.get("/services/svc_0/logs?follow=true").status_code == 404
        until(lambda: status(url, few.admin) == 200, 10, "all streams are closed")


@pytest.mark.parametrize("path", ["/events", "/services/{service}/logs?follow=true"])
def test_sigterm_completes_the_responses_of_streams(tmp_path: Path, path: str) -> None:
    process = Process(tmp_path, "", settings={"PANEL_RUNTIME": "memory"})
    process.start()
    try:
        url = path.format(service=process.create_running(**SERVICE)["id"])
        with follow(f"http://127.0.0.1:{process.port}", process.key, url) as stream:
            stopping = Thread(target=process.stop)
            start = time.monotonic()
            stopping.start()
            for _ in stream.iter_raw():  # raises RemoteProtocolError if the last chunk is missing
                pass
            stopping.join()
            assert time.monotonic() - start < 10
    finally:
        process.kill()
    assert "Traceback" not in process.log()
