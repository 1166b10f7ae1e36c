"""When a container counts as healthy, and the failure of one that never does."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.adapters import memory
from domain.model.steps import Failure
from domain.ports import Ports
from domain.rollout.reconcile.observer import ObserverState, observe
from tests.flow import Flow, fresh

START = datetime(2026, 1, 1, tzinfo=UTC)
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


LOOP = "services: {{app: {{image: 'bad:1', restart: {policy}}}}}"


@pytest.mark.parametrize("policy", ["always", "unless-stopped", "on-failure"])
def test_a_container_that_is_restarted_has_time_until_the_deadline(flow: Flow, policy: str):
    begun, behaviour = flow.ports.clock.now(), memory.Behaviour(exit_code=3, lines=LINES)
    failure = _failure(flow, behaviour, compose=LOOP.format(policy=policy), deploy_timeout=10)
    assert (failure.code, failure.log[:2]) == ("container_exited", LINES)
    assert re.fullmatch(
        r"app was not ready within 10 seconds: it has restarted \d+ times, last with exit code 3", failure.message
    )
    assert flow.ports.clock.now() - begun >= timedelta(seconds=10)


@pytest.mark.parametrize("restart", ["restart: always", "restart: on-failure", ""])
def test_an_application_may_wait_for_its_database_by_ending(flow: Flow, restart: str):
    flow.runtime.images["app:1"] = memory.Behaviour(exit_code=1, crashes=3)
    app = f"app: {{image: 'app:1', expose: [8080]{', ' + restart if restart else ''}}}"
    service_id = flow.running(compose=f"services: {{{app}, db: {{image: 'web:1'}}}}")
    assert flow.container(service_id, "app").restarts == 3
    assert flow.container(service_id, "app").state == "running"


def test_a_crash_loop_that_nobody_can_see_between_two_looks_is_no_success(flow: Flow):
    """Without port and health check, it must run five seconds without a restart."""
    service_id, inspect, looks = (
        flow.ask(compose=LOOP.format(policy="always"), deploy_timeout=20),
        flow.runtime.inspect,
        [],
    )

    def looping(name: str) -> Any:
        seen = inspect(name)
        looks.append(name)
        return seen and replace(seen, restarts=len(looks) // 5, started_at=START + timedelta(seconds=len(looks) // 5))

    flow.runtime.inspect = looping  # type: ignore[method-assign]
    flow.work()
    failure = flow.newest(service_id).failure
    assert failure
    assert failure.code == "container_exited"


@pytest.mark.parametrize("restart", ["'no'", "on-failure"])
def test_a_job_that_ends_with_0_has_succeeded(flow: Flow, restart: str):
    """Whether another component waits for it or not."""
    flow.runtime.images["job:1"] = memory.Behaviour(exit_code=0, lines=("migrated",))
    job = f"job: {{image: 'job:1', restart: {restart}}}"
    service_id = flow.running(compose=f"services: {{{job}, web: {{image: 'web:1', expose: [8080]}}}}")
    assert flow.container(service_id, "job").state == "exited"
    assert flow.runtime.logs(flow.container(service_id, "job").name, 10) == ["migrated"]
    observe(flow.ports, ObserverState())
    assert flow.service(service_id).status == "running"


def test_a_service_whose_components_have_all_ended_with_0_is_stopped(flow: Flow):
    flow.runtime.images["job:1"] = memory.Behaviour(exit_code=0, lines=("done",))
    service_id = flow.ask(compose="services: {a: {image: 'job:1'}, b: {image: 'job:1', restart: 'no'}}")
    flow.work()
    service = flow.service(service_id)
    assert (flow.newest(service_id).status, service.status, service.wanted) == ("succeeded", "stopped", "stopped")
    assert (service.url, service.live_deployment_id) == (None, flow.newest(service_id).id)
    flow.start(service_id), flow.work()
    assert flow.service(service_id).status == "stopped"
    assert flow.runtime.logs(flow.container(service_id, "a").name, 10) == ["done", "done"], (
        "a start runs the jobs again"
    )


def test_a_job_that_ends_later_stops_its_service(flow: Flow):
    service_id = flow.running(compose="services: {job: {image: 'job:1', restart: 'no'}}")
    flow.runtime.crash(flow.container(service_id, "job").name, 0)
    observe(flow.ports, ObserverState())
    service = flow.service(service_id)
    assert (service.status, service.health.status, service.usage.memory_mb) == ("stopped", "unknown", 0)


def test_what_serves_requests_must_run_even_if_it_ends_with_0(flow: Flow):
    failure = _failure(flow, memory.Behaviour(exit_code=0))
    assert (failure.code, failure.message) == ("container_exited", "app exited with code 0 while starting")


def test_a_job_that_serves_requests_by_its_text_may_end(flow: Flow):
    flow.runtime.images["job:1"] = memory.Behaviour(exit_code=0)
    service_id = flow.ask(compose="services: {job: {image: 'job:1', restart: 'no', expose: [8080]}}")
    flow.work()
    service = flow.service(service_id)
    assert (service.status, service.url, flow.router.routes()) == ("stopped", None, set())


def test_what_the_text_does_not_restart_is_restarted_once_it_is_up(flow: Flow):
    compose = "services: {web: {image: 'web:1', expose: [8080]}, worker: {image: 'worker:1'}}"
    service_id = flow.running(compose=compose)
    policies = {fake.spec.component.name: fake.spec.component.restart for fake in flow.runtime.fakes.values()}
    assert policies == {"web": "unless-stopped", "worker": "on-failure"}
    flow.stop(service_id), flow.start(service_id), flow.work()
    assert {fake.spec.component.restart for fake in flow.runtime.fakes.values()} == {"unless-stopped", "on-failure"}


def test_a_one_shot_that_others_wait_for_keeps_on_failure(flow: Flow):
    flow.runtime.images["job:1"] = memory.Behaviour(exit_code=1, crashes=2)
    flow.runtime.images["done:1"] = memory.Behaviour(exit_code=0)
    job = "job: {image: 'job:1', restart: on-failure, depends_on: {done: {condition: service_completed_successfully}}}"
    service_id = flow.running(compose=f"services: {{{job}, done: {{image: 'done:1', restart: always}}}}")
    assert flow.container(service_id, "job").restarts == 2
    assert flow.container(service_id, "done").state == "exited"


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


SLOW = "slow: {image: 'slow:1', expose: [5432]}"


def test_each_container_has_the_timeout_from_its_own_start(flow: Flow):
    """The database needs nearly all of it, and what depends on it as much again."""
    flow.runtime.images |= {"slow:1": memory.Behaviour(ports=(5432,), probed=True, healthy_after=26)}
    other = "web: {image: 'slow:1', expose: [8080], depends_on: {slow: {condition: service_healthy}}}"
    begun = flow.ports.clock.now()
    flow.running(compose=f"services: {{{SLOW}, {other}}}", deploy_timeout=11)
    assert timedelta(seconds=15) < flow.ports.clock.now() - begun < timedelta(seconds=22)


def test_what_depends_on_nothing_waits_for_nothing(flow: Flow):
    """The whole takes as long as its longest chain: parts that do not depend on each other come up together."""
    flow.runtime.images |= {"slow:1": memory.Behaviour(ports=(5432,), probed=True, healthy_after=20)}
    flow.runtime.images["deaf:1"] = memory.Behaviour(accepts_tcp=False)
    deaf = "deaf: {image: 'deaf:1', expose: [8080], depends_on: {slow: {condition: service_healthy}}}"
    first, second = f"{SLOW}, {deaf}", f"{SLOW}, {deaf}".replace("slow:", "slow2:").replace("slow2:1", "slow:1")
    begun = flow.ports.clock.now()
    service_id = flow.ask(
        compose=f"services: {{{first}, {second.replace('deaf:', 'deaf2:').replace('deaf2:1', 'deaf:1')}}}",
        deploy_timeout=10,
    )
    flow.work()
    failure = flow.last(service_id).failure
    assert failure
    assert (failure.code, failure.message) == ("timed_out", "deaf was not ready within 10 seconds")
    assert flow.ports.clock.now() - begun < timedelta(seconds=21)


@pytest.mark.parametrize(("healthy_after", "code"), [(None, "unhealthy"), (1000, "timed_out")])
def test_the_failure_says_what_the_health_check_printed(flow: Flow, healthy_after: int | None, code: str):
    behaviour = memory.Behaviour(
        probed=True, healthy_after=healthy_after, health_output="no s3cret-word: connection refused"
    )
    failure = _failure(flow, behaviour, secrets={"PASSWORD": "s3cret-word"}, deploy_timeout=5)
    assert failure.code == code
    assert failure.message.endswith("The check printed: no ********: connection refused")


def test_a_port_that_only_the_image_names_makes_a_component_ready_at_once(flow: Flow):
    flow.runtime.images |= {
        "db:1": memory.Behaviour(ports=(5432,)),
        "app:1": memory.Behaviour(ports=(1,), accepts_tcp=False),
    }
    begun = flow.ports.clock.now()
    flow.running(compose="services: {web: {image: 'web:1', expose: [8080]}, db: {image: 'db:1'}}")
    assert flow.ports.clock.now() - begun < timedelta(seconds=1)
    flow.running(compose="services: {web: {image: 'web:1', expose: [8080]}, app: {image: 'app:1'}}")
    assert flow.ports.clock.now() - begun >= timedelta(seconds=5), "it need not listen where its image says"


def test_an_http_check_takes_precedence_over_an_open_port(flow: Flow):
    behaviour = memory.Behaviour(ports=(8080,), answers_http=False)
    assert _failure(flow, behaviour, healthcheck={"path": "/healthz"}).code == "timed_out"


def test_without_port_and_healthcheck_it_must_run_for_a_while(flow: Flow):
    begun = flow.ports.clock.now()
    service_id = flow.running(compose="services: {job: {image: 'job:1'}}")
    assert flow.service(service_id).status == "running"
    assert flow.ports.clock.now() - begun >= timedelta(seconds=5)


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
