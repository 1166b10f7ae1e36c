"""The operations of the tag `volumes` over HTTP."""

from typing import Any

import pytest

from domain.rollout.reconcile.volume_sizes import measure_volumes
from tests.calls import error
from tests.panel import Panel

COMPOSE = "services: {app: {image: 'web:1', expose: [8080], volumes: ['data:/data']}}\nvolumes: {data: }"
ATTACHED = {"name": "uploads", "mount_path": "/srv/uploads"}


def _service(panel: Panel, compose: str = COMPOSE, **fields: Any) -> str:
    body = {"name": "shop", "deploy_method": "compose", "compose": compose, **fields}
    service = panel.post("/services", body).json()
    panel.work()
    return f"/services/{service['id']}"


def _attach(panel: Panel, path: str, **fields: Any) -> Any:
    created = panel.post(f"{path}/volumes", {**ATTACHED, **fields})
    assert created.status_code == 201, created.text
    return created.json()


def _deploy(panel: Panel, path: str) -> None:
    deployment = panel.post(f"{path}/deploy").json()
    panel.work()
    assert panel.get(f"/deployments/{deployment['id']}").json()["status"] == "succeeded"


def _volumes(panel: Panel, path: str) -> dict[str, Any]:
    return {volume["name"]: volume for volume in panel.get(f"{path}/volumes").json()["data"]}


def _mounted(panel: Panel, path: str) -> dict[str, str]:
    """Return the engine's volumes of the live container by path."""
    runtime = panel.ports.runtime
    live = panel.get(path).json()["deployment_id"]
    (container,) = runtime.containers({"panel.deployment": live})
    return {volume.path: volume.name for volume in runtime.inspect(container.name).volumes}  # type: ignore[union-attr]


def test_volumes_of_the_text_are_listed_with_the_size_that_the_engine_reported(panel: Panel) -> None:
    compose = COMPOSE.replace("'data:/data'", "'./conf:/etc/conf', 'data:/data'")
    path = _service(panel, compose, files={"conf/app": {"content": "x" * 2**19}})
    volumes = _volumes(panel, path)
    assert volumes["data"]["mounts"] == [{"component": "app", "path": "/data", "read_only": False}]
    assert (volumes["data"]["attached"], volumes["data"]["size_mb"]) == (False, None)
    measure_volumes(panel.ports)
    sizes = {name: volume["size_mb"] for name, volume in _volumes(panel, path).items()}
    assert sizes == {"data": 0, ".conf": 0.5}


def test_an_attached_volume_is_mounted_by_the_next_deployment(panel: Panel) -> None:
    path = _service(panel)
    volume = _attach(panel, path, read_only=True, backup=False)
    assert volume["mounts"] == [{"component": "app", "path": "/srv/uploads", "read_only": True}]
    assert (volume["attached"], volume["backup"]) == (True, False)
    assert panel.get(path).json()["pending_changes"]
    assert "/srv/uploads" not in _mounted(panel, path)
    _deploy(panel, path)
    assert _mounted(panel, path)["/srv/uploads"] == f"{path.removeprefix('/services/')}-uploads"
    assert _volumes(panel, path)["uploads"] == volume


def test_a_detached_volume_keeps_its_data_and_can_be_attached_again(panel: Panel) -> None:
    path = _service(panel)
    volume = _attach(panel, path)
    _deploy(panel, path)
    before = _mounted(panel, path)["/srv/uploads"]
    assert panel.delete(f"{path}/volumes/{volume['id']}").status_code == 204
    _deploy(panel, path)
    assert "/srv/uploads" not in _mounted(panel, path)
    assert (_volumes(panel, path)["uploads"]["mounts"], _volumes(panel, path)["uploads"]["attached"]) == ([], False)
    again = _attach(panel, path, mount_path="/elsewhere")
    assert again["id"] == volume["id"]
    _deploy(panel, path)
    assert _mounted(panel, path)["/elsewhere"] == before


def test_data_is_deleted_only_when_that_is_asked_for_and_nothing_uses_it(panel: Panel) -> None:
    path, runtime = _service(panel, auto_rollback=False), panel.ports.runtime
    volume = _attach(panel, path)
    _deploy(panel, path)
    name, url = _mounted(panel, path)["/srv/uploads"], f"{path}/volumes/{volume['id']}"
    used = panel.delete(f"{url}?data=delete")
    assert (used.status_code, error(used)["code"]) == (409, "in_use")
    assert _volumes(panel, path)["uploads"]["attached"], "a refused request changes nothing"
    assert panel.delete(url).status_code == 204
    assert panel.delete(f"{url}?data=delete").status_code == 409, "the live version mounts it"
    _deploy(panel, path)
    assert name in runtime.volumes({})
    assert panel.delete(f"{url}?data=delete").status_code == 204
    assert name not in runtime.volumes({})
    assert "uploads" not in _volumes(panel, path)
    assert panel.delete(url).status_code == 404


def test_data_that_the_version_before_may_need_is_not_deleted(panel: Panel) -> None:
    path = _service(panel)
    url = f"{path}/volumes/{_attach(panel, path)['id']}"
    _deploy(panel, path)
    panel.delete(url)
    _deploy(panel, path)
    held = panel.delete(f"{url}?data=delete")
    assert (held.status_code, error(held)["code"]) == (409, "in_use")
    assert "uploads" in _volumes(panel, path)


def test_a_volume_of_the_text_is_changed_in_the_text(panel: Panel) -> None:
    path = _service(panel)
    url = f"{path}/volumes/{_volumes(panel, path)['data']['id']}"
    for refused in (panel.delete(url), panel.patch(url, {"mount_path": "/other"})):
        assert (refused.status_code, error(refused)["code"]) == (409, "wrong_state")
    assert panel.patch(url, {"backup": False}).json()["backup"] is False
    panel.patch(path, {"compose": "services: {app: {image: 'web:1', expose: [8080]}}"})
    panel.work()
    assert _volumes(panel, path)["data"]["mounts"] == []


def test_an_attached_volume_moves(panel: Panel) -> None:
    path = _service(panel)
    volume = _attach(panel, path)
    moved = panel.patch(f"{path}/volumes/{volume['id']}", {"mount_path": "/moved/", "read_only": True})
    assert moved.json()["mounts"] == [{"component": "app", "path": "/moved", "read_only": True}]
    _deploy(panel, path)
    assert "/moved" in _mounted(panel, path)
    stale = panel.patch(f"{path}/volumes/{volume['id']}", {"backup": True}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"mount_path": "/data"}, "mount_path"),
        ({"mount_path": "/proc/1"}, "mount_path"),
        ({"mount_path": "/srv/../../etc"}, "mount_path"),
        ({"component": "db"}, "component"),
        ({"name": "a..2"}, "name"),
        ({"name": "_app.data"}, "name"),
        ({"host_path": "/etc"}, "host_path"),
    ],
)
def test_a_volume_that_cannot_be_mounted_is_refused(panel: Panel, fields: dict[str, str], field: str) -> None:
    refused = panel.post(f"{_service(panel)}/volumes", {**ATTACHED, **fields})
    assert refused.status_code == 422, refused.text
    assert field in error(refused)["fields"]


def test_a_name_belongs_to_one_volume_of_the_service(panel: Panel) -> None:
    path = _service(panel)
    _attach(panel, path)
    for name in ("uploads", "data"):
        taken = panel.post(f"{path}/volumes", {"name": name, "mount_path": "/other"})
        assert (taken.status_code, error(taken)["code"]) == (409, "name_taken")
