"""The queue against a simple model of it: any requests, in any order, end as documented."""

from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from domain import deployments, operations, services
from domain.errors import Conflict
from domain.identity.access import Caller
from domain.model.identifiers import new_id
from domain.model.operation import ENDED_OPERATION, Operation, OperationStatus
from domain.model.service import ServiceStatus
from domain.model.steps import Failure
from domain.ports import Ports
from domain.rollout.service_status import settle_service
from domain.work import queue
from domain.work.task import Outcome

ENDS = [OperationStatus.SUCCEEDED, OperationStatus.FAILED, OperationStatus.CANCELLED, OperationStatus.ROLLED_BACK]
OPERATE = {"start": deployments.start_service, "stop": deployments.stop_service, "restart": deployments.restart_service}


@dataclass
class Expected:
    """One operation as the model has it; of a deployment, those that it still carries, oldest first."""

    id: str
    kind: str
    status: str = "queued"
    carries: list[str] = field(default_factory=list)


class Queue(RuleBasedStateMachine):
    """A service, callers who ask for work on it and change their minds, and a worker that takes its time."""

    ports: ClassVar[Ports]
    caller: ClassVar[Caller]

    def __init__(self) -> None:
        super().__init__()
        self.work: list[Expected] = []
        self.ended: dict[str, str] = {}

    @initialize()
    def create(self) -> None:
        body = {"name": new_id("x").replace("_", "-"), "deploy_method": "image", "image": "a"}
        created: Any = services.create_service(self.ports, self.caller, body).result
        self.service_id = created.service.id
        self.work.append(Expected(created.queued_operation_id, "deploy", carries=[created.deployment_id]))

    def teardown(self) -> None:
        """Leave nothing that a worker of the next example could take."""
        with self.ports.store.begin() as work:
            for one in self._left():
                self._finish(work, one, OperationStatus.FAILED)

    def _left(self) -> list[Expected]:
        return [one for one in self.work if one.status in ("queued", "running")]

    def _refused(self) -> bool:
        return any(one.kind == "delete" for one in self._left())

    @rule()
    def deploy(self) -> None:
        with suppress(Conflict):
            asked: Any = deployments.deploy_service(self.ports, self.caller, self.service_id).result
            assert not self._refused()
            last = self._left()[-1:]
            if last and (last[0].kind, last[0].status) == ("deploy", "queued"):
                assert asked.deployment.operation_id == last[0].id
                last[0].carries.append(asked.deployment.id)
            else:
                assert asked.deployment.operation_id not in {one.id for one in self.work}
                self.work.append(Expected(asked.deployment.operation_id, "deploy", carries=[asked.deployment.id]))

    @rule(kind=st.sampled_from(sorted(OPERATE)))
    def operate(self, kind: str) -> None:
        with suppress(Conflict):
            asked: Any = OPERATE[kind](self.ports, self.caller, self.service_id).result
            assert not self._refused()
            self.work.append(Expected(asked.id, kind))

    @rule()
    def delete(self) -> None:
        asked: Any = services.delete_service(self.ports, self.caller, self.service_id).result
        if self._refused():
            assert asked.id == self._left()[-1].id
            return
        for one in self._left():
            if one.status == "queued":
                self._end(one, "cancelled")
        self.work.append(Expected(asked.id, "delete"))

    @rule(data=st.data())
    def cancel_deployment(self, data: st.DataObject) -> None:
        known = [(one, carry) for one in self._left() for carry in one.carries]
        if not known:
            return
        operation, deployment = data.draw(st.sampled_from(known))
        deployments.cancel_deployment(self.ports, self.caller, deployment)
        if operation.status == "running" and deployment == operation.carries[-1]:
            return  # whoever carries it out stops when it sees the wish
        operation.carries.remove(deployment)
        self.ended[deployment] = "cancelled"
        if not operation.carries:
            self._end(operation, "cancelled")

    @rule(data=st.data())
    def cancel_operation(self, data: st.DataObject) -> None:
        if not self.work:
            return
        operation = data.draw(st.sampled_from(self.work))
        waited, ended = operation.status == "queued", operation.status in ENDED_OPERATION
        with pytest.raises(Conflict) if ended else nullcontext():
            operations.cancel_operation(self.ports, self.caller, operation.id)
        if waited:
            self._end(operation, "cancelled")

    @rule()
    def claim(self) -> None:
        now = self.ports.clock.now()
        with self.ports.store.begin() as work:
            claimed = work.operations.claim("worker", now, now + timedelta(hours=1))
        left = self._left()
        due = left[:1] if left and left[0].status == "queued" else []
        assert [one.id for one in due] == ([claimed.id] if claimed else [])
        if due:
            due[0].status = "running"

    @rule(status=st.sampled_from(ENDS))
    def end(self, status: OperationStatus) -> None:
        running = [one for one in self._left() if one.status == "running"]
        if running and (running[0].kind, status) != ("delete", OperationStatus.SUCCEEDED):
            failure = None if status is OperationStatus.SUCCEEDED else Failure("timed_out", "It took too long")
            with self.ports.store.begin() as work:
                self._finish(work, running[0], status, failure)
            self._end(running[0], status)

    def _end(self, operation: Expected, status: str) -> None:
        operation.status = status
        self.ended |= dict.fromkeys(operation.carries, status)
        operation.carries = []

    def _finish(self, work: Any, one: Expected, status: OperationStatus, failure: Failure | None = None) -> None:
        operation, outcome = self._operation(work, one), Outcome(status, self.ports.clock.now(), failure)
        queue.finish(work, operation, outcome)
        settle_service(work, operation, outcome)

    def _operation(self, work: Any, expected: Expected) -> Operation:
        found = work.operations.get(expected.id)
        assert found
        return found  # type: ignore[no-any-return]

    @invariant()
    def operations_are_as_expected(self) -> None:
        with self.ports.store.read() as work:
            for one in self.work:
                found = self._operation(work, one)
                assert (found.kind, found.status) == (one.kind, one.status)
                assert (found.finished_at is not None) == (one.status in ENDED_OPERATION)
                assert not one.carries or found.deployment_id == one.carries[-1], "the newest carries the others out"

    @invariant()
    def deployments_are_as_expected(self) -> None:
        with self.ports.store.read() as work:
            for one in self.work:
                for carry in one.carries:
                    found = work.deployments.get(carry)
                    assert found
                    assert (found.finished_at, found.operation_id) == (None, one.id)
                    assert found.superseded_by == (None if carry == one.carries[-1] else one.carries[-1])
            for deployment_id, status in self.ended.items():
                found = work.deployments.get(deployment_id)
                assert found
                assert (found.status, found.finished_at is None) == (status, False)

    @invariant()
    def what_is_wanted_is_what_was_asked_for_last(self) -> None:
        """What has ended is for whoever carried it out to judge; a wish that was withdrawn leaves no trace."""
        waiting = [one for one in self._left() if one.kind != "delete"]
        with self.ports.store.read() as work:
            service = work.services.get(self.service_id) if self.work else None
        if service and waiting and not self._refused():
            assert service.wanted is (ServiceStatus.STOPPED if waiting[-1].kind == "stop" else ServiceStatus.RUNNING)


def test_every_sequence_of_requests_ends_as_documented(ports: Ports, admin: Caller) -> None:
    Queue.ports, Queue.caller = ports, admin
    slow = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Queue, settings=settings(max_examples=25, stateful_step_count=25, suppress_health_check=slow)
    )
