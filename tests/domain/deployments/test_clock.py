"""A clock that is set back changes neither the order of deployments nor how long they may take."""

import time

import pytest

from domain import deployments, services
from domain.adapters import memory
from domain.ports import Ports
from tests.flow import CALLER, Flow, fresh

HOUR = 3600


@pytest.fixture
def flow(ports: Ports) -> Flow:
    return fresh(ports)


def _set_back(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    read = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: read() - HOUR * 10**9)
    clock = flow.ports.clock
    assert isinstance(clock, memory.Clock)
    clock.set_back(HOUR)


def test_after_the_clock_was_set_back_the_newest_deployment_is_the_last_one(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
):
    service_id = flow.running()
    earlier = flow.newest(service_id)
    _set_back(flow, monkeypatch)
    later = flow.redeploy(service_id, image="web:2")
    assert services.get_service(flow.ports, CALLER, service_id).deployment_id == later.id
    assert [later.id, earlier.id] == sorted([earlier.id, later.id], reverse=True)
    rollback = deployments.rollback_service(flow.ports, CALLER, service_id).result
    assert rollback.deployment.rollback_of == earlier.id


def test_after_the_clock_was_set_back_operations_run_in_the_order_in_which_they_were_requested(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
):
    service_id = flow.running()
    requested = [flow.stop(service_id)]
    _set_back(flow, monkeypatch)
    requested += [flow.start(service_id), flow.restart(service_id)]
    with flow.ports.store.read() as work:
        assert [operation.id for operation in work.operations.unfinished(service_id)] == requested
    flow.work()
    assert flow.service(service_id).status == "running"


def test_a_deployment_times_out_although_the_clock_is_set_back_meanwhile(flow: Flow, monkeypatch: pytest.MonkeyPatch):
    flow.runtime.images["deaf:1"] = memory.Behaviour(ports=(8080,), accepts_tcp=False)
    service_id = flow.ask("deaf:1")
    began = flow.ports.clock.monotonic()
    flow.work(flow.during("inspect", lambda: _set_back(flow, monkeypatch)))
    failure = flow.newest(service_id).failure
    assert failure
    assert failure.code == "timed_out"
    assert flow.ports.clock.monotonic() - began < 2 * 120
