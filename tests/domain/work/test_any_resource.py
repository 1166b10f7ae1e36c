"""Background work about a resource that is no service: nothing in the queue, runner or progress knows its kind."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from domain import operations
from domain.identity.access import Caller
from domain.model.operation import Operation, OperationStatus
from domain.model.steps import Step
from domain.ports import Ports
from domain.ports.progress import Change, Progress
from domain.ports.store import Work
from domain.work import queue
from domain.work.lease import Lease
from domain.work.queue import Resource
from domain.work.runner import run_operation
from domain.work.task import Line, Outcome, StepRule, Task
from tests.flow import Flow, fresh


class Cleaning:
    """A task about a house, which notes what it is called for."""

    def __init__(self, fails: bool = False) -> None:
        self.fails = fails
        self.calls: list[str] = []
        self.steps: list[str] = []
        self.lines: list[str] = []
        self.outcomes: list[Outcome] = []
        self.task = Task(
            kind="clean_house",
            steps={"sweeping": StepRule(10), "mopping": StepRule(60, irreversible=True)},
            run=self.run,
            lock=lambda *_: self.calls.append("lock"),
            begin=lambda *_: self.calls.append("begin"),
            record=self.record,
            settle=lambda _work, _operation, outcome: self.outcomes.append(outcome),
        )

    def run(self, _ports: Ports, operation: Operation, progress: Progress) -> Sequence[Change]:
        progress.step("sweeping", f"Sweeping {operation.resource_id}")
        progress.remember(dust=3)
        if self.fails:
            raise RuntimeError("the broom broke")
        progress.step("mopping", "Mopping")
        return [lambda _work, _operation: self.calls.append("change")]

    def record(self, _work: Work, _operation: Operation, step: Step | None, lines: Sequence[Line]) -> None:
        self.steps += [step.name] if step else []
        self.lines += [line.text for line in lines]


@pytest.fixture
def flow(ports: Ports) -> Flow:
    return fresh(ports)


def _enqueue(flow: Flow, house: str, lock_key: str = "") -> Operation:
    resource = Resource("house", house, None, lock_key or house)
    with flow.ports.store.begin() as work:
        return queue.enqueue(work, flow.ports.clock.now(), resource, "clean_house", options={"soap": True})


def _run(flow: Flow, cleaning: Cleaning) -> Operation:
    operation = flow.claimed()
    run_operation(flow.ports, {"clean_house": cleaning.task}, operation, Lease(flow.owner))
    return flow.operation(operation.id)


def test_an_operation_of_a_new_kind_runs_to_its_end_without_touching_a_service(flow: Flow):
    service_id = flow.running()
    before, cleaning = flow.service(service_id), Cleaning()
    _enqueue(flow, "house_1")
    ended = _run(flow, cleaning)
    assert (ended.status, ended.progress, ended.irreversible) == ("succeeded", 100, True)
    assert (ended.resource_type, ended.resource_id) == ("house", "house_1")
    assert ended.options == {"soap": True, "dust": 3}
    assert [step.name for step in ended.steps] == cleaning.steps == ["sweeping", "mopping"]
    assert cleaning.lines == ["Sweeping house_1", "Mopping"]
    assert [outcome.status for outcome in cleaning.outcomes] == [OperationStatus.SUCCEEDED]
    assert cleaning.calls == ["lock", "begin", "lock", "lock", "lock", "change"]
    assert flow.service(service_id) == before


def test_an_operation_of_a_new_kind_that_fails_is_settled_too(flow: Flow):
    cleaning = Cleaning(fails=True)
    _enqueue(flow, "house_1")
    ended = _run(flow, cleaning)
    assert ended.failure
    assert (ended.status, ended.failure.code) == ("failed", "internal_error")
    assert [outcome.failure for outcome in cleaning.outcomes] == [ended.failure]
    assert "change" not in cleaning.calls


def test_an_operation_without_a_task_ends_as_failed(flow: Flow):
    _enqueue(flow, "house_1")
    operation = flow.claimed()
    run_operation(flow.ports, {}, operation, Lease(flow.owner))
    ended = flow.operation(operation.id)
    assert ended.failure
    assert (ended.status, ended.failure.code) == ("failed", "internal_error")
    assert "clean_house" in ended.failure.message


def test_a_queued_operation_without_a_task_can_be_cancelled(flow: Flow, admin: Caller):
    operation = _enqueue(flow, "house_1")
    assert operations.cancel_operation(flow.ports, admin, operation.id).status == "cancelled"


def test_operations_about_two_resources_with_one_lock_key_never_run_together(flow: Flow):
    first, second = _enqueue(flow, "house_1", "street_1"), _enqueue(flow, "house_2", "street_1")
    assert flow.claimed().id == first.id
    assert flow.claim() is None
    with flow.ports.store.begin() as work:
        operation = work.operations.get(first.id)
        assert operation
        queue.finish(work, operation, Outcome(OperationStatus.SUCCEEDED, flow.ports.clock.now()))
    assert flow.claimed().id == second.id


def test_operations_about_one_resource_with_different_lock_keys_run_together(flow: Flow):
    first, second = _enqueue(flow, "house_1", "street_1"), _enqueue(flow, "house_1", "street_2")
    assert {flow.claimed().id, flow.claimed().id} == {first.id, second.id}


def test_an_operation_that_waits_is_cancelled_by_the_queue_and_settled_by_its_task(flow: Flow):
    operation, cleaning = _enqueue(flow, "house_1"), Cleaning()
    with flow.ports.store.begin() as work:
        queued = work.operations.get(operation.id)
        assert queued
        cleaning.task.settle(work, queued, queue.cancel_queued(work, queued, flow.ports.clock.now()))
    assert flow.operation(operation.id).status == "cancelled"
    assert flow.claim() is None
    assert [outcome.status for outcome in cleaning.outcomes] == [OperationStatus.CANCELLED]


def test_the_event_of_an_operation_about_no_service_names_no_service(flow: Flow):
    from domain.events.event_types import operation_progress

    operation = replace(_enqueue(flow, "house_1"), progress=10)
    assert "'service_id': None" in str(operation_progress(operation))
