"""Anonymous volumes of containers that were created without volumes of the service: their data stays."""

import pytest

from domain.adapters import memory
from domain.ports import Ports
from tests.flow import Flow, Killed, Trap, fresh

PLAIN = "services: {app: {image: 'web:1', expose: [8080], scale: 2}}"
NAMED = "services: {app: {image: 'web:1', expose: [8080], volumes: ['data:/data']}}\nvolumes: {data: }"
RENAMED = "services: {web: {image: 'web:1', expose: [8080]}}"
SHARED = NAMED.replace("}}", "}, web: {image: 'web:1', volumes: ['data:/data']}}", 1)


@pytest.fixture
def flow(ports: Ports) -> Flow:
    flow = fresh(ports)
    flow.runtime.images["web:1"] = memory.Behaviour(ports=(8080,), volumes=("/data",))
    return flow


def _old_service(flow: Flow, monkeypatch: pytest.MonkeyPatch, compose: str = PLAIN) -> str:
    """Create a service as panels did that mounted no volumes for those of images."""
    with monkeypatch.context() as before:
        before.setattr("domain.rollout.release.mount_declared_volumes", lambda project, _image: project)
        service_id = flow.running(compose=compose)
    with flow.ports.store.begin() as work:
        service = work.services.get(service_id)
        assert service
        service.anonymous_volumes = None
        work.services.save(service)
    return service_id


def _volumes(flow: Flow, service_id: str) -> dict[str, str]:
    """Return the volume of each live container at /data, by component and number."""
    live = flow.service(service_id).live_deployment_id
    volumes = {}
    for container in flow.containers(service_id):
        if container.labels["panel.deployment"] == live:
            seen = flow.runtime.inspect(container.name)
            volumes[container.name.partition(f"{live}-")[2]] = seen.volumes[0].name
    return volumes


def _all(flow: Flow) -> set[str]:
    """Return the names of all volumes of the engine."""
    return set(flow.runtime.volumes({}))


def test_all_later_versions_mount_the_anonymous_volumes(flow: Flow, monkeypatch: pytest.MonkeyPatch):
    service_id = _old_service(flow, monkeypatch)
    before = _volumes(flow, service_id)
    assert {len(name) for name in before.values()} == {64}
    deployed = flow.redeploy(service_id)
    assert f"The new version mounts the anonymous volume {before['app-1']}, which holds /data" in flow.log(deployed.id)
    assert _volumes(flow, service_id) == before
    flow.redeploy(service_id)
    flow.stop(service_id), flow.start(service_id), flow.restart(service_id), flow.work()
    assert _volumes(flow, service_id) == before
    flow.ports.clock.sleep(60)
    flow.sweep()
    assert set(before.values()) == _all(flow), "no volume is created beside them"


def test_a_volume_that_the_text_names_begins_with_the_anonymous_data(flow: Flow, monkeypatch: pytest.MonkeyPatch):
    service_id = _old_service(flow, monkeypatch, PLAIN.replace(", scale: 2", ""))
    before = _volumes(flow, service_id)
    for compose in (NAMED, SHARED, RENAMED.replace("web:", "app:", 1)):
        assert flow.redeploy(service_id, compose=compose).status == "succeeded"
        assert set(_volumes(flow, service_id).values()) == set(before.values())


def test_the_old_writer_stops_before_the_new_one_starts(flow: Flow, monkeypatch: pytest.MonkeyPatch):
    service_id = _old_service(flow, monkeypatch, PLAIN.replace(", scale: 2", ""))
    running: list[int] = []
    flow.deploy(service_id, compose=NAMED)
    containers = lambda: [each for each in flow.containers(service_id) if each.state == "running"]  # noqa: E731
    flow.work(flow.during("start", lambda: running.append(len(containers()))))
    assert running == [0]


@pytest.mark.parametrize("volumes", ["keep", "delete"])
def test_a_volume_without_a_place_is_kept_until_the_data_is_deleted(
    flow: Flow, monkeypatch: pytest.MonkeyPatch, volumes: str
):
    service_id = _old_service(flow, monkeypatch)
    before = set(_volumes(flow, service_id).values())
    deployed = flow.redeploy(service_id, compose=RENAMED)
    assert deployed.status == "succeeded"
    for name in before:
        assert f"the new version does not mount the anonymous volume {name}, which holds /data of app" in flow.log(
            deployed.id
        )
    flow.redeploy(service_id), flow.ports.clock.sleep(60), flow.sweep()
    assert before < _all(flow)
    flow.delete(service_id, volumes), flow.work()
    assert not flow.exists(service_id)
    assert _all(flow) & before == (before if volumes == "keep" else set())


def test_two_anonymous_volumes_for_one_named_volume_are_both_kept(flow: Flow, monkeypatch: pytest.MonkeyPatch):
    service_id = _old_service(flow, monkeypatch)
    first, second = sorted(_volumes(flow, service_id).items())
    deployed = flow.redeploy(service_id, compose=NAMED)
    assert _volumes(flow, service_id) == {"app-1": first[1]}
    assert f"does not mount the anonymous volume {second[1]}" in flow.log(deployed.id)


def test_a_failed_deployment_leaves_the_data_with_the_old_version(flow: Flow, monkeypatch: pytest.MonkeyPatch):
    service_id = _old_service(flow, monkeypatch)
    before = _volumes(flow, service_id)
    flow.runtime.images["web:2"] = memory.Behaviour(ports=(8080,), volumes=("/data",), exit_code=1)
    assert flow.redeploy(service_id, compose=PLAIN.replace("web:1", "web:2")).status == "rolled_back"
    assert _volumes(flow, service_id) == before
    assert flow.redeploy(service_id, compose=PLAIN).status == "succeeded"
    assert _volumes(flow, service_id) == before


def test_containers_that_are_replaced_at_a_start_keep_the_data(flow: Flow, monkeypatch: pytest.MonkeyPatch):
    service_id = _old_service(flow, monkeypatch)
    before = _volumes(flow, service_id)
    flow.stop(service_id), flow.work()
    for network in flow.runtime.networks({"panel.service": service_id}):
        flow.runtime.remove_network(network)
    flow.start(service_id), flow.work()
    assert flow.service(service_id).status == "running"
    assert _volumes(flow, service_id) == before


def test_a_service_that_was_never_deployed_again_is_deleted_with_its_data(flow: Flow, monkeypatch: pytest.MonkeyPatch):
    service_id = _old_service(flow, monkeypatch)
    assert _volumes(flow, service_id)
    flow.delete(service_id, "delete"), flow.work()
    assert not _all(flow)


@pytest.mark.parametrize("at", range(1, 12))
def test_a_deletion_that_another_worker_finishes_removes_the_data(flow: Flow, monkeypatch: pytest.MonkeyPatch, at: int):
    service_id = _old_service(flow, monkeypatch)
    flow.delete(service_id, "delete")
    flow.die(Trap(at, Killed, after=True))
    flow.inherit()
    assert not flow.exists(service_id)
    assert not _all(flow)
