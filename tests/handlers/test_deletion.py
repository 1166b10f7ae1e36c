"""Deletion of services over HTTP: idle, with operations, in parallel, with and without volumes."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from domain.adapters.memory import Behaviour
from tests.panel import Panel

COMPOSE = "services: {web: {image: a, volumes: ['data:/data']}}\nvolumes: {data: }"


def _made(panel: Panel) -> str:
    created = panel.post("/services", {"name": "shop", "deploy_method": "compose", "compose": COMPOSE}).json()
    panel.work()
    return f"/services/{created['id']}"


def _operations(panel: Panel, path: str) -> list[tuple[str, str]]:
    found = panel.get(f"/operations?resource_id={path.rsplit('/', 1)[1]}&sort=created_at&order=asc").json()["data"]
    return [(one["kind"], one["status"]) for one in found]


def _left(panel: Panel) -> tuple[int, int, int]:
    runtime = panel.ports.runtime
    return len(runtime.containers({})), len(runtime.networks({})), len(runtime.volumes({}))


def test_a_deleted_service_is_gone_and_its_volumes_stay_by_default(panel: Panel) -> None:
    path = _made(panel)
    assert panel.delete(path).status_code == 204
    assert panel.get(path).status_code == 404
    assert _left(panel) == (0, 0, 1)
    assert panel.delete(path).status_code == 404
    path = _made(panel)
    assert panel.delete(f"{path}?volumes=delete").status_code == 204
    assert _left(panel) == (0, 0, 1), "its own volume is gone, that of the one before is nobody's to remove"


def test_operations_go_with_a_deleted_service_except_its_deletion(panel: Panel) -> None:
    path = _made(panel)
    operation = panel.get("/operations").json()["data"][0]
    panel.delete(path)
    assert panel.get(f"/operations/{operation['id']}").status_code == 404
    assert _operations(panel, path) == [("delete", "succeeded")]
    assert panel.get(f"/deployments/{operation['deployment_id']}").status_code == 404
    assert panel.get("/deployments").json()["total"] == 0


def test_the_name_of_a_deleted_service_can_be_reused(panel: Panel) -> None:
    panel.delete(_made(panel))
    assert panel.get(_made(panel)).json()["name"] == "shop"


def test_a_dry_run_deletes_nothing(panel: Panel) -> None:
    path = _made(panel)
    before = panel.get(path)
    tried = panel.request("DELETE", f"{path}?volumes=delete&dry_run=true")
    assert (tried.status_code, tried.json()["kind"], tried.json()["status"]) == (202, "delete", "queued")
    (change,) = tried.json()["dry_run"]["changes"]
    assert (change["action"], change["id"]) == ("delete", before.json()["id"])
    assert "with its data" in change["summary"]
    kept = panel.request("DELETE", f"{path}?dry_run=true").json()["dry_run"]
    assert "keeps" in kept["changes"][0]["summary"]
    assert panel.get(f"/operations/{tried.json()['id']}").status_code == 404
    after = panel.get(path)
    assert (after.json(), after.headers["etag"]) == (before.json(), before.headers["etag"])


def test_queued_operations_are_cancelled_by_the_deletion(panel: Panel) -> None:
    path = _made(panel)
    waiting = [panel.post(f"{path}/deploy").json() for _ in range(2)]
    panel.post(f"{path}/stop")
    assert panel.delete(path).status_code == 204
    assert _operations(panel, path) == [("deploy", "cancelled"), ("stop", "cancelled"), ("delete", "succeeded")]
    assert panel.get(f"/operations/{waiting[0]['operation_id']}").json()["failure"]["code"] == "cancelled"


def test_a_running_operation_is_cancelled_before_the_deletion(panel: Panel) -> None:
    path = _made(panel)
    runtime: Any = panel.ports.runtime
    runtime.images["b"] = Behaviour(hangs=True)
    panel.worker.start()
    try:
        running = panel.post(f"{path}/deploy", {"compose": COMPOSE.replace("image: a", "image: b")}).json()
        while panel.get(f"/deployments/{running['id']}").json()["status"] != "pulling":
            panel.ports.notifier.wait(0.05)
        assert panel.request("DELETE", f"{path}?volumes=delete").status_code == 204
    finally:
        runtime.release()
        panel.worker.stop()
    assert _operations(panel, path) == [("deploy", "cancelled"), ("delete", "succeeded")]
    assert _left(panel) == (0, 0, 0)


def test_parallel_requests_share_one_deletion(panel: Panel) -> None:
    path = _made(panel)
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(panel.request, "DELETE", path) for _ in range(3)]
        while _operations(panel, path)[-1][0] != "delete":
            panel.ports.notifier.wait(0.02)
        while not all(one.done() for one in asked):
            panel.ports.notifier.wait(0.05)
            panel.work()
        answers = {one.result().status_code for one in asked}
    assert 204 in answers
    assert answers <= {204, 404}, "whoever comes after the end finds nothing"
    assert _operations(panel, path) == [("delete", "succeeded")]


def test_a_deletion_with_volumes_is_not_merged_into_one_that_keeps_them(panel: Panel) -> None:
    path = _made(panel)
    with ThreadPoolExecutor(2) as pool:
        keeping = pool.submit(panel.request, "DELETE", path)
        while len(_operations(panel, path)) < 2:
            panel.ports.notifier.wait(0.02)
        deleting = pool.submit(panel.request, "DELETE", f"{path}?volumes=delete")
        while len(_operations(panel, path)) < 3:
            panel.ports.notifier.wait(0.02)
        panel.work()
        assert (keeping.result().status_code, deleting.result().status_code) == (204, 204)
    assert _left(panel) == (0, 0, 0)


def test_a_deletion_that_is_cancelled_before_it_starts_keeps_the_service(panel: Panel) -> None:
    path = _made(panel)
    with ThreadPoolExecutor(1) as pool:
        deleting = pool.submit(panel.request, "DELETE", path)
        while ("delete", "queued") not in _operations(panel, path):
            panel.ports.notifier.wait(0.02)
        operation = panel.get(f"/operations?resource_id={path.rsplit('/', 1)[1]}").json()["data"][0]
        assert panel.post(f"/operations/{operation['id']}/cancel").status_code == 202
        refused = deleting.result()
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict")
    assert panel.get(path).json()["status"] == "running"


def test_a_deletion_keeps_the_service_while_the_engine_is_unavailable(panel: Panel) -> None:
    path = _made(panel)
    runtime: Any = panel.ports.runtime
    refuse = runtime.remove_volume
    runtime.remove_volume = lambda name: None
    failed = panel.delete(f"{path}?volumes=delete")
    assert (failed.status_code, failed.json()["error"]["code"]) == (503, "engine_unavailable")
    assert panel.get(path).status_code == 200
    runtime.remove_volume = refuse
    assert panel.delete(f"{path}?volumes=delete").status_code == 204
    assert _left(panel) == (0, 0, 0)
