"""Containers, networks and volumes from create to remove, on both runtimes."""

import pytest

from domain.model.project import Component, ContainerFile, Mount
from domain.ports.container_spec import ContainerSpec
from domain.ports.runtime import EngineRefused, ImageMissing, MountedVolume
from tests.runtime_setup import RuntimeSetup


def test_the_states_of_a_container_from_create_to_remove(setup: RuntimeSetup):
    name = setup.create()
    assert (setup.inspect(name).state, setup.inspect(name).address) == ("created", None)
    setup.runtime.start(name)
    running = setup.inspect(name)
    assert (running.state, running.exit_code, running.restarts) == ("running", None, 0)
    assert running.address
    setup.runtime.stop(name, 5)
    stopped = setup.inspect(name)
    assert (stopped.state, stopped.exit_code, stopped.address) == ("exited", 143, None)
    setup.runtime.remove(name)
    assert setup.runtime.inspect(name) is None


def test_every_step_can_be_repeated(setup: RuntimeSetup):
    spec = setup.spec(mounts=[Mount(setup.volume(), "/data")])
    setup.network()
    setup.volume()
    for step in (setup.runtime.create, setup.runtime.create):
        step(spec)
    for _ in range(2):
        setup.runtime.start(spec.name)
    assert setup.inspect(spec.name).state == "running"
    for _ in range(2):
        setup.runtime.stop(spec.name, 5)
    for _ in range(2):
        setup.runtime.remove(spec.name)
        setup.runtime.remove_network(setup.name("net"))
        setup.runtime.remove_volume(setup.name("data"))
    assert not setup.runtime.containers(setup.labels)
    assert not setup.runtime.networks(setup.labels)
    assert not setup.runtime.volumes(setup.labels)


def test_a_volume_that_is_mounted_at_two_paths_is_in_use_until_its_container_is_removed(setup: RuntimeSetup):
    volume = setup.volume()
    name = setup.start(mounts=[Mount(volume, "/a"), Mount(volume, "/b", read_only=True)])
    with pytest.raises(EngineRefused):
        setup.runtime.remove_volume(volume)
    setup.runtime.remove(name)
    setup.runtime.remove_volume(volume)
    assert not setup.runtime.volumes(setup.labels)


def test_a_volume_that_only_the_image_declares_outlives_its_container(setup: RuntimeSetup):
    name = setup.create("web", "store:1")
    (anonymous,) = setup.inspect(name).volumes
    assert (anonymous.path, anonymous.is_anonymous) == ("/data", True)
    setup.runtime.remove(name)
    assert anonymous.name in setup.runtime.volumes({})
    again = setup.create("web", "store:1", mounts=[Mount(anonymous.name, "/data")])
    assert setup.inspect(again).volumes == (MountedVolume(anonymous.name, "/data"),)
    setup.runtime.remove(again)
    setup.runtime.remove_volume(anonymous.name)
    assert anonymous.name not in setup.runtime.volumes({})


def test_a_volume_of_a_containers_own_files_is_removed_with_it(setup: RuntimeSetup):
    before = setup.runtime.volumes({}).keys()
    name = setup.create(mounts=[Mount("", "/etc/app", read_only=True), Mount(setup.volume(), "/data")])
    assert [volume.path for volume in setup.inspect(name).volumes] == ["/data"]
    setup.runtime.remove(name)
    assert setup.runtime.volumes({}).keys() - before == {setup.name("data")}


def test_volumes_are_measured(setup: RuntimeSetup):
    volume = setup.volume()
    file = ContainerFile("/data/file", b"x" * 100_000)
    spec = setup.spec(mounts=[Mount(volume, "/data")], files=(file,))
    setup.runtime.create(spec)
    setup.runtime.write_files(spec)
    assert 100_000 <= setup.runtime.volume_sizes()[volume] < 200_000


def test_creating_a_running_container_again_does_not_change_it(setup: RuntimeSetup):
    spec = setup.spec()
    setup.runtime.create(spec)
    setup.runtime.start(spec.name)
    before = setup.inspect(spec.name)
    setup.runtime.create(spec)
    assert setup.inspect(spec.name) == before


def test_stopping_and_removing_a_missing_object_succeeds(setup: RuntimeSetup):
    setup.runtime.stop("never-was", 1)
    setup.runtime.remove("never-was")
    setup.runtime.remove_network("never-was")
    setup.runtime.remove_volume("never-was")
    assert setup.runtime.logs("never-was", 5) == []
    assert setup.runtime.inspect("never-was") is None


def test_starting_a_missing_container_is_refused(setup: RuntimeSetup):
    with pytest.raises(EngineRefused, match="No such container"):
        setup.runtime.start("never-was")


def test_an_object_with_the_same_name_and_other_labels_is_refused(setup: RuntimeSetup):
    spec = setup.spec(mounts=[Mount(setup.volume(), "/data")])
    setup.runtime.create(spec)
    stranger = {**setup.labels, "panel.instance": "somebody-else"}
    with pytest.raises(EngineRefused, match=spec.name):
        setup.runtime.create(setup.spec(labels=stranger))
    with pytest.raises(EngineRefused, match=setup.name("net")):
        setup.runtime.create_network(setup.name("net"), stranger)
    with pytest.raises(EngineRefused, match=setup.name("data")):
        setup.runtime.create_volume(setup.name("data"), stranger)


def test_labels_of_the_component_cannot_replace_those_of_the_panel(setup: RuntimeSetup):
    name = setup.create(labels={**setup.labels, "panel.role": "web"})
    spec = setup.spec("worker")
    spoofed = Component("worker", "x", labels={"panel.instance": "somebody-else", "team": "blue"})
    setup.runtime.create(ContainerSpec(spec.name, spec.image, spoofed, {}, spec.networks, (), setup.labels))
    assert setup.inspect(spec.name).labels["panel.instance"] == setup.labels["panel.instance"]
    assert setup.inspect(spec.name).labels["team"] == "blue"
    assert {container.name for container in setup.runtime.containers(setup.labels)} == {name, spec.name}


def test_a_stopped_container_starts_again(setup: RuntimeSetup):
    name = setup.start()
    setup.runtime.stop(name, 5)
    setup.runtime.start(name)
    restarted = setup.inspect(name)
    assert (restarted.state, restarted.exit_code, restarted.restarts) == ("running", None, 0)
    assert restarted.address


def test_a_killed_container_is_exited(setup: RuntimeSetup):
    name = setup.start(restart="unless-stopped")
    setup.kill(name)
    assert setup.wait_exited(name).exit_code == 137
    assert [container.exit_code for container in setup.runtime.containers(setup.labels)] == [137]


def test_a_running_container_can_be_removed(setup: RuntimeSetup):
    name = setup.start()
    setup.runtime.remove(name)
    assert setup.runtime.inspect(name) is None


def test_a_network_with_running_containers_can_be_removed(setup: RuntimeSetup):
    name = setup.start()
    setup.runtime.remove_network(setup.name("net"))
    assert not setup.runtime.networks(setup.labels)
    setup.runtime.remove(name)


def test_a_volume_cannot_be_removed_while_in_use_and_outlives_its_container(setup: RuntimeSetup):
    name = setup.create(mounts=[Mount(setup.volume(), "/data")])
    with pytest.raises(EngineRefused, match="in use"):
        setup.runtime.remove_volume(setup.name("data"))
    setup.runtime.remove(name)
    assert set(setup.runtime.volumes(setup.labels)) == {setup.name("data")}
    setup.runtime.remove_volume(setup.name("data"))
    assert not setup.runtime.volumes(setup.labels)


def test_an_image_that_was_not_pulled_is_missing(setup: RuntimeSetup):
    component = Component("web", "panel-test/never-pulled:1")
    spec = ContainerSpec(setup.name("web"), component.image, component, {}, {setup.network(): ()}, (), setup.labels)
    with pytest.raises(ImageMissing, match="never-pulled"):
        setup.runtime.create(spec)


def test_a_container_with_a_missing_network_is_refused(setup: RuntimeSetup):
    with pytest.raises(EngineRefused, match="not found"):
        setup.start(networks={setup.name("nowhere"): ()})


def test_a_container_whose_network_was_removed_does_not_start_even_if_the_network_is_recreated(
    setup: RuntimeSetup,
):
    name = setup.start()
    setup.runtime.stop(name, 1)
    setup.runtime.remove_network(setup.network())
    for _ in range(2):
        with pytest.raises(EngineRefused, match="not found"):
            setup.runtime.start(name)
        setup.network()
