"""What the observer sees of services at the engine, and what garbage collection removes."""

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.adapters import memory
from domain.errors import Unavailable
from domain.model.project import Component
from domain.model.service import Service
from domain.ports import Ports
from domain.ports.container_spec import ContainerSpec
from domain.ports.runtime import Address, EngineRefused
from domain.rollout.reconcile import observer
from domain.rollout.reconcile.background_calls import BackgroundCalls
from domain.rollout.reconcile.garbage_collection import collect_garbage
from domain.rollout.reconcile.observer import ObserverState
from tests.flow import Flow, Killed, Trap, fresh


@pytest.fixture
def flow(ports: Ports) -> Flow:
    return fresh(ports)


@pytest.fixture
def watch() -> Any:
    watch = ObserverState()
    yield watch
    watch.close()


def _look(flow: Flow, watch: ObserverState, service_id: str, seconds: float = 2) -> Service:
    flow.ports.clock.sleep(seconds)
    observer.observe(flow.ports, watch)
    return flow.service(service_id)


def _set(flow: Flow, name: str, **now: Any) -> None:
    fake = flow.runtime.fakes[name]
    fake.state = replace(fake.state, **now)


# ── Observing ────────────────────────────────────────────────────────────────────────────────────


def test_a_running_service_is_healthy_and_measured(flow: Flow, watch: ObserverState):
    service = _look(flow, watch, flow.running())
    assert (service.status, service.health.status, service.health.consecutive_failures) == ("running", "healthy", 0)
    assert (service.usage.cpu, service.usage.memory_mb) == (0.01, 8.0)


@pytest.mark.parametrize("exit_code", [137, 0])
def test_a_container_that_exits_or_returns_on_its_own_changes_the_status(
    flow: Flow, watch: ObserverState, exit_code: int
):
    service_id = flow.running()
    name, revision = flow.container(service_id).name, flow.service(service_id).revision
    flow.runtime.kill(name)
    _set(flow, name, exit_code=exit_code)
    service = _look(flow, watch, service_id)
    assert (service.status, service.health.status, service.revision) == ("failed", "unhealthy", revision + 1)
    assert service.usage.memory_mb == 0
    flow.runtime.start(name)
    assert _look(flow, watch, service_id).status == "running"


def test_a_container_that_is_removed_on_the_engine_changes_the_status(flow: Flow, watch: ObserverState):
    service_id = flow.running()
    flow.runtime.remove(flow.container(service_id).name)
    assert _look(flow, watch, service_id).status == "failed"


def test_a_one_shot_component_may_have_ended(flow: Flow, watch: ObserverState):
    flow.runtime.images["job:1"] = memory.Behaviour(exit_code=0)
    service_id = flow.running(
        compose="services: {job: {image: 'job:1'}, web: {image: 'web:1', expose: [8080], "
        "depends_on: {job: {condition: service_completed_successfully}}}}"
    )
    assert _look(flow, watch, service_id).status == "running"


def test_a_container_with_another_address_is_followed_at_the_same_url(flow: Flow, watch: ObserverState):
    service_id = flow.running()
    url = flow.service(service_id).url
    _set(flow, flow.container(service_id).name, address=Address("198.18.9.9"))
    service = _look(flow, watch, service_id)
    assert [target.host for target in flow.targets(service_id)] == ["198.18.9.9"]
    assert service.url == url


def test_a_route_that_was_lost_is_created_again_and_its_url_is_stored(flow: Flow, watch: ObserverState):
    service_id = flow.running()
    flow.router.close(service_id)
    flow.running()
    service = _look(flow, watch, service_id)
    assert flow.serves(service_id, str(service.live_deployment_id))
    assert service.url == flow.router.switch(service_id, service.name, flow.targets(service_id))


def test_a_container_that_says_it_is_unhealthy_is_counted_once_an_interval(flow: Flow, watch: ObserverState):
    flow.runtime.images["probed:1"] = memory.Behaviour(ports=(8080,), probed=True)
    service_id = flow.running("probed:1")
    fake = flow.runtime.fakes[flow.container(service_id).name]
    fake.behaviour = replace(fake.behaviour, healthy_after=None)
    _look(flow, watch, service_id)
    counted = [_look(flow, watch, service_id).health.consecutive_failures for _ in range(6)]
    assert counted == [1, 1, 1, 1, 2, 2]
    service = flow.service(service_id)
    assert (service.status, service.health.status) == ("running", "unhealthy")


def test_an_http_check_is_made_at_its_interval_and_its_failures_are_counted(flow: Flow, watch: ObserverState):
    service_id = flow.running(healthcheck={"path": "/healthz", "interval": 5})
    asked: list[str] = []
    probe = flow.ports.prober.probe_http
    flow.ports.prober.probe_http = lambda *given: (asked.append(given[1]), probe(*given))[1]  # type: ignore[method-assign]
    assert _look(flow, watch, service_id).health.status == "healthy"
    fake = flow.runtime.fakes[flow.container(service_id).name]
    fake.behaviour = replace(fake.behaviour, answers_http=False)
    counted = [_look(flow, watch, service_id).health.consecutive_failures for _ in range(6)]
    assert counted == [0, 0, 1, 1, 1, 2]
    assert asked == ["/healthz"] * 3
    fake.behaviour = replace(fake.behaviour, answers_http=True)
    health = [_look(flow, watch, service_id).health for _ in range(3)][-1]
    assert (health.status, health.consecutive_failures) == ("healthy", 0)


def test_an_http_check_that_hangs_delays_no_other_service(flow: Flow, watch: ObserverState):
    slow, other = flow.running(healthcheck={"path": "/"}), flow.running()
    held, probe = threading.Event(), flow.ports.prober.probe_http
    flow.ports.prober.probe_http = lambda *given: held.wait(20) and probe(*given)  # type: ignore[method-assign]
    flow.runtime.kill(flow.container(other).name)
    assert _look(flow, watch, other).status == "failed"
    assert flow.service(slow).health.status == "unknown"
    held.set()
    assert _look(flow, watch, slow).health.status == "healthy"


def test_a_measurement_that_fails_does_not_fail_the_observation(flow: Flow, watch: ObserverState):
    first, second = flow.running(), flow.running()
    stats, broken = flow.runtime.stats, flow.container(first).name

    def measured(names: Any, **given: Any) -> Any:
        if broken in names:
            raise EngineRefused("no")
        return stats(names, **given)

    flow.runtime.stats = measured  # type: ignore[method-assign]
    assert _look(flow, watch, second).usage.memory_mb == 8.0
    assert flow.service(first).usage.memory_mb == 0
    assert flow.service(first).health.status == "healthy"


def test_usage_is_refreshed_after_a_while(flow: Flow, watch: ObserverState):
    service_id = flow.running()
    _look(flow, watch, service_id)
    fake = flow.runtime.fakes[flow.container(service_id).name]
    fake.behaviour = replace(fake.behaviour, stats=replace(memory.DEFAULT_STATS, memory_mb=50.0))
    assert _look(flow, watch, service_id).usage.memory_mb == 8.0
    assert _look(flow, watch, service_id, 10).usage.memory_mb == 50.0


def test_a_stopped_service_is_not_changed(flow: Flow, watch: ObserverState):
    service_id = flow.running()
    flow.stop(service_id), flow.work()
    before = flow.service(service_id)
    assert _look(flow, watch, service_id) == before


def test_a_service_with_a_running_operation_is_not_changed(flow: Flow, watch: ObserverState):
    service_id = flow.running()
    flow.restart(service_id)
    flow.claimed()
    flow.runtime.kill(flow.container(service_id).name)
    before = flow.service(service_id)
    assert _look(flow, watch, service_id) == before


def test_a_deployment_that_ends_between_two_reads_is_not_overwritten(flow: Flow, watch: ObserverState):
    """The rows are read, and before the engine answers everything moves on."""
    service_id = flow.running()
    observer.observe(flow.ports, watch)
    flow.deploy(service_id, image="web:2")
    observer.observe(flow.during("containers", flow.work), watch)
    service = flow.service(service_id)
    assert service.status == "running"
    assert flow.serves(service_id, str(service.live_deployment_id))


def test_a_late_response_of_the_engine_does_not_route_requests_back(flow: Flow, watch: ObserverState):
    """The list still shows the old containers, and meanwhile visitors have moved on."""
    service_id = flow.running()
    observer.observe(flow.ports, watch)
    flow.deploy(service_id, image="web:2")
    listed = flow.runtime.containers

    def late(labels: Any) -> Any:
        found = listed(labels)
        flow.runtime.containers = listed  # type: ignore[method-assign]
        flow.work()
        return found

    flow.runtime.containers = late  # type: ignore[method-assign]
    observer.observe(flow.ports, watch)
    service = flow.service(service_id)
    assert flow.serves(service_id, str(service.live_deployment_id))
    assert service.status == "running"


def test_statuses_stay_and_health_is_unknown_while_the_engine_is_unavailable(flow: Flow, watch: ObserverState):
    service_id = flow.running()
    healthy = _look(flow, watch, service_id)
    flow.runtime.away = True
    for seconds, expected in ((2, "healthy"), (5, "healthy"), (5, "unknown"), (2, "unknown")):
        with pytest.raises(Unavailable):
            _look(flow, watch, service_id, seconds)
        service = flow.service(service_id)
        assert (service.status, service.health.status, service.revision) == ("running", expected, healthy.revision)
        assert service.health.last_check == healthy.health.last_check
    flow.runtime.away = False
    assert _look(flow, watch, service_id).health.status == "healthy"


def test_containers_without_the_panels_labels_are_ignored(flow: Flow, watch: ObserverState):
    service_id = flow.running()
    _strange(flow, "strange", {"panel.instance": flow.ports.instance})
    assert _look(flow, watch, service_id).status == "running"
    assert flow.sweep() == []


def _strange(flow: Flow, name: str, labels: dict[str, str]) -> None:
    component = Component("web", "web:1", labels=labels)
    digest = flow.runtime.pull("web:1", lambda _: None).digest
    flow.runtime.create(ContainerSpec(name, digest, component, {}, {}, (), labels))


def test_a_thousand_services_cost_one_list_call_and_no_write_if_nothing_changed(flow: Flow, watch: ObserverState):
    service_id = flow.running()
    service, deployment = flow.service(service_id), flow.newest(service_id)
    with flow.ports.store.begin() as work:
        for number in range(999):
            other, live = f"svc_{number:026}", f"dep_{number:026}"
            work.services.add(replace(service, id=other, name=f"web-{number}", subdomain=None, live_deployment_id=live))
            work.deployments.add(replace(deployment, id=live, service_id=other))
    flow.ports.clock.sleep(2)
    observer.observe(flow.ports, watch)
    assert flow.service(f"svc_{998:026}").status == "failed"
    calls, blocks = Trap(0, Killed), Trap(0, Killed)
    ports = replace(flow.trapped(calls), store=flow.stored(blocks).store)
    observer.observe(ports, watch)
    assert [name for name in calls.log if name != "targets"] == ["containers"]
    assert blocks.log == ["read"]


def test_results_are_reused_and_failures_are_retried():
    from datetime import UTC, datetime

    calls: BackgroundCalls[int] = BackgroundCalls(2)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    calls.submit("one", now, timedelta(seconds=5), lambda: 1)
    calls.submit("bad", now, timedelta(seconds=5), lambda: 1 // 0)
    assert calls.results(5) == {"one": 1}
    assert calls.results(5) == {}
    calls.submit("one", now + timedelta(seconds=4), timedelta(seconds=5), lambda: 2)
    assert calls.results(5) == {}
    calls.submit("one", now + timedelta(seconds=5), timedelta(seconds=5), lambda: 2)
    assert calls.results(5) == {"one": 2}
    calls.keep([])
    calls.submit("one", now, timedelta(seconds=5), lambda: 3)
    assert calls.results(5) == {"one": 3}
    calls.close()


# ── Sweeping ─────────────────────────────────────────────────────────────────────────────────────


def test_engine_objects_without_a_row_are_removed_and_others_stay(flow: Flow):
    service_id = flow.running()
    live = str(flow.service(service_id).live_deployment_id)
    labels = {"panel.instance": flow.ports.instance, "panel.service": service_id, "panel.deployment": "dep_nobody"}
    _strange(flow, "orphan", labels)
    flow.runtime.create_network("loose", labels)
    flow.router.switch("svc_gone", "gone", ())
    assert sorted(flow.sweep()) == ["loose", "orphan", "svc_gone"]
    assert flow.held(service_id) == {live}
    assert flow.serves(service_id, live)
    assert flow.sweep() == []


def test_containers_of_another_panel_are_not_removed(flow: Flow):
    labels = {"panel.instance": "another", "panel.service": "svc_1", "panel.deployment": "dep_1"}
    _strange(flow, "theirs", labels)
    assert flow.sweep() == []


def test_a_running_deployment_is_never_garbage(flow: Flow):
    service_id = flow.ask()
    swept: list[str] = []
    trap = Trap(0, Killed)
    trap.call = lambda name, act, *given, **named: (act(*given, **named), swept.extend(flow.sweep()))[0]  # type: ignore[method-assign, func-returns-value]
    flow.work(flow.trapped(trap))
    assert swept == []
    assert flow.service(service_id).status == "running"


def test_a_deployment_that_starts_during_garbage_collection_is_left_alone(flow: Flow):
    first = flow.running()
    begun: list[str] = []

    def begin() -> None:
        begun.append(flow.ask())
        flow.deploy(first, image="web:2")
        flow.die(Trap(6, Killed))

    assert collect_garbage(flow.during("routes", begin)) == []
    flow.inherit()
    assert flow.service(begun[0]).status == "running"
    assert flow.service(first).status == "running"


def test_an_object_that_cannot_be_removed_does_not_keep_the_others(flow: Flow):
    labels = {"panel.instance": flow.ports.instance, "panel.service": "svc_gone", "panel.deployment": "dep_gone"}
    _strange(flow, "stuck", labels)
    _strange(flow, "loose", labels)
    remove = flow.runtime.remove

    def stuck(name: str) -> None:
        if name == "stuck":
            raise EngineRefused("it is stuck")
        remove(name)

    flow.runtime.remove = stuck  # type: ignore[method-assign]
    assert flow.sweep() == ["loose"]


def test_the_route_of_a_service_that_never_went_live_is_removed(flow: Flow):
    service_id = flow.ask("bad:1")
    flow.runtime.images["bad:1"] = memory.Behaviour(exit_code=1)
    operation = flow.claimed()
    flow.run(operation)
    flow.router.switch(service_id, "bad", ())
    assert flow.sweep() == [service_id]
