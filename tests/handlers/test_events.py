"""Events over HTTP: a page after a cursor, a stream as they happen, each caller its own."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest

from domain.model.role import Role
from tests.http_server import serve_http
from tests.panel import Panel


def _told(panel: Panel, query: str = "", key: str = "") -> list[tuple[str, str]]:
    page = panel.get(f"/events?limit=1000{query}", key=key).json()
    return [(event["type"], event["data"]["status"]) for event in page["data"]]


def test_everything_that_a_deployment_does_is_told_in_order(panel: Panel) -> None:
    service = panel.service()
    told = _told(panel, f"&topic=deployment:{service['deployment_id']}")
    steps = [status for kind, status in told if kind == "deploy.progress"]
    assert steps[0] == "queued"
    assert [step for step in steps if step in ("pulling", "checking", "succeeded")] == [
        "pulling",
        "checking",
        "succeeded",
    ]
    assert ("service.status", "running") in _told(panel, f"&topic=service:{service['id']}")


def test_pages_follow_each_other_by_the_cursor_without_gap_or_repetition(panel: Panel) -> None:
    panel.service()
    whole = [event["seq"] for event in panel.get("/events?limit=1000").json()["data"]]
    read: list[int] = []
    after = 0
    while page := panel.get(f"/events?after={after}&limit=3").json():
        read += [event["seq"] for event in page["data"]]
        after = page["next_after"]
        if after == page["latest"]:
            break
    assert read == whole
    assert whole == sorted(set(whole))


def test_a_deleted_service_says_so_at_last(panel: Panel) -> None:
    service = panel.service()
    panel.delete(f"/services/{service['id']}")
    assert ("service.status", "deleted") in _told(panel, f"&topic=service:{service['id']}")


def test_what_happens_to_another_customers_things_is_told_to_nobody_else(panel: Panel) -> None:
    ours, theirs = panel.key(Role.CUSTOMER, "cust_a"), panel.key(Role.CUSTOMER, "cust_b")
    service = panel.service(key=ours)
    assert _told(panel, key=ours)
    assert _told(panel, key=theirs) == []
    assert _told(panel, f"&topic=service:{service['id']}", key=theirs) == []
    page = panel.get("/events", key=theirs).json()
    assert page["next_after"] == page["latest"] > 0


def test_a_caller_without_the_permission_of_a_thing_is_not_told_of_it(panel: Panel) -> None:
    panel.service()
    key = panel.key(Role.VIEWER, denied_permissions=("operations.read",))
    kinds = {kind for kind, _ in _told(panel, key=key)}
    assert kinds == {"deploy.progress", "service.status"}


def test_a_cursor_that_is_too_old_is_refused_and_told_the_oldest(panel: Panel) -> None:
    panel.service()
    with panel.ports.store.begin() as work:
        work.events.remove_before(datetime(2999, 1, 1, tzinfo=UTC))
        oldest = work.events.bounds()[0]
    answer = panel.get("/events?after=1")
    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "cursor_too_old")
    assert str(oldest) in answer.json()["error"]["details"]
    assert len(panel.get(f"/events?after={oldest - 1}").json()["data"]) == 1


@pytest.mark.parametrize("resume", ["header", "query"])
def test_a_stream_tells_what_follows_the_last_event_that_was_seen(panel: Panel, resume: str) -> None:
    service = panel.service()
    seen = panel.get("/events?limit=4").json()["data"][-1]["seq"]
    headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {panel.admin}"}
    headers |= {"Last-Event-ID": str(seen)} if resume == "header" else {}
    query = f"?after={seen}" if resume == "query" else ""
    latest = panel.get("/events").json()["latest"]
    with serve_http(panel.app) as base, httpx.stream("GET", f"{base}/api/events{query}", headers=headers) as stream:
        read = _read(stream, lambda events: len(events) == latest - seen)
        assert [event["seq"] for event in read] == list(range(seen + 1, latest + 1))
    assert any(event["data"].get("service_id") == service["id"] for event in read)


def test_a_stream_without_a_cursor_tells_only_news_and_at_once(panel: Panel) -> None:
    panel.service("old")
    headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {panel.admin}"}
    with serve_http(panel.app) as base, httpx.stream("GET", f"{base}/api/events", headers=headers) as stream:
        later = threading.Timer(0.3, panel.service, ["new"])
        later.start()
        read = _read(stream, lambda events: events[-1]["data"]["status"] == "succeeded")
        later.join()
    latest = panel.get("/services?search=new").json()["data"][0]
    assert {event["data"]["service_id"] for event in read} == {latest["id"]}


def _read(stream: httpx.Response, enough: Callable[[list[Any]], bool]) -> list[Any]:
    events: list[Any] = []
    for line in stream.iter_lines():
        if line.startswith("data: "):
            events.append(orjson.loads(line[6:]))
            if enough(events):
                break
    return events
