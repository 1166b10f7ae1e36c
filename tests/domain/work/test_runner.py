"""How every operation ends: once, with a failure code, and with all its rows in agreement."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from domain.errors import Conflict, Invalid, Refusal, Unavailable
from domain.ports import Ports
from domain.ports.router import RouteFailed
from domain.ports.runtime import EngineRefused, ImageMissing
from tests.flow import Flow, Killed, Trap, fresh

WRITER = "services: {db: {image: 'web:1', expose: [8080], volumes: ['data:/data']}}\nvolumes: {data: }"


@pytest.fixture
def flow(ports: Ports) -> Flow:
    return fresh(ports)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (lambda: ImageMissing("no such image"), "image_missing"),
        (lambda: EngineRefused("no room"), "engine_refused"),
        (lambda: Unavailable("away", code="engine_unavailable"), "engine_unavailable"),
        (lambda: RouteFailed("The port is taken"), "route_failed"),
        (lambda: Unavailable("away", code="secrets_unreadable"), "secrets_unreadable"),
        (lambda: Unavailable("away", code="database_unavailable"), "internal_error"),
        (lambda: Unavailable("away"), "internal_error"),
        (lambda: Invalid({"compose": "is refused"}), "policy_refused"),
        (lambda: Conflict("somebody else was faster"), "internal_error"),
        (lambda: Refusal("no"), "internal_error"),
        (lambda: KeyError("a bug"), "internal_error"),
    ],
)
def test_each_kind_of_exception_has_a_failure_code(flow: Flow, fault: Callable[[], Exception], code: str):
    service_id = flow.ask()
    faults = Trap(0, fault)
    faults.call = lambda *_, **__: _raise(fault())  # type: ignore[method-assign]
    flow.work(flow.trapped(faults))
    failure = flow.last(service_id).failure
    assert failure
    assert failure.code == code


def _raise(fault: Exception) -> None:
    raise fault


def test_an_internal_error_is_not_shown(flow: Flow):
    service_id = flow.ask()
    flow.work(flow.trapped(Trap(1, lambda: RuntimeError("/etc/secret at line 3"))))
    deployment = flow.newest(service_id)
    assert deployment.failure
    assert "secret" not in deployment.failure.message + flow.log(deployment.id)


def test_the_log_ends_with_why_it_failed_and_the_containers_last_lines(flow: Flow):
    from domain.adapters import memory

    flow.runtime.images["bad:1"] = memory.Behaviour(exit_code=3, lines=("cannot open it",))
    service_id = flow.ask("bad:1")
    flow.work()
    lines = flow.lines(flow.newest(service_id).id)
    assert (lines[-1].stream, lines[-1].text) == ("container", "cannot open it")
    assert any(line.text.startswith("failed: app exited") for line in lines)


def test_an_operation_on_a_deleted_service_ends(flow: Flow):
    service_id = flow.running()
    operation_id = flow.start(service_id)
    with flow.ports.store.begin() as work:
        work.deployments.remove_of(service_id)
        work.services.remove(service_id)
    flow.work()
    failure = flow.operation(operation_id).failure
    assert failure
    assert failure.code == "service_deleted"


@pytest.mark.parametrize("kind", ["deploy", "start", "stop", "restart"])
def test_an_operation_that_crashes_the_panel_is_abandoned_and_the_old_version_serves(flow: Flow, kind: str):
    service_id = flow.running()
    old = str(flow.service(service_id).live_deployment_id)
    getattr(flow, kind)(service_id)
    for _ in range(3):
        flow.die(Trap(1, Killed))
        flow.ports.clock.sleep(10)
    flow.work()
    ended = flow.last(service_id)
    assert ended.failure
    assert (ended.status, ended.failure.code, ended.attempts) == ("failed", "worker_lost", 4)
    assert flow.held(service_id) == {old}
    assert flow.serves(service_id, old)


def test_an_operation_abandoned_after_the_volume_handover_is_rolled_back(flow: Flow):
    service_id = flow.running(compose=WRITER)
    old = str(flow.service(service_id).live_deployment_id)
    flow.deploy(service_id)
    for _ in range(3):
        trap = Trap(0, Killed)
        trap.call = lambda name, act, *given, **named: (act(*given, **named), name == "start" and _kill())[0]  # type: ignore[method-assign]
        flow.die(trap)
        flow.ports.clock.sleep(10)
    flow.work()
    assert flow.last(service_id).status == "rolled_back"
    assert flow.held(service_id) == {old}
    assert flow.serves(service_id, old)


def _kill() -> None:
    raise Killed


def test_a_live_deployment_whose_cleanup_crashes_the_panel_has_succeeded(flow: Flow):
    service_id = flow.running()
    new = flow.deploy(service_id)
    for _ in range(4):
        trap = Trap(0, Killed)
        trap.call = lambda name, act, *given, **named: _kill() if name == "drain" else act(*given, **named)  # type: ignore[method-assign]
        flow.die(trap)
        flow.ports.clock.sleep(10)
    calls = Trap(0, Killed)
    flow.work(flow.trapped(calls))
    assert "drain" not in calls.log
    assert flow.deployment(new).status == "succeeded"
    assert flow.service(service_id).status == "running"


def test_the_service_is_deploying_while_an_operation_runs(flow: Flow):
    service_id, seen = flow.running(), []
    flow.restart(service_id)
    flow.work(flow.during("stop", lambda: seen.append(flow.service(service_id).status)))
    assert seen == ["deploying"]


def test_the_latest_request_sets_the_desired_state(flow: Flow):
    service_id = flow.running()
    flow.stop(service_id), flow.start(service_id), flow.stop(service_id)
    operation = flow.claimed()
    flow.run(operation)
    assert (flow.service(service_id).status, flow.service(service_id).wanted) == ("stopped", "stopped")
    operation = flow.claimed()
    flow.run(operation)
    assert (flow.service(service_id).status, flow.service(service_id).wanted) == ("running", "stopped")
    flow.work()
    assert (flow.service(service_id).status, flow.service(service_id).wanted) == ("stopped", "stopped")


def test_a_stopped_service_uses_nothing_and_its_health_is_unknown(flow: Flow):
    from domain.model.service import Health, Usage
    from domain.rollout.reconcile import observer

    service_id = flow.running()
    observer.observe(flow.ports, observer.ObserverState())
    assert flow.service(service_id).usage.memory_mb > 0
    flow.stop(service_id), flow.work()
    assert (flow.service(service_id).usage, flow.service(service_id).health) == (Usage(), Health())


@pytest.mark.parametrize("cancelled_first", [True, False])
def test_either_the_cancellation_or_the_irreversible_step_wins(flow: Flow, cancelled_first: bool):
    service_id = flow.running()
    old, new = flow.service(service_id).live_deployment_id, flow.deploy(service_id)
    operation_id, answers = flow.last(service_id).id, []

    def cancel() -> None:
        try:
            flow.cancel(operation_id)
            answers.append("accepted")
        except Conflict:
            answers.append("refused")

    flow.work(flow.during("probe_tcp" if cancelled_first else "switch", cancel))
    won = "accepted" if cancelled_first else "refused"
    assert answers == [won]
    assert flow.deployment(new).status == ("cancelled" if cancelled_first else "succeeded")
    assert flow.service(service_id).live_deployment_id == (old if cancelled_first else new)


def test_a_start_that_is_cancelled_leaves_the_service_stopped(flow: Flow):
    service_id = flow.running()
    flow.stop(service_id), flow.work()
    operation_id = flow.start(service_id)
    flow.work(flow.during("probe_tcp", lambda: flow.cancel(operation_id)))
    assert flow.operation(operation_id).status == "cancelled"
    service = flow.service(service_id)
    assert (service.status, service.wanted) == ("stopped", "stopped")
    assert {container.state for container in flow.containers(service_id)} == {"exited"}


@pytest.mark.parametrize("kind", ["stop", "delete"])
def test_an_irreversible_operation_cannot_be_cancelled_once_it_has_started(flow: Flow, kind: str):
    service_id, refused = flow.running(), []
    operation_id = getattr(flow, kind)(service_id)

    def cancel() -> None:
        with pytest.raises(Conflict):
            flow.cancel(operation_id)
        refused.append(True)

    flow.work(flow.during("stop", cancel))
    assert refused
    assert flow.operation(operation_id).status == "succeeded"


def test_a_restart_continues_with_the_other_replicas(flow: Flow):
    compose = "services: {app: {image: 'web:1', expose: [8080], deploy: {replicas: 2}}}"
    service_id = flow.running(compose=compose)
    reached: list[int] = []
    flow.restart(service_id)
    flow.work(flow.during("stop", lambda: reached.append(len(flow.targets(service_id))), times=2))
    assert reached == [1, 1]
    assert len(flow.targets(service_id)) == 2


def test_a_missing_container_is_created_again_from_the_same_image(flow: Flow):
    service_id = flow.running()
    images = flow.newest(service_id).images
    flow.runtime.remove(flow.container(service_id).name)
    flow.runtime._local.clear()
    operation_id = flow.start(service_id)
    flow.runtime._local |= dict.fromkeys(images.values(), flow.runtime.images["web:1"])
    flow.work()
    assert flow.operation(operation_id).status == "succeeded"
    assert flow.serves(service_id, flow.newest(service_id).id)


def test_volumes_are_kept_or_deleted_as_asked(flow: Flow):
    kept, deleted = flow.running(compose=WRITER), flow.running(compose=WRITER)
    flow.delete(kept), flow.delete(deleted, volumes="delete")
    flow.work()
    assert list(flow.runtime.volumes({})) == [f"{kept}-data"]


def test_an_incomplete_deletion_names_the_rest_and_keeps_the_service(flow: Flow):
    service_id = flow.running()
    url = flow.service(service_id).url
    network = next(iter(flow.runtime.networks({})))
    flow.runtime.remove_network = lambda name: None  # type: ignore[method-assign]
    operation_id = flow.delete(service_id)
    flow.work()
    failure = flow.operation(operation_id).failure
    assert failure
    assert failure.code == "engine_refused"
    assert network in failure.message
    assert flow.service(service_id).status == "failed"
    del flow.runtime.remove_network
    assert flow.redeploy(service_id).status == "succeeded"
    assert url


def test_a_lost_secret_does_not_block_a_deletion(flow: Flow):
    service_id = flow.running(secrets={"PASSWORD": "something"})
    live = flow.newest(service_id)
    spoilt = tuple(replace(variable, value="not sealed by us") for variable in live.definition.variables)
    with flow.ports.store.begin() as work:
        work.deployments.save(replace(live, definition=replace(live.definition, variables=spoilt)))
    flow.delete(service_id), flow.work()
    assert not flow.exists(service_id)
    assert flow.held(service_id) == set()
