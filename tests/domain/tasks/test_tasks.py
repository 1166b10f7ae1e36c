"""What tasks do at the engine, and what is left when any call fails or the worker dies at any moment."""

from collections.abc import Callable
from itertools import count
from typing import get_args

import pytest

from domain.adapters import memory
from domain.errors import Unavailable
from domain.model.operation import Kind
from domain.model.service import ServiceStatus
from domain.model.steps import FailureCode
from domain.ports import Ports
from domain.ports.runtime import EngineRefused, ImageMissing
from tests.flow import ENDED, Flow, Killed, Trap, fresh

DATABASE = """
services:
  db: {image: 'web:1', expose: [5432], volumes: ['data:/data'], restart: 'no'}
  job: {image: 'done:1', depends_on: {db: {condition: service_healthy}}}
  web: {image: 'web:1', expose: [8080], depends_on: {job: {condition: service_completed_successfully}}}
volumes: {data: }
"""
FAULTS: dict[str, tuple[Callable[[], BaseException], bool]] = {
    "image missing, before its effect": (lambda: ImageMissing("no such image"), False),
    "refused, before its effect": (lambda: EngineRefused("no room"), False),
    "away, before its effect": (lambda: Unavailable("The engine is away", code="engine_unavailable"), False),
    "away, after its effect": (lambda: Unavailable("The engine is away", code="engine_unavailable"), True),
    "unforeseen, after its effect": (lambda: RuntimeError("a bug"), True),
}
SOURCES = {"alone": {"image": "web:1"}, "with a volume": {"compose": DATABASE}}


def _flow(ports: Ports) -> Flow:
    flow = fresh(ports)
    flow.runtime.images["done:1"] = memory.Behaviour(exit_code=0)
    return flow


def _settled(flow: Flow, service_id: str) -> None:
    """Operation, deployment and service agree, and the failure is one of the documented."""
    operation, service = flow.last(service_id), flow.service(service_id)
    assert operation.status in ENDED
    assert operation.lease_owner is None
    assert operation.failure is None or operation.failure.code in get_args(FailureCode)
    assert service.status is not ServiceStatus.DEPLOYING
    if operation.deployment_id:
        deployment = flow.deployment(operation.deployment_id)
        assert (deployment.status, deployment.failure) == (operation.status, operation.failure)
        assert (deployment.id == service.live_deployment_id) == (deployment.status == "succeeded")
        assert all(step.finished_at for step in deployment.steps)


def _trap(number: int, fault: str) -> Trap:
    spring, after = FAULTS[fault]
    return Trap(number, spring, after=after)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("source", SOURCES)
def test_a_first_deployment_that_fails_at_any_call_leaves_nothing(ports: Ports, source: str, fault: str):
    for number in count(1):
        flow, trap = _flow(ports), _trap(number, fault)
        service_id = flow.ask(**SOURCES[source])
        flow.work(flow.trapped(trap))
        _settled(flow, service_id)
        service, ended = flow.service(service_id), flow.last(service_id)
        if ended.status == "succeeded":
            assert flow.serves(service_id, str(service.live_deployment_id))
        else:
            assert (ended.status, service.status) == ("failed", "failed")
            assert (flow.held(service_id), flow.router.routes()) == (set(), set()), trap.log[-1]
        if not trap.sprung:
            break
    assert number > 10


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("source", SOURCES)
def test_a_redeployment_that_fails_at_any_call_leaves_one_version_serving(ports: Ports, source: str, fault: str):
    flow = _flow(ports)
    service_id = flow.running(**SOURCES[source])
    for number in count(1):
        trap = _trap(number, fault)
        url, old = flow.service(service_id).url, flow.service(service_id).live_deployment_id
        new = flow.deploy(service_id)
        flow.work(flow.trapped(trap))
        _settled(flow, service_id)
        service, ended = flow.service(service_id), flow.last(service_id)
        live = new if ended.status == "succeeded" else old
        assert (service.status, service.live_deployment_id, service.url) == ("running", live, url)
        flow.sweep()
        assert flow.held(service_id) == {live}, trap.log[-1]
        assert flow.serves(service_id, str(live)), trap.log[-1]
        stopped = [
            container
            for container in flow.containers(service_id)
            if container.labels["panel.deployment"] == live
            if container.state != "running" and container.exit_code != 0
        ]
        assert stopped == []
        touched = "stop" in trap.log[: trap.log.index("switch")] if "switch" in trap.log else "stop" in trap.log
        assert ended.status in ("succeeded", "rolled_back" if touched else "failed")
        if not trap.sprung:
            break
    assert number > 10


def _prepared(flow: Flow, kind: Kind, service_id: str = "") -> str:
    """A service in the state in which this kind of work has something to do."""
    if not service_id or not flow.exists(service_id):
        service_id = flow.running(compose=DATABASE)
    if kind is Kind.START:
        flow.stop(service_id)
    elif flow.service(service_id).status == "stopped":
        flow.start(service_id)
    flow.work()
    return service_id


@pytest.mark.parametrize("kind", [Kind.START, Kind.STOP, Kind.RESTART])
@pytest.mark.parametrize("fault", [fault for fault in FAULTS if not fault.startswith("image")])
def test_work_that_fails_at_any_call_ends_and_can_be_done_again(ports: Ports, kind: Kind, fault: str):
    flow, service_id = _flow(ports), ""
    for number in count(1):
        trap, service_id = _trap(number, fault), _prepared(flow, kind, service_id)
        url, operation_id = flow.service(service_id).url, getattr(flow, kind.value)(service_id)
        flow.work(flow.trapped(trap))
        _settled(flow, service_id)
        failed = flow.operation(operation_id).status == "failed"
        assert failed == (flow.service(service_id).status == "failed"), trap.log[-1]
        again = getattr(flow, kind.value)(service_id)
        flow.work()
        assert flow.operation(again).status == "succeeded", trap.log[-1]
        _as_asked(flow, kind, service_id)
        assert flow.service(service_id).url == url
        if not trap.sprung:
            break
    assert number > 5


def test_a_service_whose_networks_are_gone_is_made_anew_when_it_starts(ports: Ports):
    flow = _flow(ports)
    service_id = _prepared(flow, Kind.START)
    ours = {"panel.service": service_id}
    before = flow.runtime.networks(ours)
    for network in before:
        flow.runtime.remove_network(network)
    operation_id = flow.start(service_id)
    flow.work()
    assert flow.operation(operation_id).status == "succeeded"
    assert flow.runtime.networks(ours) == before
    _as_asked(flow, Kind.START, service_id)


def _as_asked(flow: Flow, kind: Kind, service_id: str) -> None:
    running = {
        container.labels["panel.role"] for container in flow.containers(service_id) if container.state == "running"
    }
    assert running == (set() if kind is Kind.STOP else {"db", "web"})
    assert flow.service(service_id).status == ("stopped" if kind is Kind.STOP else "running")
    assert bool(flow.targets(service_id)) == (kind is not Kind.STOP)


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if not fault.startswith("image")])
def test_a_deletion_that_fails_at_any_call_forgets_nothing_and_can_be_done_again(ports: Ports, fault: str):
    flow = _flow(ports)
    for number in count(1):
        trap, service_id = _trap(number, fault), _prepared(flow, Kind.DELETE)
        operation_id = flow.delete(service_id)
        flow.work(flow.trapped(trap))
        assert flow.operation(operation_id).status == ("failed" if flow.exists(service_id) else "succeeded")
        if flow.exists(service_id):
            assert flow.service(service_id).status == "failed"
            flow.delete(service_id), flow.work()
        assert (flow.held(service_id), flow.router.routes(), flow.exists(service_id)) == (set(), set(), False)
        if not trap.sprung:
            break
    assert number > 5


@pytest.mark.parametrize("where", ["engine", "store"])
@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
@pytest.mark.parametrize("source", SOURCES)
def test_a_deployment_whose_worker_dies_at_any_moment_is_finished_by_the_next(
    ports: Ports, source: str, after: bool, where: str
):
    flow = _flow(ports)
    service_id = flow.running(**SOURCES[source])
    for number in count(1):
        trap = Trap(number, Killed, after=after)
        url, new = flow.service(service_id).url, flow.deploy(service_id)
        flow.die(trap, store=where == "store")
        flow.inherit()
        _settled(flow, service_id)
        service = flow.service(service_id)
        assert (service.status, service.live_deployment_id, service.url) == ("running", new, url), trap.log[-1]
        assert flow.held(service_id) == {new}
        assert flow.serves(service_id, new)
        numbers = [line.number for line in flow.lines(new)]
        assert numbers == sorted(set(numbers))
        if not trap.sprung:
            break
    assert number > 5


@pytest.mark.parametrize("where", ["engine", "store"])
@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
@pytest.mark.parametrize("source", SOURCES)
def test_a_failing_deployment_whose_worker_dies_at_any_moment_leaves_the_old_version(
    ports: Ports, source: str, after: bool, where: str
):
    """The new version never answers, so that it is undone, by whichever worker."""
    flow = _flow(ports)
    service_id = flow.running(**SOURCES[source], deploy_timeout=1)
    old = str(flow.service(service_id).live_deployment_id)
    flow.runtime.images["web:1"] = memory.Behaviour(ports=(8080, 5432), accepts_tcp=False)
    for number in count(1):
        trap = Trap(number, Killed, after=after)
        flow.deploy(service_id)
        flow.die(trap, store=where == "store")
        flow.inherit()
        _settled(flow, service_id)
        service = flow.service(service_id)
        assert (service.status, service.live_deployment_id) == ("running", old)
        expected = "failed" if source == "alone" else "rolled_back"
        assert flow.last(service_id).status == expected, trap.log[-1]
        assert flow.held(service_id) == {old}
        assert flow.serves(service_id, old)
        if not trap.sprung:
            break
    assert number > 5


@pytest.mark.parametrize("where", ["engine", "store"])
@pytest.mark.parametrize("kind", [Kind.START, Kind.STOP, Kind.RESTART, Kind.DELETE])
def test_work_whose_worker_dies_at_any_moment_is_finished_by_the_next(ports: Ports, kind: Kind, where: str):
    flow, service_id = _flow(ports), ""
    for number in count(1):
        trap, service_id = Trap(number, Killed), _prepared(flow, kind, service_id)
        operation_id = getattr(flow, kind.value)(service_id)
        flow.die(trap, store=where == "store")
        flow.inherit()
        assert flow.operation(operation_id).status == "succeeded", trap.log[-1]
        if kind is Kind.DELETE:
            assert (flow.exists(service_id), flow.held(service_id), flow.router.routes()) == (False, set(), set())
        else:
            _settled(flow, service_id)
            assert flow.service(service_id).status == ("stopped" if kind is Kind.STOP else "running")
            assert bool(flow.targets(service_id)) == (kind is not Kind.STOP)
        if not trap.sprung:
            break
