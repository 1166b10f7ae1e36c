"""Suspend a customer: stop its services and remember which ran. They keep their containers and data."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from domain.model.operation import Kind, Operation, OperationStatus
from domain.model.service import Service, ServiceStatus
from domain.ports import Ports
from domain.ports.progress import Change, Progress
from domain.ports.store import Work
from domain.rollout.service_queue import cancel_queued, enqueue
from domain.tasks.customer_services import queue_for_services, require_none
from domain.work.queue import unfinished
from domain.work.task import StepRule, Task

STEPS: Mapping[str, StepRule] = {"stopping": StepRule(irreversible=True)}


def suspend(ports: Ports, operation: Operation, progress: Progress) -> Sequence[Change]:
    """Stop every service that runs or is about to, and see that none is left running."""
    progress.step("stopping", "Stopping the services of the customer")
    now = ports.clock.now()
    queue_for_services(ports, operation, progress, lambda work, service: _stop(work, service, now))
    require_none(operation, progress, lambda service: service.wanted is ServiceStatus.RUNNING, "Not stopped")
    return ()


def _stop(work: Work, service: Service, now: datetime) -> None:
    operations = unfinished(work, service.id)
    if service.wanted is not ServiceStatus.RUNNING or any(each.kind == Kind.DELETE for each in operations):
        return
    for operation in operations:
        if operation.status is OperationStatus.QUEUED:
            cancel_queued(work, operation, now)
        else:
            operation.cancel_requested = True
            work.operations.save(operation)
    current = work.services.get(service.id) or service
    current.wanted, current.suspended_at = ServiceStatus.STOPPED, now
    work.services.save(current)
    enqueue(work, now, None, current, Kind.STOP)


TASK = Task(kind=Kind.SUSPEND_CUSTOMER, steps=STEPS, run=suspend)
