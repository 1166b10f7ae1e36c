"""Data in volumes that an image declares, on the real engine: it belongs to the service and stays."""

import sqlite3
from contextlib import closing

import httpx
import pytest
from docker import DockerClient
from docker.models.containers import Container

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


@pytest.mark.parametrize("volumes", ["keep", "delete"])
def test_data_in_an_anonymous_volume_of_an_old_container_stays_with_the_service(
    process: Process, images: Images, engine: DockerClient, volumes: str
) -> None:
    """Containers of panels that mounted no volumes for those of images have anonymous ones."""
    image = {"deploy_method": "image", "image": images.reference("store:1"), "port": 8080}
    service = process.create_running(**image)
    path, label = f"/services/{service['id']}", {"label": f"panel.service={service['id']}"}
    _replace_by_anonymous_volume(engine, engine.containers.list(filters=label)[0])
    with closing(sqlite3.connect(process.folder / "panel.db")) as database, database:
        database.execute("UPDATE services SET anonymous_volumes = NULL WHERE id = ?", (service["id"],))
    _operate(process, f"{path}/restart")
    (container,) = engine.containers.list(filters=label)
    anonymous, first = container.attrs["Mounts"][0]["Name"], _first(service)
    for action in ("deploy", "deploy", "rollback", "stop", "start", "restart"):
        _operate(process, f"{path}/{action}")
        if action != "stop":
            assert _first(service) == first, action
    (container,) = engine.containers.list(filters=label)
    assert [mount["Name"] for mount in container.attrs["Mounts"]] == [anonymous]
    process.ask("DELETE", f"{path}?volumes={volumes}", expect=204)
    until(lambda: not engine_objects(engine, service["id"]), 30, "the service is removed")
    assert (anonymous in [volume.name for volume in engine.volumes.list()]) is (volumes == "keep")


def _replace_by_anonymous_volume(engine: DockerClient, container: Container) -> None:
    """Create a container again as it was, but without the volume that the panel has mounted."""
    found, api = container.attrs, engine.api
    (network,) = found["NetworkSettings"]["Networks"]
    host = api.create_host_config(network_mode=network, restart_policy={"Name": "unless-stopped"})
    endpoint = api.create_endpoint_config(aliases=["app"])
    container.remove(force=True)
    engine.volumes.get(found["Mounts"][0]["Name"]).remove()
    api.create_container(
        found["Config"]["Image"],
        name=found["Name"].removeprefix("/"),
        labels=found["Config"]["Labels"],
        host_config=host,
        networking_config=api.create_networking_config({network: endpoint}),
    )
