"""Properties of containers: state, health, exit code, restarts, logs and stats, on both runtimes."""

from datetime import UTC, datetime

import pytest

from domain.model.project import Probe
from tests.runtime_setup import RuntimeSetup

PASSES = Probe(("CMD", "true"), interval=0.2, retries=3)


def test_containers_networks_and_volumes_are_found_by_all_their_labels(setup: RuntimeSetup):
    web = {**setup.labels, "panel.service": "svc_1", "panel.role": "web"}
    name = setup.create("web", labels=web, networks={setup.network(): ()})
    setup.create("other", labels={**setup.labels, "panel.service": "svc_2", "panel.role": "web"})
    setup.volume()
    found = setup.runtime.containers({**setup.labels, "panel.service": "svc_1"})
    assert [each.name for each in found] == [name]
    assert web.items() <= found[0].labels.items()
    assert not setup.runtime.containers({**setup.labels, "panel.service": "svc_1", "panel.role": "worker"})
    assert setup.runtime.networks(setup.labels) == {setup.name("net"): setup.labels}
    assert setup.runtime.volumes(setup.labels) == {setup.name("data"): setup.labels}
    for listing in (setup.runtime.containers, setup.runtime.networks, setup.runtime.volumes):
        assert not listing({**setup.labels, "panel.service": "svc_9"})


def test_the_list_returns_the_same_as_an_inspection(setup: RuntimeSetup):
    setup.create("new")
    setup.start("up")
    setup.wait_exited(setup.start("done", "done:1"))
    setup.wait_exited(setup.start("crash", "crash:1"))
    setup.wait_until(setup.start("well", probe=PASSES), lambda found: found.health == "healthy")
    setup.wait_until(setup.start("ill", "unhealthy:1"), lambda found: found.health == "unhealthy")
    for _ in range(2):
        for listed in setup.runtime.containers(setup.labels):
            assert listed == setup.inspect(listed.name)


def test_a_container_without_a_health_check_has_no_health(setup: RuntimeSetup):
    assert setup.inspect(setup.start()).health is None


def test_a_slow_image_is_starting_and_then_healthy(setup: RuntimeSetup):
    name = setup.start("slow", "slow:1")
    assert setup.inspect(name).health == "starting"
    assert setup.wait_until(name, lambda found: found.health != "starting").health == "healthy"
    assert [container.health for container in setup.runtime.containers(setup.labels)] == ["healthy"]


def test_a_failing_health_check_makes_a_container_unhealthy_and_keeps_it_running(setup: RuntimeSetup):
    name = setup.start("unhealthy", "unhealthy:1")
    found = setup.wait_until(name, lambda found: found.health == "unhealthy")
    assert found.state == "running"
    assert [container.health for container in setup.runtime.containers(setup.labels)] == ["unhealthy"]


def test_the_health_check_of_the_component_replaces_that_of_the_image(setup: RuntimeSetup):
    name = setup.start("slow", "slow:1", probe=Probe((), disabled=True))
    assert setup.inspect(name).health is None


def test_an_exited_container_has_no_health(setup: RuntimeSetup):
    name = setup.start(probe=PASSES)
    setup.wait_until(name, lambda found: found.health == "healthy")
    setup.runtime.stop(name, 5)
    assert setup.inspect(name).health is None


def test_a_crashed_container_has_its_exit_code_and_its_output(setup: RuntimeSetup):
    name = setup.start("crash", "crash:1")
    found = setup.wait_exited(name)
    assert (found.exit_code, found.restarts) == (3, 0)
    assert setup.runtime.logs(name, 10) == ["opening the database", "cannot open it"]
    assert setup.runtime.logs(name, 1) == ["cannot open it"]
    assert setup.runtime.logs(name, 0) == []


@pytest.mark.parametrize("policy", ["always", "unless-stopped", "on-failure"])
def test_restarts_of_a_crashing_container_are_counted(setup: RuntimeSetup, policy: str):
    name = setup.start("crash", "crash:1", restart=policy)
    setup.wait_until(name, lambda found: found.restarts >= 2)
    [listed] = setup.runtime.containers(setup.labels)
    assert listed.restarts >= 2
    setup.runtime.stop(name, 1)


def test_a_container_that_succeeds_is_not_restarted_on_failure(setup: RuntimeSetup):
    name = setup.start("done", "done:1", restart="on-failure")
    found = setup.wait_exited(name)
    assert (found.exit_code, found.restarts) == (0, 0)
    assert setup.runtime.logs(name, 10) == ["done"]


def test_probes_of_a_listening_port_succeed(setup: RuntimeSetup):
    name = setup.start("web", expose=(8080,))
    setup.wait_until(name, lambda found: setup.probe_tcp(found, 8080))
    found = setup.inspect(name)
    assert setup.probe_http(found, 8080, "/index.html", 5)
    assert not setup.probe_tcp(found, 8081)
    assert not setup.probe_http(found, 8081, "/", 5)
    setup.runtime.stop(name, 5)
    assert not setup.probe_tcp(setup.inspect(name), 8080)
    assert not setup.probe_http(found, 8080, "/index.html", 1)


def test_probes_of_a_container_that_does_not_listen_fail(setup: RuntimeSetup):
    name = setup.start("sleeper", "sleeper:1", expose=(8080,))
    assert not setup.probe_tcp(setup.inspect(name), 8080)


def test_stats_are_those_of_running_containers(setup: RuntimeSetup):
    one, two = setup.start("one"), setup.start("two", memory_mb=64)
    stats = setup.runtime.stats([one, two, "never-was"])
    assert set(stats) == {one, two}
    assert all(each.memory_mb > 0 <= each.cpu for each in stats.values())
    assert (stats[one].memory_limit_mb, stats[two].memory_limit_mb) == (None, 64)
    setup.runtime.stop(two, 5)
    assert setup.runtime.stats([two, "never-was"]) == {}
    assert setup.runtime.stats([]) == {}


def test_a_container_has_its_image_and_the_time_of_its_last_start(setup: RuntimeSetup):
    spec = setup.spec()
    setup.runtime.create(spec)
    assert (setup.inspect(spec.name).image, setup.inspect(spec.name).started_at) == (spec.image, None)
    before = datetime.now(UTC)
    setup.runtime.start(spec.name)
    first = setup.inspect(spec.name).started_at
    assert first
    assert before <= first <= datetime.now(UTC)
    setup.runtime.stop(spec.name, 5)
    assert setup.inspect(spec.name).started_at == first
    setup.runtime.start(spec.name)
    [listed] = setup.runtime.containers(setup.labels)
    assert listed.started_at
    assert listed.started_at > first
