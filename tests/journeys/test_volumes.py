"""Data in volumes that an image declares, on the real engine: it belongs to the service and stays."""

import httpx
import pytest
from docker import DockerClient

from tests.engine import Images
from tests.process import Process, engine_objects, until


def _operate(process: Process, path: str, body: dict[str, object] | None = None) -> None:
    accepted = process.ask("POST", path, body or {})
    ended = process.wait_finished(accepted.get("operation_id") or accepted["id"])
    assert ended["status"] == "succeeded", ended["failure"]


def _first(service: dict[str, str]) -> str:
    """Return the text that the first container wrote into its volume."""
    response = httpx.get(f"{service['url']}/first")
    assert response.status_code == 200
    return response.text


@pytest.mark.parametrize("volumes", ["keep", "delete"])
def test_data_in_a_volume_of_the_image_survives_all_but_its_deletion(
    process: Process, images: Images, engine: DockerClient, volumes: str
) -> None:
    image = {"deploy_method": "image", "image": images.reference("store:1"), "port": 8080}
    service = process.create_running(**image)
    path, first = f"/services/{service['id']}", _first(service)
    assert len(first.strip()) == 36
    for action in ("deploy", "deploy", "rollback", "stop", "start", "restart"):
        _operate(process, f"{path}/{action}")
        if action != "stop":
            assert _first(service) == first, action
    label = {"label": f"panel.service={service['id']}"}
    (container,) = engine.containers.list(filters=label)
    assert [mount["Name"] for mount in container.attrs["Mounts"]] == [f"{service['id']}-_app.data"]
    process.ask("DELETE", f"{path}?volumes={volumes}", expect=204)
    until(lambda: not engine_objects(engine, service["id"]), 30, "the service is removed")
    kept = [volume.name for volume in engine.volumes.list(filters=label)]
    assert kept == ([f"{service['id']}-_app.data"] if volumes == "keep" else [])
