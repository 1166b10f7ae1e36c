"""The panel is killed at every moment of its work: whatever was answered stays true, and all work ends."""

import httpx
import pytest
from docker import DockerClient

from tests import crash
from tests.engine import Images
from tests.process import Process, left_at, until, visited


@pytest.mark.parametrize("moment", crash.MOMENTS)
def test_a_deployment_is_finished_by_the_next_process(
    process: Process, images: Images, engine: DockerClient, moment: str
) -> None:
    service = process.deployed(deploy_method="image", image=images.reference("web:1"), port=8080)
    process.stop()
    process.start(dying_at=moment)
    accepted = process.ask("POST", f"/services/{service['id']}/deploy", {"image": images.reference("web:2")})
    process.wait_until_dead()
    process.start()
    assert process.ended(accepted["operation_id"])["status"] == "succeeded"
    assert visited(service["url"]) == images.reference("web:2")
    assert len(left_at(engine, service["id"])) == 2, "one container and one network"
    deployment = process.ask("GET", f"/deployments/{accepted['id']}")
    assert (deployment["status"], deployment["failure"]) == ("succeeded", None)


@pytest.mark.parametrize("moment", ["erased"])
def test_a_deletion_is_finished_by_the_next_process(
    process: Process, images: Images, engine: DockerClient, moment: str
) -> None:
    service = process.deployed(deploy_method="image", image=images.reference("web:1"), port=8080)
    process.stop()
    process.start(dying_at=moment)
    with pytest.raises(httpx.TransportError):
        process.ask("DELETE", f"/services/{service['id']}")
    process.wait_until_dead()
    process.start()
    until(lambda: _status(process, service["id"]) == 404, 20, "deleted")
    assert left_at(engine, service["id"]) == []


def _status(process: Process, service_id: str) -> int:
    url = f"http://127.0.0.1:{process.port}/api/services/{service_id}"
    return httpx.get(url, headers={"Authorization": f"Bearer {process.key}"}).status_code


def test_a_panel_that_is_stopped_lets_the_next_one_take_over_at_once(process: Process, images: Images) -> None:
    created = process.create(deploy_method="image", image=images.reference("slow:1"), port=8080)
    until(lambda: process.ask("GET", f"/operations/{created['operation_id']}")["status"] == "running", 10, "running")
    process.stop()
    process.start()
    assert process.ended(created["operation_id"], 30)["status"] == "succeeded"


def test_running_services_are_reached_again_at_the_same_url_after_a_crash(process: Process, images: Images) -> None:
    service = process.deployed(deploy_method="image", image=images.reference("web:1"), port=8080)
    process.kill()
    process.start()
    assert visited(service["url"]) == images.reference("web:1")


def test_what_nobody_claims_is_swept_from_the_engine(process: Process, images: Images, engine: DockerClient) -> None:
    service = process.deployed(deploy_method="image", image=images.reference("web:1"), port=8080)
    live = engine.containers.list(filters={"label": f"panel.service={service['id']}"})[0]
    process.stop()
    labels = {**live.labels, "panel.deployment": "dep_nobody"}
    engine.containers.create(images.reference("web:1"), labels=labels, name=f"{service['id']}-orphan")
    process.start()
    until(lambda: len(left_at(engine, service["id"])) == 2, 45, "the orphan is gone")
    assert visited(service["url"])


def test_an_engine_that_is_away_fails_the_work_and_is_named(process: Process, images: Images) -> None:
    process.stop()
    process.docker_host = "unix:///nowhere/docker.sock"
    process.start()
    created = process.create(deploy_method="image", image=images.reference("web:1"), port=8080)
    failure = process.ended(created["operation_id"], 60)["failure"]
    assert failure["code"] == "engine_unavailable"
    assert "/nowhere/docker.sock" in failure["message"]
