"""Deployments on the in-memory ports: their order, volumes, logs, images and cancellation."""

from dataclasses import replace
from typing import Any

import pytest

from domain.adapters import memory
from domain.errors import Conflict, Unavailable
from domain.model.definition import Variable
from domain.model.service import ServiceStatus
from domain.ports import Ports
from domain.ports.runtime import Layers
from domain.rollout import release
from domain.work.lease import Lease
from tests.flow import Flow, Killed, Trap, fresh

WRITER = "services: {db: {image: 'web:1', expose: [8080], volumes: ['data:/data']}}\nvolumes: {data: }"
UNHEALTHY = memory.Behaviour(ports=(8080,), accepts_tcp=False, lines=("waiting for the database",))


@pytest.fixture
def flow(ports: Ports) -> Flow:
    return fresh(ports)


def _calls(flow: Flow, service_id: str, **body: Any) -> list[str]:
    trap = Trap(0, Killed)
    flow.deploy(service_id, **body)
    flow.work(flow.trapped(trap))
    return [name for name in trap.log if name in ("pull", "create", "start", "switch", "drain", "stop", "remove")]


def test_the_new_version_starts_beside_the_old_one_which_stops_after_the_switch(flow: Flow):
    service_id = flow.running()
    calls = _calls(flow, service_id, image="web:2")
    assert calls == ["pull", "create", "start", "switch", "drain", "stop"]


def test_requests_reach_the_old_version_until_the_new_one_is_healthy(flow: Flow):
    service_id = flow.running()
    old, seen = str(flow.service(service_id).live_deployment_id), []
    flow.deploy(service_id, image="web:2")
    look = flow.during("probe_tcp", lambda: seen.append(flow.serves(service_id, old)))
    flow.work(look)
    assert seen == [True]
    assert flow.serves(service_id, flow.newest(service_id).id)


def test_the_url_stays_over_all_deployments(flow: Flow):
    service_id = flow.running()
    url = flow.service(service_id).url
    flow.redeploy(service_id, image="web:2")
    flow.stop(service_id), flow.start(service_id), flow.restart(service_id)
    flow.work()
    assert url
    assert flow.service(service_id).url == url


def test_every_step_is_recorded_in_order(flow: Flow):
    deployment = flow.newest(flow.running())
    assert [step.name for step in deployment.steps] == [
        "pulling",
        "creating",
        "starting",
        "checking",
        "routing",
        "cleaning",
    ]
    assert all(step.finished_at for step in deployment.steps)
    assert "web:1 is web@sha256:" in flow.log(deployment.id)


def test_a_container_that_writes_to_a_volume_is_stopped_before_its_successor_starts(flow: Flow):
    service_id = flow.running(compose=WRITER)
    running: list[int] = []
    flow.deploy(service_id)
    flow.work(flow.during("start", lambda: running.append(_running(flow, service_id))))
    assert running == [0]
    assert flow.last(service_id).status == "succeeded"


def _running(flow: Flow, service_id: str) -> int:
    return sum(container.state == "running" for container in flow.containers(service_id))


def test_a_volume_is_handed_over_to_a_component_of_another_name(flow: Flow):
    service_id = flow.running(compose=WRITER)
    running: list[int] = []
    flow.deploy(service_id, compose=WRITER.replace("db:", "database:"))
    flow.work(flow.during("start", lambda: running.append(_running(flow, service_id))))
    assert running == [0]


def test_a_reader_of_a_volume_is_not_stopped_for_a_writer(flow: Flow):
    reader = WRITER.replace("data:/data'", "data:/data:ro'")
    service_id = flow.running(compose=reader)
    running: list[int] = []
    flow.deploy(service_id, compose=WRITER)
    flow.work(flow.during("start", lambda: running.append(_running(flow, service_id))))
    assert running == [1]


def test_a_failing_deployment_gives_the_volume_back_when_its_own_writer_is_gone(flow: Flow):
    service_id = flow.running(compose=WRITER)
    old = str(flow.service(service_id).live_deployment_id)
    flow.runtime.images["web:1"] = UNHEALTHY
    deployment_id, at_start = flow.deploy(service_id), []
    flow.work(flow.during("start", lambda: at_start.append(flow.held(service_id)), times=2))
    assert at_start == [{old, deployment_id}, {old}], "the old one starts again when the new one is gone"
    assert flow.deployment(deployment_id).status == "rolled_back"
    assert flow.service(service_id).status == "running"
    assert flow.serves(service_id, old)


def test_an_old_version_that_could_not_be_restarted_starts_when_the_engine_is_available(flow: Flow):
    service_id = flow.running(compose=WRITER)
    old = str(flow.service(service_id).live_deployment_id)
    flow.runtime.images["web:1"] = UNHEALTHY
    flow.deploy(service_id)
    flow.work(flow.during("probe_tcp", lambda: setattr(flow.runtime, "away", True)))
    assert flow.last(service_id).status == "rolled_back"
    assert flow.service(service_id).status == "failed"
    flow.runtime.away = False
    flow.sweep(), flow.work()
    assert flow.held(service_id) == {old}
    assert flow.serves(service_id, old)
    assert flow.service(service_id).status == "running"
    assert flow.last(service_id).kind == "start"
    flow.sweep()
    assert flow.claim() is None, "it is brought back once"


def test_a_deployment_that_fails_leaves_a_stopped_service_stopped(flow: Flow):
    service_id = flow.running(compose=WRITER)
    flow.stop(service_id), flow.work()
    flow.runtime.images["web:1"] = UNHEALTHY
    assert flow.redeploy(service_id).status == "failed"
    service = flow.service(service_id)
    assert (service.status, service.wanted) == ("stopped", "stopped")
    assert (_running(flow, service_id), flow.targets(service_id)) == (0, ())


def test_a_deployment_starts_a_stopped_service(flow: Flow):
    service_id = flow.running()
    flow.stop(service_id), flow.work()
    assert flow.redeploy(service_id).status == "succeeded"
    assert (flow.service(service_id).status, flow.service(service_id).wanted) == ("running", "running")


def test_a_failed_cleanup_does_not_fail_a_live_deployment(flow: Flow):
    service_id = flow.running()
    new = flow.deploy(service_id, image="web:2")
    flow.work(flow.during("drain", _refuse))
    assert flow.deployment(new).status == "succeeded"
    assert flow.service(service_id).status == "running"
    assert "removed later" in flow.log(new)
    flow.sweep()
    assert flow.held(service_id) == {new}


def _refuse() -> None:
    raise RuntimeError("no")


def test_the_old_version_has_its_own_stop_timeout(flow: Flow):
    compose = "services: {web: {image: 'web:1', expose: [8080], stop_grace_period: 45s}}"
    service_id = flow.running(compose=compose)
    graces: list[float] = []
    flow.deploy(service_id, compose=compose)
    ports = flow.ports
    stop = flow.runtime.stop
    flow.runtime.stop = lambda name, grace: (graces.append(grace), stop(name, grace))  # type: ignore[method-assign, assignment, return-value]
    flow.work(ports)
    assert graces == [45.0]


# ── Images ───────────────────────────────────────────────────────────────────────────────────────


def test_a_rollback_starts_the_same_digest_though_the_tag_has_moved(flow: Flow):
    from domain import deployments
    from tests.flow import CALLER

    service_id = flow.running()
    first = flow.newest(service_id)
    flow.runtime.images["web:1"] = memory.Behaviour(ports=(8080,), lines=("newer",))
    assert flow.redeploy(service_id).images != first.images
    deployments.rollback_service(flow.ports, CALLER, service_id)
    flow.work()
    assert flow.newest(service_id).images == first.images
    assert flow.service(service_id).status == "running"


def test_a_project_that_exposes_nothing_has_no_url(flow: Flow):
    flow.runtime.images["job:1"] = memory.Behaviour()
    service_id = flow.running(compose="services: {job: {image: 'job:1'}}")
    assert (flow.service(service_id).url, flow.router.routes()) == (None, set())


def test_the_port_that_the_image_exposes_is_used_when_none_is_given_and_is_never_forgotten(flow: Flow):
    flow.runtime.images["own:1"] = memory.Behaviour(ports=(3000,))
    service_id = flow.running(compose="services: {web: {image: 'own:1'}}")
    url = flow.service(service_id).url
    assert [target.port for target in flow.targets(service_id)] == [3000]
    for act in (flow.restart, flow.stop, flow.start, flow.deploy):
        act(service_id)
        flow.work()
        assert flow.last(service_id).status == "succeeded"
    assert [target.port for target in flow.targets(service_id)] == [3000]
    assert flow.service(service_id).url == url
    flow.runtime.images["own:1"] = replace(UNHEALTHY, ports=(3000,))
    old = str(flow.service(service_id).live_deployment_id)
    assert flow.redeploy(service_id).status == "failed"
    assert flow.serves(service_id, old)


def test_the_port_comes_from_the_image_of_the_main_component_and_not_of_its_database(flow: Flow):
    flow.runtime.images |= {"db:1": memory.Behaviour(ports=(5432,)), "own:1": memory.Behaviour(ports=(3000,))}
    compose = "services: {db: {image: 'db:1'}, web: {image: 'own:1', depends_on: [db]}}"
    service_id = flow.running(compose=compose)
    assert [target.port for target in flow.targets(service_id)] == [3000]


def test_a_pull_logs_its_progress_when_it_changes(flow: Flow):
    service_id = flow.ask()
    pull = flow.runtime.pull

    def slow(reference: str, tell: Any, *options: Any) -> Any:
        for done in (0, 1, 1, 1, 2):
            flow.ports.clock.sleep(1)
            tell(Layers(done, 3, done * 2**20, 3 * 2**20))
        return pull(reference, tell, *options)

    flow.runtime.pull = slow  # type: ignore[method-assign]
    flow.work()
    told = [line.text for line in flow.lines(flow.newest(service_id).id) if "layers" in line.text]
    assert told == [f"{done} of 3 layers, {done} of 3 MB" for done in (0, 1, 2)]


def test_secrets_appear_in_no_log_and_no_failure(flow: Flow):
    secret = "s3cret-word"
    key = "-----BEGIN KEY-----\nMIIabcdef\n-----END KEY-----"
    flow.runtime.images["leaky:1"] = memory.Behaviour(
        exit_code=3, lines=(f"password is {secret}", "MIIabcdef"), ports=(8080,)
    )
    service_id = flow.ask("leaky:1", secrets={"PASSWORD": secret, "KEY": key})
    flow.work()
    deployment = flow.newest(service_id)
    assert deployment.failure
    assert deployment.failure.code == "container_exited"
    assert deployment.failure.log[:2] == ("password is ********", "********")
    assert secret not in flow.log(deployment.id)
    assert "MIIabcdef" not in flow.log(deployment.id)
    flow.runtime.images["refused:1"] = memory.Behaviour(ports=(8080,), create_error=f"no such user: {secret}")
    refused = flow.redeploy(service_id, image="refused:1")
    assert refused.failure
    assert refused.failure.message == "no such user: ********"
    assert secret not in flow.log(refused.id)


def test_secrets_that_can_no_longer_be_read_fail_the_deployment_and_are_named(flow: Flow):
    service_id = flow.ask(secrets={"PASSWORD": "something"})
    deployment = flow.newest(service_id)
    spoilt = replace(deployment.definition, variables=(Variable("PASSWORD", "not sealed by us", secret=True),))
    with flow.ports.store.begin() as work:
        work.deployments.save(replace(deployment, definition=spoilt))
    flow.work()
    failure = flow.newest(service_id).failure
    assert failure
    assert failure.code == "secrets_unreadable"


def test_a_definition_that_the_policy_now_refuses_fails_with_its_reasons(flow: Flow, monkeypatch: pytest.MonkeyPatch):
    from domain.errors import Invalid

    def refuse(*_: Any, **__: Any) -> None:
        raise Invalid({"compose": "line 3: privileged is not allowed"})

    service_id = flow.ask()
    monkeypatch.setattr(release, "check", refuse)
    flow.work()
    failure = flow.newest(service_id).failure
    assert failure
    assert (failure.code, failure.message) == ("policy_refused", "line 3: privileged is not allowed")


# ── Cancelling ───────────────────────────────────────────────────────────────────────────────────


def test_a_deployment_cancelled_in_the_queue_never_starts(flow: Flow):
    service_id = flow.running()
    old, new = flow.service(service_id).live_deployment_id, flow.deploy(service_id)
    flow.cancel(flow.last(service_id).id)
    flow.work()
    assert flow.deployment(new).status == "cancelled"
    assert flow.held(service_id) == {old}


@pytest.mark.parametrize("method", ["pull", "create_network", "create", "start", "probe_tcp"])
@pytest.mark.parametrize("source", [{"image": "web:1"}, {"compose": WRITER}], ids=["alone", "with a volume"])
def test_a_deployment_cancelled_before_the_switch_is_undone_and_the_queue_moves_on(
    flow: Flow, method: str, source: dict[str, Any]
):
    service_id = flow.running(**source)
    old = str(flow.service(service_id).live_deployment_id)
    new = flow.deploy(service_id)
    running = flow.last(service_id).id
    flow.work(flow.during(method, lambda: flow.cancel(running)))
    assert flow.deployment(new).status == "cancelled"
    assert flow.operation(running).failure == flow.deployment(new).failure
    assert flow.service(service_id).status == "running"
    assert flow.held(service_id) == {old}
    assert flow.serves(service_id, old)
    assert flow.redeploy(service_id).status == "succeeded"


@pytest.mark.parametrize("method", ["switch", "drain", "stop", "remove"])
def test_a_deployment_cannot_be_cancelled_from_the_switch_on(flow: Flow, method: str):
    service_id = flow.running(auto_rollback=False)  # else the old version is not removed at once
    new, refused = flow.deploy(service_id), []
    running = flow.last(service_id).id

    def cancel() -> None:
        with pytest.raises(Conflict) as told:
            flow.cancel(running)
        refused.append(told.value.code)

    flow.work(flow.during(method, cancel))
    assert refused == ["past_point_of_no_return"]
    assert flow.deployment(new).status == "succeeded"


@pytest.mark.parametrize("method", ["switch", "drain", "stop"])
def test_a_cancellation_that_is_seen_after_the_switch_changes_nothing(flow: Flow, method: str):
    service_id = flow.running()
    new, lease = flow.deploy(service_id), Lease(flow.owner)
    flow.work(flow.during(method, lease.cancelled.set), lease)
    assert flow.deployment(new).status == "succeeded"
    assert flow.held(service_id) == {new}
    old = new
    new, lease = flow.deploy(service_id), Lease(flow.owner)
    once_away = [Unavailable("away", code="engine_unavailable")]
    drain = flow.router.drain

    def away(*given: Any) -> None:
        if once_away:
            lease.cancelled.set()
            raise once_away.pop()
        drain(*given)

    flow.router.drain = away  # type: ignore[method-assign]
    flow.work(lease=lease)
    assert flow.deployment(new).status == "succeeded"
    assert flow.held(service_id) == {new} != {old}


def test_a_deletion_that_comes_after_the_switch_lets_the_deployment_succeed_first(flow: Flow):
    service_id = flow.running()
    flow.deploy(service_id)
    running = flow.last(service_id).id
    flow.work(flow.during("drain", lambda: flow.delete(service_id)))
    assert flow.operation(running).status == "succeeded"
    assert not flow.exists(service_id)
    assert flow.held(service_id) == set()


def test_a_deletion_cancels_running_and_queued_operations(flow: Flow):
    service_id = flow.running()
    flow.deploy(service_id)
    running = flow.last(service_id).id
    flow.work(flow.during("probe_tcp", lambda: (flow.stop(service_id), flow.delete(service_id))))
    assert flow.operation(running).status == "cancelled"
    assert not flow.exists(service_id)
    assert (flow.held(service_id), flow.router.routes()) == (set(), set())


def test_a_service_whose_first_deployment_is_cancelled_is_failed_and_leaves_nothing(flow: Flow):
    service_id = flow.ask()
    running = flow.last(service_id).id
    flow.work(flow.during("start", lambda: flow.cancel(running)))
    assert flow.service(service_id).status is ServiceStatus.FAILED
    assert (flow.held(service_id), flow.router.routes()) == (set(), set())


def test_superseded_deployments_end_like_their_successor(flow: Flow):
    service_id = flow.running()
    first, second = flow.deploy(service_id, image="web:1"), flow.deploy(service_id, image="web:2")
    flow.work()
    assert [flow.deployment(each).status for each in (first, second)] == ["succeeded", "succeeded"]
    assert flow.deployment(first).superseded_by == second
    assert flow.service(service_id).live_deployment_id == second


# ── What it costs ────────────────────────────────────────────────────────────────────────────────


def test_a_redeployment_of_a_ready_image_costs_little_beyond_the_engines_own_work(flow: Flow):
    service_id = flow.running()
    flow.deploy(service_id, image="web:2")
    blocks, calls = Trap(0, Killed), Trap(0, Killed)
    operation = flow.claimed()
    ports = replace(flow.trapped(calls), store=flow.stored(blocks).store)
    flow.run(operation, ports)
    assert blocks.log.count("begin") == 7, "six steps and the end"
    assert blocks.log.count("read") <= 4
    assert len(calls.log) <= 17, calls.log
