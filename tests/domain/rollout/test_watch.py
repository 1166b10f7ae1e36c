"""The first seconds of a new version: if it fails in them, the version before it comes back."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.adapters import memory
from domain.errors import Unavailable
from domain.model.operation import Kind
from domain.ports import Ports
from domain.rollout.reconcile.observer import ObserverState, observe
from tests.flow import Flow, Killed, Trap, fresh

WRITER = "services: {db: {image: 'web:1', expose: [8080], volumes: ['data:/data']}}\nvolumes: {data: }"


@pytest.fixture
def flow(ports: Ports) -> Flow:
    return fresh(ports)


def _look(flow: Flow, state: ObserverState | None = None) -> None:
    observe(flow.ports, state or ObserverState())


def _running(flow: Flow, service_id: str) -> dict[str, list[str]]:
    """Return the states of the containers of each deployment."""
    states: dict[str, list[str]] = {}
    for container in flow.containers(service_id):
        states.setdefault(container.labels["panel.deployment"], []).append(container.state)
    return states


def _crash(flow: Flow, deployment_id: str) -> None:
    for name, fake in flow.runtime.fakes.items():
        if fake.spec.labels["panel.deployment"] == deployment_id:
            flow.runtime.crash(name, 3)


def _turn_unhealthy(flow: Flow, deployment_id: str) -> None:
    for fake in flow.runtime.fakes.values():
        if fake.spec.labels["panel.deployment"] == deployment_id:
            fake.behaviour = replace(fake.behaviour, probed=True, healthy_after=None, health_output="no tables")
            fake.state = replace(fake.state, health="unhealthy")


def test_the_old_version_is_kept_stopped_for_a_while(flow: Flow):
    service_id = flow.running()
    old = str(flow.service(service_id).live_deployment_id)
    new = flow.redeploy(service_id, image="web:2").id
    _look(flow), flow.sweep()
    assert _running(flow, service_id) == {old: ["exited"], new: ["running"]}
    revision = flow.service(service_id).revision
    flow.ports.clock.sleep(31)
    _look(flow), flow.sweep()
    assert flow.held(service_id) == {new}
    service = flow.service(service_id)
    assert (service.watch, service.status, service.revision) == (None, "running", revision)


@pytest.mark.parametrize(
    ("fail", "code", "message"),
    [
        (_crash, "container_exited", "app ended and was restarted 1 times within 30 seconds after it took over"),
        (
            _turn_unhealthy,
            "unhealthy",
            "app became unhealthy by its own healthcheck (the check printed: no tables) "
            "within 30 seconds after it took over",
        ),
    ],
)
@pytest.mark.parametrize("compose", [None, WRITER])
def test_a_version_that_fails_right_after_the_switch_gives_way_to_the_old_one(
    flow: Flow, fail: Callable[[Flow, str], None], code: str, message: str, compose: str | None
):
    source: dict[str, Any] = {"compose": compose} if compose else {"image": "web:1"}
    service_id = flow.running(**source)
    url, old = flow.service(service_id).url, str(flow.service(service_id).live_deployment_id)
    new = flow.redeploy(service_id).id
    fail(flow, new)
    _look(flow), _look(flow)
    assert flow.last(service_id).kind == Kind.ROLLBACK
    flow.work()
    failed = flow.deployment(new)
    assert failed.failure
    assert (failed.status, failed.failure.code) == ("rolled_back", code)
    assert failed.failure.message == (message.replace("app", "db") if compose else message)
    assert f"Bringing {old} back" in flow.log(new)
    assert _running(flow, service_id) == {old: ["running"]}
    assert flow.serves(service_id, old)
    service = flow.service(service_id)
    assert (service.status, service.url, service.live_deployment_id, service.watch) == ("running", url, old, None)
    assert flow.last(service_id).status == "succeeded"
    _look(flow)
    assert flow.claim() is None, "once"


def test_two_versions_never_write_to_one_volume_on_the_way_back(flow: Flow):
    service_id = flow.running(compose=WRITER)
    new, at_start = flow.redeploy(service_id).id, []
    _turn_unhealthy(flow, new)
    _look(flow)
    states = lambda: at_start.append(sorted(sum(_running(flow, service_id).values(), [])))  # noqa: E731, RUF017
    flow.work(flow.during("start", states))
    assert at_start == [["exited", "exited"]]


@pytest.mark.parametrize("seconds", [0, 29, 100])
def test_the_watch_survives_the_death_of_the_panel(flow: Flow, seconds: int):
    """It stands in the database: another process, which knows nothing else, goes on with it."""
    service_id = flow.running()
    new = flow.redeploy(service_id, image="web:2").id
    flow.ports.clock.sleep(seconds)
    _crash(flow, new)
    _look(flow), flow.work()
    assert flow.deployment(new).status == "rolled_back"


def test_a_failure_long_after_the_switch_rolls_nothing_back(flow: Flow):
    service_id = flow.running()
    new = flow.redeploy(service_id, image="web:2").id
    flow.ports.clock.sleep(31)
    _look(flow)
    _crash(flow, new)
    _look(flow)
    assert flow.claim() is None
    flow.redeploy(service_id, image="web:2")
    flow.ports.clock.sleep(400)
    _crash(flow, flow.newest(service_id).id)
    _look(flow)
    assert flow.claim() is None, "no worker has looked for minutes"
    assert flow.service(service_id).watch is None


@pytest.mark.parametrize("where", ["create", "deploy", "update"])
def test_auto_rollback_can_be_turned_off(flow: Flow, where: str):
    from domain import services
    from tests.flow import CALLER

    service_id = flow.running(**({"auto_rollback": False} if where == "create" else {}))
    old = flow.service(service_id).live_deployment_id
    if where == "update":
        services.update_service(flow.ports, CALLER, service_id, {"auto_rollback": False})
        flow.work()
    new = flow.redeploy(service_id, image="web:2", **({"auto_rollback": False} if where == "deploy" else {})).id
    assert flow.held(service_id) == {new}, f"{old} is not kept"
    _crash(flow, new)
    _look(flow)
    assert flow.claim() is None
    assert flow.deployment(new).status == "succeeded"


def test_an_outage_of_the_engine_is_no_failure_of_the_version(flow: Flow):
    service_id = flow.running()
    new, state = flow.redeploy(service_id, image="web:2").id, ObserverState()
    flow.runtime.away = True
    with pytest.raises(Unavailable):
        _look(flow, state)
    flow.runtime.away = False
    _crash(flow, new)  # as the engine's own end does, before it starts everything again
    _look(flow, state)
    assert flow.claim() is None
    flow.ports.clock.sleep(16)
    _look(flow, state)
    assert flow.last(service_id).kind == "rollback", "it has not come up again"


def test_the_first_version_has_none_to_go_back_to(flow: Flow):
    service_id = flow.running()
    _crash(flow, str(flow.service(service_id).live_deployment_id))
    _look(flow)
    assert flow.claim() is None


def test_an_operation_that_begins_ends_the_watch(flow: Flow):
    service_id = flow.running()
    new = flow.redeploy(service_id, image="web:2").id
    flow.stop(service_id), flow.work()
    assert flow.service(service_id).watch is None
    flow.sweep()
    assert flow.held(service_id) == {new}


def test_a_job_that_had_ended_does_not_run_again_on_the_way_back(flow: Flow):
    flow.runtime.images["job:1"] = memory.Behaviour(exit_code=0, lines=("migrated",))
    compose = "services: {job: {image: 'job:1', restart: 'no'}, web: {image: 'web:1', expose: [8080]}}"
    service_id = flow.running(compose=compose)
    job = flow.container(service_id, "job").name
    _crash_web = lambda new: flow.runtime.crash(f"{service_id}-{new}-web-1")  # noqa: E731
    _crash_web(flow.redeploy(service_id, compose=compose).id)
    _look(flow), flow.work()
    assert flow.container(service_id, "web").state == "running"
    assert flow.runtime.logs(job, 10) == ["migrated"]


def test_an_old_version_that_does_not_come_up_leaves_the_new_one_and_a_failed_service(flow: Flow):
    service_id = flow.running()
    old, new = str(flow.service(service_id).live_deployment_id), flow.redeploy(service_id, image="web:2").id
    for fake in flow.runtime.fakes.values():
        if fake.spec.labels["panel.deployment"] == old:
            fake.behaviour = memory.Behaviour(exit_code=1)
    _crash(flow, new)
    _look(flow), flow.work()
    operation = flow.last(service_id)
    assert (operation.kind, operation.status) == ("rollback", "failed")
    assert flow.service(service_id).live_deployment_id == new
    assert flow.held(service_id) == {new}
    assert flow.deployment(new).status == "succeeded"


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("compose", ["", WRITER])
def test_a_rollback_is_finished_by_another_worker_wherever_the_first_one_dies(flow: Flow, after: bool, compose: str):
    at, sprung = 1, True
    while sprung:
        service_id = flow.running(**({"compose": compose} if compose else {}))
        old, new = str(flow.service(service_id).live_deployment_id), flow.redeploy(service_id).id
        _crash(flow, new)
        _look(flow)
        trap = Trap(at, Killed, after=after)
        flow.die(trap)
        flow.sweep(), flow.inherit()
        assert flow.serves(service_id, old), (at, trap.log)
        assert (flow.deployment(new).status, flow.held(service_id)) == ("rolled_back", {old}), (at, trap.log)
        assert "exit" in str(flow.deployment(new).failure) or "restarted" in str(flow.deployment(new).failure)
        at, sprung = at + 1, trap.sprung
    assert at > 10


def test_an_http_check_may_fail_once_but_not_twice(flow: Flow):
    service_id = flow.running(healthcheck={"path": "/healthz", "interval": 5})
    new, state = flow.redeploy(service_id, image="web:2").id, ObserverState()
    for fake in flow.runtime.fakes.values():
        fake.behaviour = replace(fake.behaviour, answers_http=False)
    _look(flow, state)
    assert flow.claim() is None
    flow.ports.clock.sleep(timedelta(seconds=6).total_seconds())
    _look(flow, state)
    operation = flow.last(service_id)
    assert operation.kind == "rollback"
    for fake in flow.runtime.fakes.values():
        fake.behaviour = replace(fake.behaviour, answers_http=True)
    flow.work()
    failure = flow.deployment(new).failure
    assert failure
    assert failure.message == "The health check of app failed within 30 seconds after it took over"
