"""The release of a deployment: derived names, labels, environment and ports."""

from dataclasses import replace
from typing import Any

import pytest

from domain import compose
from domain.adapters import memory
from domain.model.deployment import Deployment, Trigger
from domain.model.project import Component, Mount, Project
from domain.ports import Ports
from domain.ports.runtime import Image
from domain.rollout.release import Release, build_release, with_image_ports
from tests.flow import Flow, fresh


def _release(*components: Component, port: int | None = None, **given: object) -> Release:
    release = Release(
        instance="i",
        service_id="svc_1",
        subdomain="web",
        customer_id=None,
        deployment_id="dep_1",
        project=Project(components),
        environment={"A": "service", "B": "service"},
        secrets=frozenset(),
        images={},
        port=port,
        health_check=None,
        timeout=60,
    )
    return replace(release, **given)  # type: ignore[arg-type]


def test_names_are_known_before_the_engine_objects_exist():
    component = Component("web", "web:1", replicas=2, mounts=(Mount("data", "/data", read_only=True),))
    release = _release(component)
    first, second = release.containers()
    assert (first.name, second.name) == ("svc_1-dep_1-web-1", "svc_1-dep_1-web-2")
    assert first.networks == {"svc_1-dep_1-default": ("web",)}
    assert first.mounts == [Mount("svc_1-data", "/data", read_only=True)]


def test_a_volume_may_be_mounted_at_two_paths():
    mounts = (Mount("data", "/a"), Mount("data", "/b", read_only=True, no_copy=True))
    (container,) = _release(Component("web", "web:1", mounts=mounts)).containers()
    assert container.mounts == [Mount("svc_1-data", "/a"), Mount("svc_1-data", "/b", read_only=True, no_copy=True)]


def test_a_component_has_its_aliases_on_its_networks():
    component = Component("web", "web:1", networks=("a", "b"), aliases=("shop",), network_aliases={"b": ("api",)})
    (container,) = _release(component).containers()
    assert container.networks == {"svc_1-dep_1-a": ("web", "shop"), "svc_1-dep_1-b": ("web", "shop", "api")}


def test_labels_of_the_panel_win_over_those_of_the_project():
    (container,) = _release(Component("web", "web:1", labels={"panel.service": "svc_other", "mine": "1"})).containers()
    assert container.labels == {
        "panel.instance": "i",
        "panel.service": "svc_1",
        "panel.deployment": "dep_1",
        "panel.role": "web",
        "mine": "1",
    }


def test_the_environment_of_a_component_wins_over_the_services():
    (container,) = _release(Component("web", "web:1", environment={"A": "own"})).containers()
    assert container.environment == {"A": "own", "B": "service"}


def test_one_shot_components_are_not_restarted_by_the_engine():
    job = Component("job", "job:1")
    web = Component("web", "web:1", depends_on={"job": "service_completed_successfully"})
    release = _release(job, web)
    restarts = {container.component.name: container.component.restart for container in release.containers()}
    assert restarts == {"job": "no", "web": "on-failure"}, "until it is up"
    assert release.is_one_shot(job)
    assert not release.is_one_shot(web)


def test_written_volumes_are_those_not_mounted_read_only():
    component = Component("db", "db:1", mounts=(Mount("data", "/data"), Mount("seed", "/seed", read_only=True)))
    assert _release(component).writable_volumes(component) == {"svc_1-data"}


def test_pulled_images_are_started_by_their_digest():
    release = _release(Component("web", "web:1")).with_image(Image("web:1", "web@sha256:1"))
    assert [container.image for container in release.containers()] == ["web@sha256:1"]


def test_volumes_that_an_image_declares_belong_to_the_service():
    component = Component("db", "db:1", mounts=(Mount("data", "/data/"),), tmpfs=("/run:size=1m",), replicas=2)
    image = Image("db:1", "db@sha256:1", volumes=("/data", "/run", "/logs/", "/data/wal"))
    first, second = _release(component).with_image(image).containers()
    named = {mount.path: mount.volume for mount in first.mounts}
    assert named == {"/data/": "svc_1-data", "/logs": "svc_1-_db.logs", "/data/wal": "svc_1-_db.data.wal"}
    assert {mount.path: mount.volume for mount in second.mounts}["/logs"] == "svc_1-_db.logs..2"


def test_an_image_volume_is_the_one_that_a_text_without_a_name_asks_for():
    """Writing `- /data` later finds the data that the image's own declaration has kept."""
    (parsed,) = compose.check("services: {db: {image: db, volumes: [/data]}}", {}).project.components  # type: ignore[union-attr]
    (container,) = _release(Component("db", "db")).with_image(Image("db", "d", volumes=("/data",))).containers()
    assert container.mounts[0].volume == f"svc_1-{parsed.mounts[0].volume}"


def test_a_declared_volume_has_one_writer_at_a_time(ports: Ports):
    flow: Flow = fresh(ports)
    flow.runtime.images["web:1"] = memory.Behaviour(ports=(8080,), volumes=("/data",))
    service_id, running = flow.running(), []
    flow.deploy(service_id)
    states = lambda: running.append([each.state for each in flow.containers(service_id)])  # noqa: E731
    flow.work(flow.during("start", states))
    assert running == [["exited", "created"]]


def test_an_image_declares_a_limited_number_of_volumes(ports: Ports):
    flow: Flow = fresh(ports)
    flow.runtime.images["web:1"] = memory.Behaviour(volumes=tuple(f"/{number}" for number in range(51)))
    service_id = flow.ask()
    flow.work()
    failure = flow.newest(service_id).failure
    assert failure
    assert (failure.code, failure.message) == ("policy_refused", "web:1 declares more than 50 volumes")


def test_host_names_stay_over_deployments():
    first, second = _release(Component("rabbit", "rabbit:1", replicas=2)).containers()
    assert (first.component.hostname, second.component.hostname) == ("rabbit", "rabbit-2")
    (given,) = _release(Component("rabbit", "rabbit:1", hostname="mq")).containers()
    assert given.component.hostname == "mq"


@pytest.mark.parametrize(
    ("entrypoint", "component", "init"),
    [
        ((), {}, True),
        (("/docker-entrypoint.sh",), {}, True),
        (("/init",), {}, False),
        (("/usr/bin/tini", "--"), {}, False),
        (("/init",), {"init": True}, True),
        ((), {"init": False}, False),
        (("/init",), {"entrypoint": ("/bin/app",)}, True),
        ((), {"command": ("dumb-init", "app")}, False),
    ],
)
def test_images_with_an_init_process_of_their_own_get_no_other_one(
    entrypoint: tuple[str, ...], component: dict[str, Any], init: bool
):
    """s6-overlay, which many images have, refuses to run as another process than the first."""
    release = _release(Component("web", "web:1", **component)).with_image(Image("web:1", "d", entrypoint=entrypoint))
    assert [container.component.init for container in release.containers()] == [init]


def test_a_port_that_the_project_exposes_is_not_replaced_by_the_images():
    release = _release(Component("web", "web:1", expose=(80,))).with_image(Image("web:1", "web@sha256:1", (3000,)))
    assert release.public_endpoint
    assert release.public_endpoint[1] == 80


def test_a_given_port_is_exposed_if_neither_project_nor_image_expose_one():
    release = _release(Component("web", "web:1"), port=8000).with_image(Image("web:1", "web@sha256:1"))
    assert release.public_endpoint
    assert release.public_endpoint[1] == 8000


def test_secrets_are_marked_and_never_printed(ports: Ports):
    flow: Flow = fresh(ports)
    service_id = flow.ask(secrets={"PASSWORD": "s3cret-word"}, variables={"COLOUR": "blue"})
    release = build_release(flow.ports, flow.service(service_id), flow.newest(service_id))
    assert release.secrets == {"s3cret-word"}
    assert release.environment == {"PASSWORD": "s3cret-word", "COLOUR": "blue"}
    assert "s3cret-word" not in repr(release)


def test_ports_of_a_missing_image_are_ignored(ports: Ports):
    flow: Flow = fresh(ports)
    service_id = flow.ask(compose="services: {web: {image: 'own:1'}}")
    deployment: Deployment = replace(
        flow.newest(service_id), images={"own:1": "sha256:" + "0" * 64}, trigger=Trigger.ROLLBACK
    )
    release = build_release(flow.ports, flow.service(service_id), deployment)
    assert with_image_ports(flow.ports, release) == release
