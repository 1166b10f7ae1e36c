"""The panel is killed at every step: responses stay true, and all operations finish."""

import httpx
import pytest
from docker import DockerClient

from tests import crash
from tests.engine import Images
from tests.process import Process, engine_objects, get_page, until


@pytest.mark.parametrize("moment", crash.MOMENTS)
def test_a_deployment_is_finished_by_the_next_process(
    process: Process, images: Images, engine: DockerClient, moment: str
) -> None:
    service = process.create_running(deploy_method="image", image=images.reference("web:1"), port=8080)
    process.stop()
    process.start(crash_at=moment)
    body = {"image": images.reference("web:2"), "auto_rollback": False}  # so that nothing is kept
    accepted = process.ask("POST", f"/services/{service['id']}/deploy", body)
    process.wait_crashed()
    process.start()
    assert process.wait_finished(accepted["operation_id"])["status"] == "succeeded"
    assert get_page(service["url"]) == images.reference("web:2")
    assert len(engine_objects(engine, service["id"])) == 2, "one container and one network"
    deployment = process.ask("GET", f"/deployments/{accepted['id']}")
    assert (deployment["status"], deployment["failure"]) == ("succeeded", None)


@pytest.mark.parametrize("moment", ["erased"])
def test_a_deletion_is_finished_by_the_next_process(
    process: Process, images: Images, engine: DockerClient, moment: str
) -> None:
    service = process.create_running(deploy_method="image", image=images.reference("web:1"), port=8080)
    process.stop()
    process.start(crash_at=moment)
    with pytest.raises(httpx.TransportError):
        process.ask("DELETE", f"/services/{service['id']}")
    process.wait_crashed()
    process.start()
    until(lambda: _status(process, service["id"]) == 404, 20, "deleted")
    assert engine_objects(engine, service["id"]) == []


def _status(process: Process, service_id: str) -> int:
    url = f"http://127.0.0.1:{process.port}/api/services/{service_id}"
    return httpx.get(url, headers={"Authorization": f"Bearer {process.key}"}).status_code


def test_the_next_panel_resumes_operations_of_a_stopped_one_immediately(process: Process, images: Images) -> None:
    created = process.create(deploy_method="image", image=images.reference("slow:1"), port=8080)
    until(lambda: process.ask("GET", f"/operations/{created['operation_id']}")["status"] == "running", 10, "running")
    process.stop()
    process.start()
    assert process.wait_finished(created["operation_id"], 30)["status"] == "succeeded"


def test_running_services_keep_their_url_after_a_crash(process: Process, images: Images) -> None:
    service = process.create_running(deploy_method="image", image=images.reference("web:1"), port=8080)
    process.kill()
    process.start()
    assert get_page(service["url"]) == images.reference("web:1")


def test_orphaned_containers_are_removed_from_the_engine(
    process: Process, images: Images, engine: DockerClient
) -> None:
    service = process.create_running(deploy_method="image", image=images.reference("web:1"), port=8080)
    live = engine.containers.list(filters={"label": f"panel.service={service['id']}"})[0]
    process.stop()
    labels = {**live.labels, "panel.deployment": "dep_nobody"}
    engine.containers.create(images.reference("web:1"), labels=labels, name=f"{service['id']}-orphan")
    process.start()
    until(lambda: len(engine_objects(engine, service["id"])) == 2, 45, "the orphan is gone")
    assert get_page(service["url"])


def test_an_unavailable_engine_fails_the_operation_without_its_address(process: Process, images: Images) -> None:
    process.stop()
    process.docker_host = "unix:///nowhere/docker.sock"
    process.start()
    created = process.create(deploy_method="image", image=images.reference("web:1"), port=8080)
    failure = process.wait_finished(created["operation_id"], 60)["failure"]
    assert failure["code"] == "engine_unavailable"
    assert "/nowhere/docker.sock" not in failure["message"], "tenants read it; health has the address"


def test_a_version_that_turns_unhealthy_gives_way_to_the_old_one_though_the_panel_is_killed(
    process: Process, images: Images, engine: DockerClient
) -> None:
    component = "services: {{app: {{image: {image}, expose: [8080], {more}}}}}"
    healthcheck = "healthcheck: {test: [CMD-SHELL, 'test ! -f /tmp/broken'], interval: 200ms, retries: 1}"
    command = "command: [sh, -c, '(sleep 12; touch /tmp/broken) & exec httpd -f -p 8080 -h /www']"
    old = component.format(image=images.reference("web:1"), more="restart: always")
    new = component.format(image=images.reference("web:2"), more=f"{command}, {healthcheck}")
    service = process.create_running(deploy_method="compose", compose=old)
    path = f"/services/{service['id']}"
    accepted = process.ask("POST", f"{path}/deploy", {"compose": new})
    assert process.wait_finished(accepted["operation_id"])["status"] == "succeeded"
    assert get_page(service["url"]) == images.reference("web:2")
    process.kill()
    process.start()
    deployment = f"/deployments/{accepted['id']}"
    until(lambda: process.ask("GET", deployment)["status"] == "rolled_back", 60, "it is rolled back")
    failure = process.ask("GET", deployment)["failure"]
    assert (failure["code"], "healthcheck" in failure["message"]) == ("unhealthy", True)
    until(lambda: process.ask("GET", path)["operation_id"] is None, 20, "the way back is done")
    assert get_page(service["url"]) == images.reference("web:1")
    after = process.ask("GET", path)
    assert (after["status"], after["url"]) == ("running", service["url"])
    assert len(engine_objects(engine, service["id"])) == 2, "one container and one network of the old version"
