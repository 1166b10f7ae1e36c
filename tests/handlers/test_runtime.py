"""Logs, metrics and containers of services over HTTP."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.adapters import memory
from domain.model.role import Role
from domain.model.sample import Sample
from domain.rollout.reconcile import observer
from domain.tasks.periodic import JOBS
from domain.work.schedules import add_schedules, run_due_jobs
from tests.calls import error
from tests.conformance import CANARY
from tests.panel import Panel

PATHS = ("logs", "metrics", "containers")


@pytest.fixture
def engine(panel: Panel) -> memory.Runtime:
    """The panel's in-memory engine."""
    assert isinstance(panel.ports.runtime, memory.Runtime)
    return panel.ports.runtime


@pytest.fixture
def service(panel: Panel) -> str:
    """The ID of a running service."""
    return str(panel.service()["id"])


def _container(panel: Panel, service_id: str) -> str:
    return str(panel.get(f"/services/{service_id}/containers").json()["data"][0]["name"])


def _lines(panel: Panel, service_id: str, query: str = "") -> list[str]:
    return [line["text"] for line in panel.get(f"/services/{service_id}/logs?{query}").json()["data"]]


def test_logs_are_returned_as_json(panel: Panel, engine: memory.Runtime, service: str) -> None:
    name = _container(panel, service)
    engine.print_lines(name, "one", "two")
    engine.print_lines(name, "three", stream="stderr")
    page = panel.get(f"/services/{service}/logs?tail=2").json()
    assert page["truncated"] is True
    assert [line["text"] for line in page["data"]] == ["two", "three"]
    last = page["data"][-1]
    assert (last["container"], last["component"], last["stream"]) == (name, "app", "stderr")
    assert datetime.fromisoformat(last["at"]) == engine.output(name)[-1].at


def test_logs_are_filtered_by_time_container_and_text(panel: Panel, engine: memory.Runtime, service: str) -> None:
    name = _container(panel, service)
    engine.print_lines(name, "alpha", "beta", "gamma")
    second = panel.get(f"/services/{service}/logs").json()["data"][1]["at"]
    assert _lines(panel, service, f"since={second}") == ["beta", "gamma"]
    assert _lines(panel, service, f"until={second}") == ["alpha"]
    assert _lines(panel, service, "search=ALPH") == ["alpha"]
    assert _lines(panel, service, f"container={name}&tail=1") == ["gamma"]
    assert _lines(panel, service, "container=app") == ["alpha", "beta", "gamma"]
    assert _lines(panel, service, "container=other") == []


def test_secrets_are_masked(panel: Panel, engine: memory.Runtime) -> None:
    service = panel.service(secrets={"TOKEN": CANARY})["id"]
    engine.print_lines(_container(panel, service), f"token {CANARY}")
    assert _lines(panel, service) == ["token ********"]
    assert _lines(panel, service, f"search={CANARY[:6]}") == []


@pytest.mark.parametrize(
    "query",
    [
        "tail=0",
        "tail=10001",
        "since=yesterday",
        "until=2026-02-30T00:00:00Z",
        "since=0001-01-01T00:00:00%2B23:00",
        "container=../x",
        "search=",
        "follow=maybe",
        "follow=true&until=2999-01-01T00:00:00Z",
        "lines=5",
    ],
)
def test_invalid_parameters_of_logs_are_rejected(panel: Panel, service: str, query: str) -> None:
    answer = panel.get(f"/services/{service}/logs?{query}")
    assert (answer.status_code, error(answer)["code"]) == (400, "bad_request")


def test_metrics_are_a_series_and_latest_is_measured_now(panel: Panel, service: str) -> None:
    watch = observer.ObserverState()
    for _ in range(20):
        observer.observe(panel.ports, watch)
        if panel.get(f"/services/{service}/metrics").json()["data"]:
            break
    watch.close()
    series = panel.get(f"/services/{service}/metrics?step=3600").json()
    assert (series["service_id"], series["step"]) == (service, 3600)
    [latest] = panel.get(f"/services/{service}/metrics?latest=true").json()["data"]
    for sample in (series["data"][0], latest):
        assert (sample["cpu_usage"], sample["memory_usage_mb"]) == (0.01, 8.0)
        assert sample["network_rx_bytes_per_second"] == sample["block_write_bytes_per_second"] == 0
    assert panel.get(f"/services/{service}/metrics").json()["step"] == 10


def test_the_worker_removes_samples_after_three_hours(panel: Panel, service: str) -> None:
    now = panel.ports.clock.now()
    with panel.ports.store.begin() as work:
        work.samples.add([Sample(service, now - timedelta(hours=hours), 0.1, 8.0) for hours in (1, 2, 4)])
    add_schedules(panel.ports, JOBS)
    run_due_jobs(panel.ports, JOBS, "wrk_test")
    with panel.ports.store.read() as work:
        assert len(work.samples.between(service, now - timedelta(days=1), now)) == 2


@pytest.mark.parametrize(
    "query",
    ["step=9", "step=3601", "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "from=2026-13-01T00:00:00Z"],
)
def test_invalid_parameters_of_metrics_are_rejected(panel: Panel, service: str, query: str) -> None:
    answer = panel.get(f"/services/{service}/metrics?{query}")
    assert (answer.status_code, error(answer)["code"]) == (400, "bad_request")


def test_containers_are_a_complete_list(panel: Panel, engine: memory.Runtime, service: str) -> None:
    listed = panel.get(f"/services/{service}/containers").json()
    [container] = listed["data"]
    assert {name: value for name, value in listed.items() if name != "data"} == {
        "total": 1,
        "page": 1,
        "per_page": 100,
        "has_more": False,
    }
    fields = {name: container[name] for name in ("component", "image", "state", "health", "exit_code", "restarts")}
    assert fields == {
        "component": "app",
        "image": "ai-admin-panel/hello:1",
        "state": "running",
        "health": None,
        "exit_code": None,
        "restarts": 0,
    }
    assert container["deployment_id"] == panel.get(f"/services/{service}").json()["deployment_id"]
    assert (container["stats"]["cpu_usage"], container["stats"]["memory_limit_mb"]) == (0.01, None)
    engine.kill(container["name"])
    [ended] = panel.get(f"/services/{service}/containers").json()["data"]
    assert (ended["state"], ended["exit_code"], ended["stats"]) == ("exited", 137, None)
    assert ended["started_at"] == container["started_at"]


def test_a_service_that_never_ran_has_no_logs_metrics_or_containers(panel: Panel) -> None:
    new = {"name": "web", "deploy_method": "image", "image": "ai-admin-panel/hello:1"}
    service = panel.post("/services", new).json()["id"]
    assert [panel.get(f"/services/{service}/{path}").json()["data"] for path in PATHS] == [[], [], []]


@pytest.mark.parametrize("path", PATHS)
def test_a_service_of_another_tenant_is_not_found(panel: Panel, path: str) -> None:
    service = panel.service(key=panel.key(Role.CUSTOMER, "cust_a"))["id"]
    for wanted in (service, "svc_nowhere"):
        answer = panel.get(f"/services/{wanted}/{path}", key=panel.key(Role.CUSTOMER, "cust_b"))
        assert (answer.status_code, error(answer)["code"]) == (404, "not_found")
        assert wanted in error(answer)["details"]


@pytest.mark.parametrize(
    ("path", "permission"),
    [("logs", "logs.read"), ("metrics", "metrics.read"), ("containers", "services.read")],
)
def test_requests_without_the_permission_are_rejected(panel: Panel, service: str, path: str, permission: str) -> None:
    assert panel.get(f"/services/{service}/{path}", key=panel.key(Role.VIEWER)).status_code == 200
    limited_key = panel.key(Role.VIEWER, denied_permissions=(permission,))
    assert panel.get(f"/services/{service}/{path}", key=limited_key).status_code == 403


def test_without_the_engine_only_stored_metrics_are_returned(
    panel: Panel, engine: memory.Runtime, service: str
) -> None:
    engine.away = True
    answers: dict[str, Any] = {
        path: panel.get(f"/services/{service}/{path}")
        for path in ("logs", "logs?follow=true", "metrics?latest=true", "containers")
    }
    for path, answer in answers.items():
        assert (answer.status_code, error(answer)["code"]) == (503, "engine_unavailable"), path
    assert panel.get(f"/services/{service}/metrics").status_code == 200
