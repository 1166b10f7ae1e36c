"""Reactivate a customer: start the services that its suspension stopped."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from domain.model.operation import Kind, Operation
from domain.model.service import Service, ServiceStatus
from domain.ports import Ports
from domain.ports.progress import Change, Progress
from domain.ports.store import Work
from domain.rollout.service_queue import enqueue
from domain.tasks.customer_services import change_services, queue_for_services, require_none
from domain.work.queue import unfinished
from domain.work.task import StepRule, Task

STEPS: Mapping[str, StepRule] = {"starting": StepRule(irreversible=True)}


def reactivate(ports: Ports, operation: Operation, progress: Progress) -> Sequence[Change]:
    """Start what ran before, and see that it has started. It is not compared with quotas: the customer had it."""
    progress.step("starting", "Starting the services that ran before")
    now = ports.clock.now()
    queue_for_services(ports, operation, progress, lambda work, service: _start(work, service, now))
    change_services(ports, operation, progress, _forget_suspension)
    require_none(operation, progress, _failed, "Not started")
    return ()


def _failed(service: Service) -> bool:
    """Return whether a service that should have started has not."""
    return (
        service.suspended_at is not None
        and service.live_deployment_id is not None
        and service.status is ServiceStatus.FAILED
    )


def _forget_suspension(work: Work, service: Service) -> None:
    """Remove the mark of the suspension, unless a repeated request is to start the service again."""
    if service.suspended_at is not None and not _failed(service):
        service.suspended_at = None
        work.services.save(service)


def _start(work: Work, service: Service, now: datetime) -> None:
    """Queue a start. The mark of the suspension stays if a start fails, so that a repeated request tries it again."""
    if service.suspended_at is None:
        return
    waiting = unfinished(work, service.id)
    if service.live_deployment_id is None or any(each.kind != Kind.STOP for each in waiting):
        return
    service.wanted = ServiceStatus.RUNNING
    work.services.save(service)
    enqueue(work, now, None, service, Kind.START)


TASK = Task(kind=Kind.REACTIVATE_CUSTOMER, steps=STEPS, run=reactivate)
