"""When a container counts as healthy, and the failure of one that never does."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.adapters import memory
from domain.model.steps import Failure
from domain.ports import Ports
from tests.flow import Flow, fresh

LINES = ("opening the database", "cannot open it")


@pytest.fixture
def flow(ports: Ports) -> Flow:
    return fresh(ports)


def _failure(flow: Flow, behaviour: memory.Behaviour, **body: Any) -> Failure:
    flow.runtime.images["bad:1"] = behaviour
    service_id = flow.ask("bad:1", **body)
    flow.work()
    failure = flow.newest(service_id).failure
    assert failure
    assert flow.held(service_id) == set()
    return failure


def test_a_container_that_exits_is_reported_with_its_last_lines(flow: Flow):
    failure = _failure(flow, memory.Behaviour(ports=(8080,), exit_code=3, lines=LINES))
    assert (failure.code, failure.log[:2]) == ("container_exited", LINES)
    assert "exited with code 3" in failure.message


def test_a_crash_loop_fails_the_start(flow: Flow):
    """The engine shows it running each time that somebody looks."""
    service_id = flow.ask()
    inspect = flow.runtime.inspect

    def looping(name: str) -> Any:
        seen = inspect(name)
        return seen and replace(seen, restarts=2)

    flow.runtime.inspect = looping  # type: ignore[method-assign]
    flow.work()
    failure = flow.newest(service_id).failure
    assert failure
    assert failure.code == "container_exited"


def test_a_container_restarted_long_ago_can_be_started_again(flow: Flow):
    service_id = flow.running()
    fake = next(iter(flow.runtime.fakes.values()))
    fake.state = replace(fake.state, restarts=1)
    operation_id = flow.start(service_id)
    flow.work()
    assert flow.operation(operation_id).status == "succeeded"


def test_an_unhealthy_container_has_its_own_failure_code(flow: Flow):
    failure = _failure(flow, memory.Behaviour(ports=(8080,), probed=True, healthy_after=None, lines=LINES))
    assert (failure.code, failure.log) == ("unhealthy", LINES)


def test_a_container_that_never_listens_times_out_with_its_last_lines(flow: Flow):
    begun = flow.ports.clock.now()
    failure = _failure(flow, memory.Behaviour(accepts_tcp=False, lines=LINES), deploy_timeout=7)
    assert (failure.code, failure.log) == ("timed_out", LINES)
    assert "7 seconds" in failure.message
    assert timedelta(seconds=7) <= flow.ports.clock.now() - begun < timedelta(seconds=8)


def test_the_timeout_covers_all_waits_of_a_deployment(flow: Flow):
    """The database needs nearly all of it, and what depends on it never listens."""
    flow.runtime.images |= {"slow:1": memory.Behaviour(ports=(5432,), probed=True, healthy_after=20)}
    flow.runtime.images["deaf:1"] = memory.Behaviour(accepts_tcp=False)
    compose = (
        "services: {db: {image: 'slow:1', expose: [5432]}, "
        "web: {image: 'deaf:1', expose: [8080], depends_on: {db: {condition: service_healthy}}}}"
    )
    service_id, begun = flow.ask(compose=compose, deploy_timeout=10), flow.ports.clock.now()
    flow.work()
    assert flow.last(service_id).failure
    assert flow.ports.clock.now() - begun < timedelta(seconds=11)


def test_an_http_check_takes_precedence_over_an_open_port(flow: Flow):
    behaviour = memory.Behaviour(ports=(8080,), answers_http=False)
    assert _failure(flow, behaviour, healthcheck={"path": "/healthz"}).code == "timed_out"


def test_without_port_and_healthcheck_it_must_run_for_a_while(flow: Flow):
    begun = flow.ports.clock.now()
    service_id = flow.running(compose="services: {job: {image: 'job:1'}}")
    assert flow.service(service_id).status == "running"
    assert flow.ports.clock.now() - begun >= timedelta(seconds=1)


def test_an_unavailable_log_does_not_hide_the_failure(flow: Flow):
    def away(name: str, tail: int) -> list[str]:
        from domain.errors import Unavailable

        raise Unavailable("away", code="engine_unavailable")

    flow.runtime.logs = away  # type: ignore[method-assign]
    assert _failure(flow, memory.Behaviour(exit_code=3)).code == "container_exited"


def test_a_dependent_starts_when_its_dependency_has_completed(flow: Flow):
    flow.runtime.images |= {"job:1": memory.Behaviour(exit_code=0), "bad:1": memory.Behaviour(exit_code=1)}
    compose = (
        "services: {job: {image: 'job:1'}, web: {image: 'web:1', expose: [8080], "
        "depends_on: {job: {condition: service_completed_successfully}}}}"
    )
    service_id = flow.running(compose=compose)
    states = {container.labels["panel.role"]: container.state for container in flow.containers(service_id)}
    assert states == {"job": "exited", "web": "running"}
    deployment = flow.redeploy(service_id, compose=compose.replace("job:1", "bad:1"))
    assert deployment.failure
    assert deployment.failure.code == "dependency_failed"


@pytest.mark.parametrize("act", ["restart", "start"])
def test_a_completed_dependency_does_not_run_again(flow: Flow, act: str):
    flow.runtime.images["job:1"] = memory.Behaviour(exit_code=0, lines=("migrated",))
    compose = (
        "services: {job: {image: 'job:1'}, web: {image: 'web:1', expose: [8080], "
        "depends_on: {job: {condition: service_completed_successfully}}}}"
    )
    service_id = flow.running(compose=compose)
    operation_id = getattr(flow, act)(service_id)
    flow.work()
    assert flow.operation(operation_id).status == "succeeded"
    assert flow.runtime.logs(flow.container(service_id, "job").name, 10) == ["migrated"]


@pytest.mark.parametrize("condition", ["service_started", "service_healthy"])
def test_a_dependency_that_ends_fails_the_deployment_before_its_dependents_start(flow: Flow, condition: str):
    flow.runtime.images["bad:1"] = memory.Behaviour(exit_code=1)
    started: list[str] = []
    start = flow.runtime.start
    flow.runtime.start = lambda name: (started.append(name), start(name))[1]  # type: ignore[method-assign, func-returns-value]
    service_id = flow.ask(
        compose="services: {db: {image: 'bad:1', restart: 'no'}, "
        f"web: {{image: 'web:1', expose: [8080], depends_on: {{db: {{condition: {condition}}}}}}}}}"
    )
    flow.work()
    failure = flow.last(service_id).failure
    assert failure
    assert failure.code == "container_exited"
    assert not [name for name in started if "-web-" in name]


def test_a_container_that_fails_while_others_start_is_detected(flow: Flow):
    flow.runtime.images["slow:1"] = memory.Behaviour(ports=(8080,), probed=True, healthy_after=3)
    compose = "services: {a: {image: 'web:1', restart: 'no'}, b: {image: 'slow:1', expose: [8080]}}"
    service_id = flow.ask(compose=compose)
    inspect = flow.runtime.inspect

    def look(name: str) -> Any:
        seen = inspect(name)
        if "-b-" in name and seen and seen.health == "starting":
            flow.runtime.kill(name.replace("-b-", "-a-"))
        return seen

    flow.runtime.inspect = look  # type: ignore[method-assign]
    flow.work()
    failure = flow.last(service_id).failure
    assert failure
    assert failure.code == "container_exited"
    assert failure.message.startswith("a ")
