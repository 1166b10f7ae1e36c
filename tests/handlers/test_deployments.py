"""Deployments over HTTP: deploy, stop, scale, cancel, roll back, and read."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from domain.adapters.memory import Behaviour
from tests.conformance import CANARY
from tests.panel import Panel

COMPOSE = """\
services:
  db: {image: 'shop/db:1', volumes: ['data:/data']}
  web: {image: 'shop/web:1', expose: [8080], depends_on: [db]}
volumes: {data: }
"""


def _made(panel: Panel, name: str = "web", **fields: Any) -> str:
    return f"/services/{panel.service(name, **fields)['id']}"


def _compose(panel: Panel) -> str:
    created = panel.post("/services", {"name": "shop", "deploy_method": "compose", "compose": COMPOSE}).json()
    panel.work()
    return f"/services/{created['id']}"


def _done(panel: Panel, path: str, verb: str = "deploy", body: Any = None) -> dict[str, Any]:
    accepted = panel.post(f"{path}/{verb}", body)
    assert accepted.status_code == 202, accepted.text
    panel.work()
    return dict(panel.get(f"/deployments/{accepted.json()['id']}").json())


def _refused(response: Any, status: int, code: str) -> None:
    assert (response.status_code, response.json()["error"]["code"]) == (status, code), response.text


@contextmanager
def _working(panel: Panel) -> Iterator[None]:
    """A worker goes on in threads, so that what runs can be met while it runs."""
    panel.worker.start()
    try:
        yield
    finally:
        panel.ports.runtime.release()  # type: ignore[attr-defined]
        panel.worker.stop()


def _until(panel: Panel, path: str, status: str) -> None:
    for _ in range(500):
        if panel.get(path).json()["status"] == status:
            return
        panel.ports.notifier.wait(0.05)
    raise AssertionError(f"{path} never was {status}")


# ── deploy ───────────────────────────────────────────────────────────────────────────────────────


def test_a_deployment_has_its_steps_images_and_changes(panel: Panel) -> None:
    path = _made(panel, variables={"KEEP": "1", "GONE": "1"}, secrets={"TOKEN": CANARY}, port=8080)
    first = panel.get(f"/deployments/{panel.get(path).json()['deployment_id']}").json()
    assert first["changes"]["variables_added"] == ["GONE", "KEEP", "TOKEN"]
    assert first["changes"]["compose"].startswith("--- before")
    assert (first["changes"]["settings"], first["trigger"]) == ([], "create")
    panel.put(f"{path}/env", {"variables": {"KEEP": "2", "NEW": "1"}, "secrets": {"TOKEN": None}})
    panel.patch(path, {"deploy_timeout": 9, "healthcheck": {"path": "/"}, "resources": {"memory_limit_mb": 64}})
    second = _done(panel, path, body={"image": "shop/web:2"})
    assert (second["status"], second["failure"], second["trigger"]) == ("succeeded", None, "deploy")
    assert [step["name"] for step in second["steps"]] == [
        "pulling", "creating", "starting", "checking", "routing", "cleaning",
    ]  # fmt: skip
    assert all(step["duration_ms"] >= 0 for step in second["steps"])
    assert [image["reference"] for image in second["images"]] == ["shop/web:2"]
    assert "sha256:" in second["images"][0]["digest"]
    changes = second["changes"]
    assert "+    image: shop/web:2" in changes["compose"].splitlines()
    assert (changes["variables_added"], changes["variables_removed"]) == (["NEW"], ["GONE"])
    assert changes["variables_changed"] == ["KEEP"]
    assert changes["settings"] == ["resources", "healthcheck", "deploy_timeout"]
    assert second["actor_id"] == panel.get("/auth/me").json()["id"]
    third = _done(panel, path)["changes"]
    assert third == {
        "compose": None, "variables_added": [], "variables_removed": [], "variables_changed": [], "files_added": [],
        "files_removed": [], "files_changed": [], "settings": [],
    }  # fmt: skip


def test_a_new_compose_text_or_image_becomes_the_services_own(panel: Panel) -> None:
    path = _compose(panel)
    text = COMPOSE.replace("web:1", "web:2")
    assert _done(panel, path, body={"compose": text})["status"] == "succeeded"
    assert panel.get(path).json()["compose"] == text
    refused = panel.post(f"{path}/deploy", {"compose": "services: {}"})
    _refused(refused, 422, "validation_error")
    assert panel.get(path).json()["compose"] == text


def test_a_failed_deployment_keeps_the_old_version_and_has_a_reason(panel: Panel) -> None:
    path = _made(panel)
    live = panel.get(path).json()
    panel.ports.runtime.images["shop/broken:1"] = Behaviour(exit_code=3, lines=("no such file",))  # type: ignore[attr-defined]
    failed = _done(panel, path, body={"image": "shop/broken:1"})
    assert (failed["status"], failed["failure"]["code"]) == ("failed", "container_exited")
    assert "no such file" in failed["failure"]["log"]
    service = panel.get(path).json()
    assert (service["status"], service["url"], service["deployed_at"]) == ("running", live["url"], live["deployed_at"])
    assert (service["pending_changes"], service["image"]) == (True, "shop/broken:1")


def test_queued_deployments_share_an_operation_and_its_result(panel: Panel) -> None:
    path = _made(panel)
    asked = [panel.post(f"{path}/deploy", {"image": f"shop/web:{tag}"}).json() for tag in (1, 2, 3)]
    assert len({one["operation_id"] for one in asked}) == 1
    assert panel.get(path).json()["deployment_id"] == asked[2]["id"]
    panel.work()
    ended = [panel.get(f"/deployments/{one['id']}").json() for one in asked]
    assert [one["status"] for one in ended] == ["succeeded"] * 3
    assert [one["superseded_by"] for one in ended] == [asked[2]["id"], asked[2]["id"], None]
    logs = [panel.get(f"/deployments/{one['id']}/logs").json() for one in asked]
    assert logs[0] == logs[2]
    assert logs[0]["complete"] is True


# ── start, stop, restart ─────────────────────────────────────────────────────────────────────────


def test_a_service_stops_starts_and_restarts(panel: Panel) -> None:
    path = _made(panel)
    for verb, body, status in (("stop", {"grace_seconds": 1}, "stopped"), ("start", None, "running"),
                               ("start", None, "running"), ("restart", None, "running")):  # fmt: skip
        accepted = panel.post(f"{path}/{verb}", body)
        assert (accepted.status_code, accepted.json()["kind"]) == (202, verb)
        assert accepted.headers["location"] == f"/api/operations/{accepted.json()['id']}"
        panel.work()
        assert panel.get(f"/operations/{accepted.json()['id']}").json()["status"] == "succeeded"
        assert panel.get(path).json()["status"] == status


def test_a_service_that_was_never_deployed_cannot_be_started_or_stopped(panel: Panel) -> None:
    panel.ports.runtime.images["shop/none:1"] = Behaviour(exists=False)  # type: ignore[attr-defined]
    path = _made(panel, image="shop/none:1")
    assert panel.get(path).json()["status"] == "failed"
    for verb in ("start", "stop", "restart"):
        _refused(panel.post(f"{path}/{verb}"), 409, "wrong_state")
    _refused(panel.post(f"{path}/rollback"), 409, "nothing_to_roll_back")


@pytest.mark.parametrize(
    ("method", "verb", "action"),
    [("POST", "deploy", "deploy"), ("POST", "start", "start"), ("POST", "stop", "stop"),
     ("POST", "restart", "restart"), ("POST", "rollback", "deploy"), ("PUT", "scale", "deploy")],
)  # fmt: skip
def test_a_dry_run_describes_the_changes_and_makes_none(panel: Panel, method: str, verb: str, action: str) -> None:
    path = _made(panel)
    _done(panel, path)
    before = panel.get(path), panel.get("/operations").json(), panel.get("/deployments").json()
    options = {"json": {"replicas": 2}} if verb == "scale" else {}
    tried = panel.request(method, f"{path}/{verb}?dry_run=true", **options)
    dry_run = tried.json()["dry_run"]
    assert (tried.status_code, [change["action"] for change in dry_run["changes"]]) == (202, [action])
    assert tried.json()["status"] == "queued"
    assert "location" not in tried.headers
    after = panel.get(path), panel.get("/operations").json(), panel.get("/deployments").json()
    assert (after[0].json(), after[0].headers["etag"]) == (before[0].json(), before[0].headers["etag"])
    assert after[1:] == before[1:]


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_a_line_that_a_log_does_not_have_is_no_cursor(panel: Panel, accept: str) -> None:
    path = f"/deployments/{panel.service()['deployment_id']}/logs"
    newest = panel.get(f"{path}?limit=1000").json()["data"][-1]["number"]
    assert panel.get(f"{path}?after={newest}").json()["data"] == []
    response = panel.get(f"{path}?after={newest + 1}", headers={"Accept": accept})
    assert (response.status_code, response.json()["error"]["code"]) == (410, "cursor_unknown")


# ── scale ────────────────────────────────────────────────────────────────────────────────────────


def test_a_component_is_scaled_by_name_and_the_public_one_without(panel: Panel) -> None:
    path = _compose(panel)
    for body in ({"replicas": 3, "memory_limit_mb": 32}, {"component": "db", "memory_limit_mb": 64}):
        accepted = panel.put(f"{path}/scale", body)
        assert (accepted.status_code, accepted.json()["kind"]) == (202, "deploy")
        panel.work()
        assert panel.get(f"/operations/{accepted.json()['id']}").json()["status"] == "succeeded"
    assert panel.get(path).json()["resources"]["memory_limit_mb"] == 3 * 32 + 64
    containers = panel.ports.runtime.containers({})
    roles = [container.labels["panel.role"] for container in containers if container.state == "running"]
    assert sorted(roles) == ["db", "web", "web", "web"]
    assert panel.get("/deployments?trigger=scale").json()["total"] == 2


def test_a_scaling_that_is_not_allowed_is_refused_by_field(panel: Panel) -> None:
    path = _compose(panel)
    for body, field in (
        ({"component": "db", "replicas": 2}, "replicas"),
        ({"component": "x", "replicas": 2}, "component"),
    ):
        refused = panel.put(f"{path}/scale", body)
        assert (refused.status_code, list(refused.json()["error"]["fields"])) == (422, [field])
    stale = panel.put(f"{path}/scale", {"replicas": 2}, headers={"If-Match": '"999"'})
    _refused(stale, 412, "stale")
    assert panel.get("/operations").json()["total"] == 1


# ── rollback ─────────────────────────────────────────────────────────────────────────────────────


def test_rollback_deploys_the_success_before_the_live_deployment(panel: Panel) -> None:
    path = _made(panel, image="shop/web:1", variables={"A": "1"}, resources={"memory_limit_mb": 32})
    first = panel.get(path).json()
    panel.put(f"{path}/env", {"variables": {"A": "2"}})
    panel.patch(path, {"image": "shop/web:2", "resources": {"memory_limit_mb": 64}})
    panel.work()
    panel.ports.runtime.images["shop/web:1"] = Behaviour(ports=(1,))  # type: ignore[attr-defined]  # the tag has moved
    back = _done(panel, path, "rollback")
    assert (back["status"], back["trigger"]) == ("succeeded", "rollback")
    assert back["rollback_of"] == first["deployment_id"]
    assert back["images"] == panel.get(f"/deployments/{first['deployment_id']}").json()["images"]
    service = panel.get(path).json()
    for field in ("image", "compose", "variables", "pending_changes"):
        assert service[field] == first[field], field
    assert service["resources"]["memory_limit_mb"] == 32
    forth = _done(panel, path, "rollback")
    assert panel.get(path).json()["image"] == "shop/web:2"
    assert _done(panel, path, "rollback", {"deployment_id": first["deployment_id"]})["status"] == "succeeded"
    assert forth["status"] == "succeeded"


def test_only_a_deployment_that_ran_and_succeeded_can_be_rolled_back_to(panel: Panel) -> None:
    path = _made(panel)
    _refused(panel.post(f"{path}/rollback"), 409, "nothing_to_roll_back")
    panel.ports.runtime.images["shop/none:1"] = Behaviour(exists=False)  # type: ignore[attr-defined]
    failed = _done(panel, path, body={"image": "shop/none:1"})
    superseded = panel.post(f"{path}/deploy", {"image": "shop/web:1"}).json()
    _done(panel, path)
    for deployment in (failed, superseded):
        _refused(panel.post(f"{path}/rollback", {"deployment_id": deployment["id"]}), 409, "nothing_to_roll_back")
    other = panel.get(_made(panel, "other")).json()["deployment_id"]
    for unknown in (other, "dep_01aaaaaaaaaaaaaaaaaaaaaaaa"):
        refused = panel.post(f"{path}/rollback", {"deployment_id": unknown})
        _refused(refused, 404, "not_found")
        assert unknown in refused.json()["error"]["details"]


# ── cancel ───────────────────────────────────────────────────────────────────────────────────────


def test_a_queued_deployment_is_cancelled_without_the_others(panel: Panel) -> None:
    path = _made(panel)
    first, second, third = (panel.post(f"{path}/deploy", {"image": f"shop/web:{tag}"}).json() for tag in (1, 2, 3))
    for gone in (first, third):
        cancelled = panel.post(f"/deployments/{gone['id']}/cancel")
        assert (cancelled.status_code, cancelled.json()["status"]) == (202, "cancelled")
        assert cancelled.json()["failure"]["code"] == "cancelled"
        _refused(panel.post(f"/deployments/{gone['id']}/cancel"), 409, "already_ended")
    panel.work()
    assert panel.get(f"/deployments/{second['id']}").json()["status"] == "succeeded"
    assert panel.get(path).json()["image"] == "shop/web:3"
    assert panel.get(path).json()["pending_changes"] is True, "what runs is what the second one asked for"


def test_a_running_deployment_is_stopped_and_undone_and_the_queue_moves_on(panel: Panel) -> None:
    path = _made(panel)
    panel.ports.runtime.images["shop/slow:1"] = Behaviour(hangs=True)  # type: ignore[attr-defined]
    with _working(panel):
        running = panel.post(f"{path}/deploy", {"image": "shop/slow:1"}).json()
        _until(panel, f"/deployments/{running['id']}", "pulling")
        waiting = panel.post(f"{path}/deploy", {"image": "shop/web:2"}).json()
        assert waiting["operation_id"] != running["operation_id"]
        assert panel.post(f"/deployments/{running['id']}/cancel").status_code == 202
        ended = panel.get(f"/deployments/{running['id']}?wait=30").json()
        assert (ended["status"], ended["failure"]["code"]) == ("cancelled", "cancelled")
        assert panel.get(f"/deployments/{waiting['id']}?wait=30").json()["status"] == "succeeded"


def test_cancelling_a_superseded_deployment_keeps_its_successor_running(panel: Panel) -> None:
    path = _made(panel)
    panel.ports.runtime.images["shop/slow:1"] = Behaviour(hangs=True)  # type: ignore[attr-defined]
    first, second = (panel.post(f"{path}/deploy", {"image": "shop/slow:1"}).json() for _ in range(2))
    with _working(panel):
        _until(panel, f"/deployments/{second['id']}", "pulling")
        assert panel.post(f"/deployments/{first['id']}/cancel").json()["status"] == "cancelled"
        panel.ports.runtime.release()  # type: ignore[attr-defined]
        assert panel.get(f"/deployments/{second['id']}?wait=30").json()["status"] == "succeeded"
    assert panel.get(f"/deployments/{first['id']}").json()["status"] == "cancelled"
