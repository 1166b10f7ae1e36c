"""The parameter wait: answered as soon as work has ended, or when the time is over; nobody else waits meanwhile."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.calls import error
from tests.operation_data import Resources
from tests.operations.plans import create_plan
from tests.panel import Panel

PATIENCE = 20.0


@contextmanager
def _later(seconds: float, act: Any) -> Iterator[None]:
    timer = threading.Timer(seconds, act)
    timer.start()
    try:
        yield
    finally:
        timer.join()


def _took(ask: Any) -> tuple[float, httpx.Response]:
    start = time.monotonic()
    answered = ask()
    return time.monotonic() - start, answered


def _queued(panel: Panel) -> dict[str, str]:
    service = panel.service()
    return dict(panel.post(f"/services/{service['id']}/deploy").json())


def test_a_wait_ends_with_the_operation(panel: Panel) -> None:
    queued = _queued(panel)
    for path in (f"/operations/{queued['operation_id']}", f"/deployments/{queued['id']}"):
        with _later(0.3, panel.work):
            seconds, answered = _took(lambda path=path: panel.get(f"{path}?wait=60"))
        assert answered.json()["status"] == "succeeded"
        assert seconds < PATIENCE


def test_a_wait_ends_when_the_operation_is_cancelled(panel: Panel) -> None:
    queued = _queued(panel)
    with _later(0.3, lambda: panel.post(f"/operations/{queued['operation_id']}/cancel")):
        seconds, answered = _took(lambda: panel.get(f"/operations/{queued['operation_id']}?wait=60"))
    assert answered.json()["status"] == "cancelled"
    assert seconds < PATIENCE


def test_a_wait_ends_after_the_given_time(panel: Panel) -> None:
    queued = _queued(panel)
    for path in (f"/operations/{queued['operation_id']}", f"/deployments/{queued['id']}"):
        seconds, answered = _took(lambda path=path: panel.get(f"{path}?wait=1"))
        assert answered.json()["status"] == "queued"
        assert 1 <= seconds < PATIENCE


def test_without_wait_or_after_the_end_the_response_comes_at_once(panel: Panel) -> None:
    queued = _queued(panel)
    path = f"/operations/{queued['operation_id']}"
    assert _took(lambda: panel.get(path))[0] < PATIENCE
    assert _took(lambda: panel.get(f"{path}?wait=0"))[0] < PATIENCE
    panel.work()
    seconds, answered = _took(lambda: panel.get(f"{path}?wait=60"))
    assert answered.json()["status"] == "succeeded"
    assert seconds < PATIENCE


def test_waiting_for_an_unknown_operation_returns_404_at_once(panel: Panel) -> None:
    for path in ("/operations/op_nowhere", "/deployments/dep_nowhere"):
        seconds, refused = _took(lambda path=path: panel.get(f"{path}?wait=60"))
        assert (refused.status_code, seconds < PATIENCE) == (404, True)


def test_a_wait_ends_when_the_resource_is_deleted(panel: Panel) -> None:
    queued = _queued(panel)
    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(panel.get, f"/deployments/{queued['id']}?wait=60")
        deleting = pool.submit(panel.request, "DELETE", f"/services/{queued['service_id']}")
        answered = waiting.result(PATIENCE)
        while not deleting.done():
            panel.work()
    assert (answered.status_code, answered.json()["status"]) == (200, "cancelled")
    assert deleting.result().status_code == 204


def test_a_finished_wait_still_honours_if_none_match(panel: Panel) -> None:
    queued = _queued(panel)
    path = f"/operations/{queued['operation_id']}"
    tag = {"If-None-Match": panel.get(path).headers["etag"]}
    assert panel.get(f"{path}?wait=1", headers=tag).status_code == 304
    with _later(0.3, panel.work):
        assert panel.get(f"{path}?wait=60", headers=tag).json()["status"] == "succeeded"


def test_a_change_by_another_process_ends_the_wait(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process writes to the same database, and notifications nobody here."""
    queued = _queued(panel)
    monkeypatch.setattr(panel.ports.notifier, "notify", lambda: None)
    with _later(0.3, panel.work):
        seconds, answered = _took(lambda: panel.get(f"/operations/{queued['operation_id']}?wait=60"))
    assert answered.json()["status"] == "succeeded"
    assert seconds < PATIENCE


def test_two_hundred_waiting_clients_block_no_other_requests(panel: Panel) -> None:
    queued = _queued(panel)
    path, headers = f"/api/operations/{queued['operation_id']}?wait=60", {"Authorization": f"Bearer {panel.admin}"}
    before = threading.active_count()
    waiting: list[Future[httpx.Response]] = [
        panel.portal.start_task_soon(panel._send, "GET", path, headers, {}) for _ in range(200)
    ]
    time.sleep(1)
    assert not any(one.done() for one in waiting)
    assert threading.active_count() - before < 100
    for _ in range(5):
        seconds, answered = _took(lambda: panel.get("/services"))
        assert (answered.status_code, seconds < 10) == (200, True)
    panel.work()
    assert {one.result(PATIENCE).json()["status"] for one in waiting} == {"succeeded"}


# ── Deleting waits by itself ─────────────────────────────────────────────────────────────────────


def test_a_failed_deletion_is_reported_and_keeps_the_service(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    service = panel.service()
    panel.ports.runtime.away = True  # type: ignore[attr-defined]
    monkeypatch.setattr("domain.rollout.rollout._PATIENCE", 0)
    refused = panel.delete(f"/services/{service['id']}")
    assert (refused.status_code, error(refused)["code"]) == (503, "engine_unavailable")
    panel.ports.runtime.away = False  # type: ignore[attr-defined]
    assert panel.get(f"/services/{service['id']}").status_code == 200
    assert panel.delete(f"/services/{service['id']}").status_code == 204


def test_a_slow_deletion_returns_its_operation(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    service = panel.service()
    monkeypatch.setattr("handlers.waiting.wait_for_deletion.__defaults__", (0.2,))
    going_on = panel.request("DELETE", f"/services/{service['id']}")
    assert (going_on.status_code, going_on.json()["kind"]) == (202, "delete")
    again = panel.request("DELETE", f"/services/{service['id']}")
    assert again.headers["location"] == going_on.headers["location"]
    panel.work()
    assert panel.get(f"/services/{service['id']}").status_code == 404


def test_a_slow_creation_or_deletion_of_a_customer_returns_its_operation(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    resources = Resources(panel)
    customer_id = resources.id("customer_id")
    body = {"name": "Slow", "contact_email": "it@slow.example", "plan_id": create_plan(resources)}
    monkeypatch.setattr("handlers.waiting.wait_for_creation.__defaults__", (0.1,))
    monkeypatch.setattr("handlers.waiting.wait_for_deletion.__defaults__", (0.1,))
    created, deleted = panel.post("/customers", body), panel.request("DELETE", f"/customers/{customer_id}")
    assert [(one.status_code, one.json()["kind"]) for one in (created, deleted)] == [
        (202, "create_customer"),
        (202, "delete_customer"),
    ]
    panel.work()
    assert panel.get(f"/customers/{created.json()['resource_id']}").json()["name"] == "Slow"
    assert panel.get(f"/customers/{customer_id}").status_code == 404
