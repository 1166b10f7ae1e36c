"""From create to remove, on both runtimes."""

import pytest

from domain.model.project import Component
from domain.ports.runtime import ContainerSpec, EngineRefused, ImageMissing
from tests.runtime_setup import Stage


def test_a_container_is_created_then_runs_then_ends_then_is_gone(stage: Stage):
    name = stage.created()
    assert (stage.now(name).state, stage.now(name).address) == ("created", None)
    stage.runtime.start(name)
    running = stage.now(name)
    assert (running.state, running.exit_code, running.restarts) == ("running", None, 0)
    assert running.address
    stage.runtime.stop(name, 5)
    stopped = stage.now(name)
    assert (stopped.state, stopped.exit_code, stopped.address) == ("exited", 143, None)
    stage.runtime.remove(name)
    assert stage.runtime.inspect(name) is None


def test_every_step_can_be_repeated(stage: Stage):
    spec = stage.spec(volumes={stage.volume(): ("/data", False)})
    stage.network()
    stage.volume()
    for step in (stage.runtime.create, stage.runtime.create):
        step(spec)
    for _ in range(2):
        stage.runtime.start(spec.name)
    assert stage.now(spec.name).state == "running"
    for _ in range(2):
        stage.runtime.stop(spec.name, 5)
    for _ in range(2):
        stage.runtime.remove(spec.name)
        stage.runtime.remove_network(stage.name("net"))
        stage.runtime.remove_volume(stage.name("data"))
    assert not stage.runtime.containers(stage.labels)
    assert not stage.runtime.networks(stage.labels)
    assert not stage.runtime.volumes(stage.labels)


def test_creating_again_leaves_the_running_one_alone(stage: Stage):
    spec = stage.spec()
    stage.runtime.create(spec)
    stage.runtime.start(spec.name)
    before = stage.now(spec.name)
    stage.runtime.create(spec)
    assert stage.now(spec.name) == before


def test_stopping_and_removing_what_never_was_is_success(stage: Stage):
    stage.runtime.stop("never-was", 1)
    stage.runtime.remove("never-was")
    stage.runtime.remove_network("never-was")
    stage.runtime.remove_volume("never-was")
    assert stage.runtime.logs("never-was", 5) == []
    assert stage.runtime.inspect("never-was") is None


def test_starting_what_never_was_is_refused(stage: Stage):
    with pytest.raises(EngineRefused, match="No such container"):
        stage.runtime.start("never-was")


def test_a_name_under_other_labels_is_not_taken_for_ours(stage: Stage):
    spec = stage.spec(volumes={stage.volume(): ("/data", False)})
    stage.runtime.create(spec)
    stranger = {**stage.labels, "panel.instance": "somebody-else"}
    with pytest.raises(EngineRefused, match=spec.name):
        stage.runtime.create(stage.spec(labels=stranger))
    with pytest.raises(EngineRefused, match=stage.name("net")):
        stage.runtime.create_network(stage.name("net"), stranger)
    with pytest.raises(EngineRefused, match=stage.name("data")):
        stage.runtime.create_volume(stage.name("data"), stranger)


def test_labels_of_the_component_are_kept_and_cannot_replace_ours(stage: Stage):
    name = stage.created(labels={**stage.labels, "panel.role": "web"})
    spec = stage.spec("worker")
    spoofed = Component("worker", "x", labels={"panel.instance": "somebody-else", "team": "blue"})
    stage.runtime.create(ContainerSpec(spec.name, spec.image, spoofed, {}, spec.networks, {}, stage.labels))
    assert stage.now(spec.name).labels["panel.instance"] == stage.labels["panel.instance"]
    assert stage.now(spec.name).labels["team"] == "blue"
    assert {each.name for each in stage.runtime.containers(stage.labels)} == {name, spec.name}


def test_a_stopped_container_starts_again(stage: Stage):
    name = stage.started()
    stage.runtime.stop(name, 5)
    stage.runtime.start(name)
    again = stage.now(name)
    assert (again.state, again.exit_code, again.restarts) == ("running", None, 0)
    assert again.address


def test_a_container_killed_behind_our_back_shows_as_ended(stage: Stage):
    name = stage.started(restart="unless-stopped")
    stage.kill(name)
    assert stage.ended(name).exit_code == 137
    assert [each.exit_code for each in stage.runtime.containers(stage.labels)] == [137]


def test_a_running_container_can_be_removed(stage: Stage):
    name = stage.started()
    stage.runtime.remove(name)
    assert stage.runtime.inspect(name) is None


def test_a_network_can_be_removed_from_under_its_containers(stage: Stage):
    name = stage.started()
    stage.runtime.remove_network(stage.name("net"))
    assert not stage.runtime.networks(stage.labels)
    stage.runtime.remove(name)


def test_a_volume_stays_while_a_container_has_it_and_after_the_container(stage: Stage):
    name = stage.created(volumes={stage.volume(): ("/data", False)})
    with pytest.raises(EngineRefused, match="in use"):
        stage.runtime.remove_volume(stage.name("data"))
    stage.runtime.remove(name)
    assert set(stage.runtime.volumes(stage.labels)) == {stage.name("data")}
    stage.runtime.remove_volume(stage.name("data"))
    assert not stage.runtime.volumes(stage.labels)


def test_an_image_that_was_not_pulled_is_missing(stage: Stage):
    component = Component("web", "panel-test/never-pulled:1")
    spec = ContainerSpec(stage.name("web"), component.image, component, {}, {stage.network(): ()}, {}, stage.labels)
    with pytest.raises(ImageMissing, match="never-pulled"):
        stage.runtime.create(spec)


def test_a_network_that_is_not_there_is_refused(stage: Stage):
    with pytest.raises(EngineRefused, match="not found"):
        stage.started(networks={stage.name("nowhere"): ()})


def test_a_container_that_has_lost_its_network_does_not_start_also_when_there_is_one_of_that_name_again(stage: Stage):
    name = stage.started()
    stage.runtime.stop(name, 1)
    stage.runtime.remove_network(stage.network())
    for _ in range(2):
        with pytest.raises(EngineRefused, match="not found"):
            stage.runtime.start(name)
        stage.network()
