"""What is seen of containers: states, health, exit codes, restarts, logs, figures, on both runtimes."""

from datetime import UTC, datetime

import pytest

from domain.model.project import Probe
from tests.runtime_setup import Stage

PASSES = Probe(("CMD", "true"), interval=0.2, retries=3)


def test_containers_networks_and_volumes_are_found_by_all_their_labels(stage: Stage):
    web = {**stage.labels, "panel.service": "svc_1", "panel.role": "web"}
    name = stage.created("web", labels=web, networks={stage.network(): ()})
    stage.created("other", labels={**stage.labels, "panel.service": "svc_2", "panel.role": "web"})
    stage.volume()
    found = stage.runtime.containers({**stage.labels, "panel.service": "svc_1"})
    assert [each.name for each in found] == [name]
    assert web.items() <= found[0].labels.items()
    assert not stage.runtime.containers({**stage.labels, "panel.service": "svc_1", "panel.role": "worker"})
    assert stage.runtime.networks(stage.labels) == {stage.name("net"): stage.labels}
    assert stage.runtime.volumes(stage.labels) == {stage.name("data"): stage.labels}
    for listing in (stage.runtime.containers, stage.runtime.networks, stage.runtime.volumes):
        assert not listing({**stage.labels, "panel.service": "svc_9"})


def test_the_list_says_what_an_inspection_says(stage: Stage):
    stage.created("new")
    stage.started("up")
    stage.ended(stage.started("done", "done:1"))
    stage.ended(stage.started("crash", "crash:1"))
    stage.until(stage.started("well", probe=PASSES), lambda found: found.health == "healthy")
    stage.until(stage.started("ill", "unhealthy:1"), lambda found: found.health == "unhealthy")
    for _ in range(2):
        for listed in stage.runtime.containers(stage.labels):
            assert listed == stage.now(listed.name)


def test_without_a_healthcheck_there_is_no_health(stage: Stage):
    assert stage.now(stage.started()).health is None


def test_an_image_that_takes_its_time_is_starting_and_then_healthy(stage: Stage):
    name = stage.started("slow", "slow:1")
    assert stage.now(name).health == "starting"
    assert stage.until(name, lambda found: found.health != "starting").health == "healthy"
    assert [each.health for each in stage.runtime.containers(stage.labels)] == ["healthy"]


def test_an_image_whose_healthcheck_fails_is_unhealthy_and_runs(stage: Stage):
    name = stage.started("unhealthy", "unhealthy:1")
    found = stage.until(name, lambda found: found.health == "unhealthy")
    assert found.state == "running"
    assert [each.health for each in stage.runtime.containers(stage.labels)] == ["unhealthy"]


def test_the_probe_of_the_component_replaces_that_of_the_image(stage: Stage):
    name = stage.started("slow", "slow:1", probe=Probe((), disabled=True))
    assert stage.now(name).health is None


def test_a_container_that_ended_has_no_health(stage: Stage):
    name = stage.started(probe=PASSES)
    stage.until(name, lambda found: found.health == "healthy")
    stage.runtime.stop(name, 5)
    assert stage.now(name).health is None


def test_a_crash_leaves_its_exit_code_and_its_last_words(stage: Stage):
    name = stage.started("crash", "crash:1")
    found = stage.ended(name)
    assert (found.exit_code, found.restarts) == (3, 0)
    assert stage.runtime.logs(name, 10) == ["opening the database", "cannot open it"]
    assert stage.runtime.logs(name, 1) == ["cannot open it"]
    assert stage.runtime.logs(name, 0) == []


@pytest.mark.parametrize("policy", ["always", "unless-stopped", "on-failure"])
def test_restarts_of_a_crashing_container_are_counted(stage: Stage, policy: str):
    name = stage.started("crash", "crash:1", restart=policy)
    stage.until(name, lambda found: found.restarts >= 2)
    [listed] = stage.runtime.containers(stage.labels)
    assert listed.restarts >= 2
    stage.runtime.stop(name, 1)


def test_a_container_that_did_its_work_is_not_started_again_on_failure(stage: Stage):
    name = stage.started("done", "done:1", restart="on-failure")
    found = stage.ended(name)
    assert (found.exit_code, found.restarts) == (0, 0)
    assert stage.runtime.logs(name, 10) == ["done"]


def test_a_listening_port_accepts_and_answers(stage: Stage):
    name = stage.started("web", expose=(8080,))
    stage.until(name, lambda found: stage.runtime.accepts(found, 8080))
    found = stage.now(name)
    assert stage.runtime.answers(found, 8080, "/index.html", 5)
    assert not stage.runtime.accepts(found, 8081)
    assert not stage.runtime.answers(found, 8081, "/", 5)
    stage.runtime.stop(name, 5)
    assert not stage.runtime.accepts(stage.now(name), 8080)
    assert not stage.runtime.answers(found, 8080, "/index.html", 1)


def test_a_container_that_listens_nowhere_does_not_accept(stage: Stage):
    name = stage.started("sleeper", "sleeper:1", expose=(8080,))
    assert not stage.runtime.accepts(stage.now(name), 8080)


def test_figures_are_those_of_running_containers(stage: Stage):
    one, two = stage.started("one"), stage.started("two", memory_mb=64)
    stats = stage.runtime.stats([one, two, "never-was"])
    assert set(stats) == {one, two}
    assert all(each.memory_mb > 0 <= each.cpu for each in stats.values())
    assert (stats[one].memory_limit_mb, stats[two].memory_limit_mb) == (None, 64)
    stage.runtime.stop(two, 5)
    assert stage.runtime.stats([two, "never-was"]) == {}
    assert stage.runtime.stats([]) == {}


def test_a_container_tells_its_image_and_when_it_was_started(stage: Stage):
    spec = stage.spec()
    stage.runtime.create(spec)
    assert (stage.now(spec.name).image, stage.now(spec.name).started_at) == (spec.image, None)
    before = datetime.now(UTC)
    stage.runtime.start(spec.name)
    first = stage.now(spec.name).started_at
    assert first
    assert before <= first <= datetime.now(UTC)
    stage.runtime.stop(spec.name, 5)
    assert stage.now(spec.name).started_at == first
    stage.runtime.start(spec.name)
    [listed] = stage.runtime.containers(stage.labels)
    assert listed.started_at
    assert listed.started_at > first
