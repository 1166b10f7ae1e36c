"""Events over HTTP: pages by cursor and a live stream, limited to what the caller can see."""

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


def _statuses(panel: Panel, query: str = "", key: str = "") -> list[tuple[str, str]]:
    page = panel.get(f"/events?limit=1000{query}", key=key).json()
    return [(event["type"], event["data"]["status"]) for event in page["data"]]


def test_the_events_of_a_deployment_are_listed_in_order(panel: Panel) -> None:
    service = panel.service()
    events = _statuses(panel, f"&topic=deployment:{service['deployment_id']}")
    steps = [status for kind, status in events if kind == "deploy.progress"]
    assert steps[0] == "queued"
    assert [step for step in steps if step in ("pulling", "checking", "succeeded")] == [
        "pulling",
        "checking",
        "succeeded",
    ]
    assert ("service.status", "running") in _statuses(panel, f"&topic=service:{service['id']}")


def test_pages_by_cursor_have_no_gaps_and_no_repeats(panel: Panel) -> None:
    panel.service()
    complete = [event["seq"] for event in panel.get("/events?limit=1000").json()["data"]]
    read: list[int] = []
    after = 0
    while page := panel.get(f"/events?after={after}&limit=3").json():
        read += [event["seq"] for event in page["data"]]
        after = page["next_after"]
        if after == page["latest"]:
            break
    assert read == complete
    assert complete == sorted(set(complete))


def test_deleting_a_service_publishes_an_event(panel: Panel) -> None:
    service = panel.service()
    panel.delete(f"/services/{service['id']}")
    assert ("service.status", "deleted") in _statuses(panel, f"&topic=service:{service['id']}")


def test_events_of_a_customer_are_hidden_from_other_customers(panel: Panel) -> None:
    ours, theirs = panel.key(Role.CUSTOMER, "cust_a"), panel.key(Role.CUSTOMER, "cust_b")
    service = panel.service(key=ours)
    assert _statuses(panel, key=ours)
    assert _statuses(panel, key=theirs) == []
    assert _statuses(panel, f"&topic=service:{service['id']}", key=theirs) == []
    page = panel.get("/events", key=theirs).json()
    assert page["next_after"] == page["latest"] > 0


def test_events_of_a_resource_need_the_permission_to_read_it(panel: Panel) -> None:
    panel.service()
    key = panel.key(Role.VIEWER, denied_permissions=("operations.read",))
    kinds = {kind for kind, _ in _statuses(panel, key=key)}
    assert kinds == {"deploy.progress", "service.status"}


def test_a_cursor_that_is_too_old_is_rejected_with_the_oldest_number(panel: Panel) -> None:
    panel.service()
    with panel.ports.store.begin() as work:
        work.events.remove_before(datetime(2999, 1, 1, tzinfo=UTC))
        oldest = work.events.bounds()[0]
    response = panel.get("/events?after=1")
    assert (response.status_code, response.json()["error"]["code"]) == (410, "cursor_too_old")
    assert str(oldest) in response.json()["error"]["details"]
    assert len(panel.get(f"/events?after={oldest - 1}").json()["data"]) == 1


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
@pytest.mark.parametrize("resume", ["header", "query"])
def test_a_number_that_the_panel_never_gave_is_rejected(panel: Panel, resume: str, accept: str) -> None:
    """It is of another database, such as the one before a backup was restored: waiting for it would miss events."""
    panel.service()
    latest = panel.get("/events").json()["latest"]
    headers = {"Last-Event-ID": str(latest + 1)} if resume == "header" else {}
    query = "" if headers else f"?after={latest + 1}"
    response = panel.get(f"/events{query}", headers={"Accept": accept, **headers})
    assert (response.status_code, response.json()["error"]["code"]) == (410, "cursor_unknown")
    assert f"The newest is {latest}" in response.json()["error"]["details"]
    assert panel.get(f"/events?after={latest}").json()["data"] == []


@pytest.mark.parametrize("resume", ["header", "query"])
def test_a_stream_resumes_after_the_last_received_event(panel: Panel, resume: str) -> None:
    service = panel.service()
    seen = panel.get("/events?limit=4").json()["data"][-1]["seq"]
    headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {panel.admin}"}
    headers |= {"Last-Event-ID": str(seen)} if resume == "header" else {}
    query = f"?after={seen}" if resume == "query" else ""
    latest = panel.get("/events").json()["latest"]
    with (
        serve_http(panel.app, panel.ports) as base,
        httpx.stream("GET", f"{base}/api/events{query}", headers=headers) as stream,
    ):
        read = _read(stream, lambda events: len(events) == latest - seen)
        assert [event["seq"] for event in read] == list(range(seen + 1, latest + 1))
    assert any(event["data"].get("service_id") == service["id"] for event in read)


def test_a_stream_without_a_cursor_sends_only_new_events_immediately(panel: Panel) -> None:
    panel.service("old")
    headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {panel.admin}"}
    with (
        serve_http(panel.app, panel.ports) as base,
        httpx.stream("GET", f"{base}/api/events", headers=headers) as stream,
    ):
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
