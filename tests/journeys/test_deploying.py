"""Deployments on the real engine, as a user sees them."""

import socket
import threading
import time

import httpx
import pytest
from docker import DockerClient

from tests.engine import Images
from tests.process import Process, engine_objects, until


def _image(images: Images, name: str) -> dict[str, object]:
    return {"deploy_method": "image", "image": images.reference(name), "port": 8080}


def test_a_deployed_image_answers_at_its_url(process: Process, images: Images) -> None:
    service = process.create_running(**_image(images, "web:1"))
    assert service["status"] == "running"
    assert httpx.get(service["url"]).text == images.reference("web:1")


def test_requests_never_fail_during_a_deployment(process: Process, images: Images) -> None:
    service = process.create_running(**_image(images, "web:1"))
    seen: list[str] = []
    done = threading.Event()
    fresh = threading.Thread(target=_visit, args=(service["url"], seen, done, False))
    kept = threading.Thread(target=_visit, args=(service["url"], seen, done, True))
    fresh.start(), kept.start()
    for version in ("web:2", "web:1", "web:2"):
        accepted = process.ask("POST", f"/services/{service['id']}/deploy", {"image": images.reference(version)})
        assert process.wait_finished(accepted["operation_id"])["status"] == "succeeded"
    done.set()
    fresh.join(), kept.join()
    assert {images.reference("web:1"), images.reference("web:2")} == set(seen)
    assert httpx.get(service["url"]).text == images.reference("web:2")


def _visit(url: str, seen: list[str], done: threading.Event, keep_alive: bool) -> None:
    """Record each response, or the error of a failed request."""
    with httpx.Client(limits=httpx.Limits(max_keepalive_connections=int(keep_alive))) as client:
        while not done.is_set():
            try:
                seen.append(client.get(url).text)
            except httpx.TransportError as fault:
                seen.append(repr(fault))
            time.sleep(0.005)


def test_a_version_that_never_gets_healthy_leaves_the_old_one_serving(
    process: Process, images: Images, engine: DockerClient
) -> None:
    service = process.create_running(**_image(images, "web:1"))
    accepted = process.ask("POST", f"/services/{service['id']}/deploy", {"image": images.reference("unhealthy:1")})
    operation = process.wait_finished(accepted["operation_id"])
    assert (operation["status"], operation["failure"]["code"]) == ("failed", "unhealthy")
    assert httpx.get(service["url"]).text == images.reference("web:1")
    assert len(engine_objects(engine, service["id"])) == 2, "one container and one network of the old version"
    assert process.ask("GET", f"/services/{service['id']}")["status"] == "running"


def test_a_version_that_exits_fails_with_its_last_lines(process: Process, images: Images) -> None:
    created = process.create(**_image(images, "crash:1"))
    failure = process.wait_finished(created["operation_id"])["failure"]
    assert failure["code"] == "container_exited"
    assert failure["log"][:2] == ["opening the database", "cannot open it"]


def test_a_missing_image_is_named(process: Process, images: Images, engine: DockerClient) -> None:
    created = process.create(**_image(images, "nothing:1"))
    failure = process.wait_finished(created["operation_id"])["failure"]
    assert failure["code"] == "image_missing"
    assert "nothing:1" in failure["message"]
    assert engine_objects(engine, created["id"]) == []


def test_rollback_brings_back_the_same_digest_when_the_tag_has_moved(process: Process, images: Images) -> None:
    tag = "moving:1"
    images.push(tag, ExposedPorts={"8080/tcp": {}}, files={"www/index.html": b"first"})
    service = process.create_running(**_image(images, tag))
    first = process.ask("GET", f"/deployments/{service['deployment_id']}")["images"]
    images.push(tag, ExposedPorts={"8080/tcp": {}}, files={"www/index.html": b"second"})
    accepted = process.ask("POST", f"/services/{service['id']}/deploy", {})
    process.wait_finished(accepted["operation_id"])
    assert httpx.get(service["url"]).text == "second"
    back = process.ask("POST", f"/services/{service['id']}/rollback", {})
    assert process.wait_finished(back["operation_id"])["status"] == "succeeded"
    assert httpx.get(service["url"]).text == "first"
    again = process.ask("GET", f"/deployments/{back['id']}")
    assert again["images"] == first
    assert again["rollback_of"] == service["deployment_id"]


def test_a_deployment_is_cancelled_during_its_health_check(
    process: Process, images: Images, engine: DockerClient
) -> None:
    service = process.create_running(**_image(images, "web:1"))
    path = f"/services/{service['id']}/deploy"
    accepted = process.ask("POST", path, {"image": images.reference("slow:1")})
    until(lambda: process.ask("GET", f"/deployments/{accepted['id']}")["status"] == "checking", 20, "checking")
    process.ask("POST", f"/deployments/{accepted['id']}/cancel", expect=202)
    assert process.wait_finished(accepted["operation_id"])["status"] == "cancelled"
    assert httpx.get(service["url"]).text == images.reference("web:1")
    assert len(engine_objects(engine, service["id"])) == 2
    again = process.ask("POST", path, {"image": images.reference("web:2")})
    assert process.wait_finished(again["operation_id"])["status"] == "succeeded"


def test_a_deployment_is_cancelled_while_the_registry_does_not_respond(process: Process, images: Images) -> None:
    service = process.create_running(**_image(images, "web:1"))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        image = f"127.0.0.1:{silent.getsockname()[1]}/any/any:1"
        accepted = process.ask("POST", f"/services/{service['id']}/deploy", {"image": image})
        until(lambda: process.ask("GET", f"/deployments/{accepted['id']}")["status"] == "pulling", 20, "pulling")
        process.ask("POST", f"/operations/{accepted['operation_id']}/cancel", expect=202)
        assert process.wait_finished(accepted["operation_id"], 10)["status"] == "cancelled"
    assert httpx.get(service["url"]).text == images.reference("web:1")


def test_queued_deployments_are_merged_into_the_newest(process: Process, images: Images) -> None:
    service = process.create_running(**_image(images, "slow:1"))
    path = f"/services/{service['id']}/deploy"
    running = process.ask("POST", path, {"image": images.reference("slow:1")})
    until(lambda: process.ask("GET", f"/deployments/{running['id']}")["status"] != "queued", 20, "begun")
    waiting = [process.ask("POST", path, {"image": images.reference(name)}) for name in ("web:1", "web:1", "web:2")]
    assert len({each["operation_id"] for each in waiting}) == 1
    process.wait_finished(waiting[-1]["operation_id"])
    ended = [process.ask("GET", f"/deployments/{each['id']}") for each in waiting]
    assert [each["status"] for each in ended] == ["succeeded"] * 3
    assert [each["superseded_by"] for each in ended] == [waiting[2]["id"], waiting[2]["id"], None]
    assert httpx.get(service["url"]).text == images.reference("web:2")


def test_a_deleted_service_leaves_nothing_at_the_engine(process: Process, images: Images, engine: DockerClient) -> None:
    compose = f"""
services:
  web:
    image: {images.reference("web:1")}
    expose: [8080]
    volumes: [data:/data]
volumes: {{data: }}
"""
    service = process.create_running(deploy_method="compose", compose=compose)
    process.ask("DELETE", f"/services/{service['id']}?volumes=delete", expect=204)
    assert engine_objects(engine, service["id"]) == []
    assert engine.volumes.list(filters={"label": f"panel.service={service['id']}"}) == []
    with pytest.raises(httpx.TransportError):
        httpx.get(service["url"])


def test_volumes_keep_data_across_deployments(process: Process, images: Images, engine: DockerClient) -> None:
    compose = f"""
services:
  web:
    image: {images.reference("web:1")}
    command: [sh, -c, "echo $$VERSION >> /www/log && exec httpd -f -p 8080 -h /www"]
    environment: [VERSION]
    expose: [8080]
    volumes: [data:/www]
volumes: {{data: }}
"""
    service = process.create_running(deploy_method="compose", compose=compose, variables={"VERSION": "one"})
    process.ask("PATCH", f"/services/{service['id']}/env", {"variables": {"VERSION": "two"}})
    accepted = process.ask("POST", f"/services/{service['id']}/deploy", {})
    assert process.wait_finished(accepted["operation_id"])["status"] == "succeeded"
    assert httpx.get(f"{service['url']}/log").text == "one\ntwo\n"


def test_a_service_keeps_its_url_when_stopped_and_started(process: Process, images: Images) -> None:
    service = process.create_running(**_image(images, "web:1"))
    process.wait_finished(process.ask("POST", f"/services/{service['id']}/stop", {"grace_seconds": 1})["id"])
    assert process.ask("GET", f"/services/{service['id']}")["status"] == "stopped"
    with pytest.raises(httpx.TransportError):
        httpx.get(service["url"])
    process.wait_finished(process.ask("POST", f"/services/{service['id']}/start")["id"])
    assert httpx.get(service["url"]).text == images.reference("web:1")


def test_a_stopped_service_starts_again_when_its_network_was_pruned(
    process: Process, images: Images, engine: DockerClient
) -> None:
    service = process.create_running(**_image(images, "web:1"))
    process.wait_finished(process.ask("POST", f"/services/{service['id']}/stop", {"grace_seconds": 1})["id"])
    engine.networks.prune(filters={"label": f"panel.service={service['id']}"})
    started = process.ask("POST", f"/services/{service['id']}/start")
    assert process.wait_finished(started["id"])["status"] == "succeeded"
    assert httpx.get(service["url"]).text == images.reference("web:1")
    assert len(engine_objects(engine, service["id"])) == 2, "one container and one network"


def test_scaled_services_answer_from_every_replica(process: Process, images: Images, engine: DockerClient) -> None:
    service = process.create_running(**_image(images, "web:1"))
    scaled = process.ask("PUT", f"/services/{service['id']}/scale", {"replicas": 3, "memory_limit_mb": 32})
    assert process.wait_finished(scaled["id"])["status"] == "succeeded"
    label = {"label": f"panel.service={service['id']}"}
    limits = [each.attrs["HostConfig"]["Memory"] for each in engine.containers.list(filters=label)]
    assert limits == [32 * 1024 * 1024] * 3
    restarted = process.ask("POST", f"/services/{service['id']}/restart")
    assert process.wait_finished(restarted["id"])["status"] == "succeeded"
    assert httpx.get(service["url"]).status_code == 200


def test_a_container_killed_at_the_engine_is_reported_within_seconds(
    process: Process, images: Images, engine: DockerClient
) -> None:
    compose = f"services: {{web: {{image: '{images.reference('web:1')}', expose: [8080], restart: 'no'}}}}"
    service = process.create_running(deploy_method="compose", compose=compose)
    engine.containers.list(filters={"label": f"panel.service={service['id']}"})[0].kill()
    until(lambda: process.ask("GET", f"/services/{service['id']}")["status"] == "failed", 6, "failed")
    process.wait_finished(process.ask("POST", f"/services/{service['id']}/start")["id"])
    assert process.ask("GET", f"/services/{service['id']}")["status"] == "running"
