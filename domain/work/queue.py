"""Putting work into the queue: the row is the job, and deployments that wait together share one."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from domain.identity.access import Caller
from domain.model.deployment import Deployment, DeploymentStatus, Trigger
from domain.model.identifiers import new_id
from domain.model.operation import ENDED_OPERATION, Kind, Operation, OperationStatus
from domain.model.service import Service, ServiceStatus
from domain.model.steps import Failure, Step
from domain.ports.store import Work


def enqueue(work: Work, now: datetime, caller: Caller, service: Service, kind: Kind, **options: Any) -> Operation:  # noqa: ANN401
    """Queue work on a service, behind whatever waits for it already."""
    operation = Operation(
        id=new_id("op"),
        kind=kind,
        service_id=service.id,
        created_at=now,
        customer_id=service.customer_id,
        actor_id=caller.id,
        request_id=caller.request_id or None,
        options=options,
    )
    work.operations.add(operation)
    return operation


def enqueue_deployment(
    work: Work, now: datetime, caller: Caller, service: Service, trigger: Trigger, rollback: Deployment | None = None
) -> Deployment:
    """Queue a deployment of the service's definition.

    When the last thing in the queue is a deployment that nobody has begun, the new one takes its place there: the
    earlier one is carried out by it (`superseded_by`) and ends as it does.
    """
    waiting = unfinished(work, service.id)[-1:]
    shared = next((one for one in waiting if (one.kind, one.status) == (Kind.DEPLOY, OperationStatus.QUEUED)), None)
    operation = shared or enqueue(work, now, caller, service, Kind.DEPLOY)
    deployment = Deployment(
        id=new_id("dep"),
        service_id=service.id,
        operation_id=operation.id,
        trigger=trigger,
        definition=service.definition,
        created_at=now,
        customer_id=service.customer_id,
        actor_id=caller.id,
        images=dict(rollback.images) if rollback else {},
        rollback_of=rollback.id if rollback else None,
    )
    work.deployments.add(deployment)
    _carry(work, operation, deployment)
    return deployment


def unfinished(work: Work, service_id: str) -> list[Operation]:
    """What waits or goes on at a service, oldest first; locked, so that nobody begins or ends any of it meanwhile."""
    found = [work.operations.get(operation.id) for operation in work.operations.unfinished(service_id)]
    return [operation for operation in found if operation and operation.status not in ENDED_OPERATION]


def _carry(work: Work, operation: Operation, deployment: Deployment) -> None:
    for earlier in work.deployments.of_operation(operation.id):
        if earlier.id != deployment.id and earlier.finished_at is None:
            earlier.superseded_by = deployment.id
            work.deployments.save(earlier)
    operation.deployment_id = deployment.id
    work.operations.save(operation)


def detach(work: Work, operation: Operation, deployment: Deployment, now: datetime) -> None:
    """Take one deployment out of work that has not begun it; the newest that is left carries the others out."""
    left = [
        one for one in work.deployments.of_operation(operation.id) if not one.finished_at and one.id != deployment.id
    ]
    if not left:
        cancel_queued(work, operation, now)
        return
    deployment.status, deployment.finished_at = DeploymentStatus.CANCELLED, now
    deployment.failure = Failure("cancelled", "Cancelled before it began")
    deployment.superseded_by = None
    work.deployments.save(deployment)
    left[-1].superseded_by = None
    work.deployments.save(left[-1])
    _carry(work, operation, left[-1])


def cancel_queued(work: Work, operation: Operation, now: datetime) -> None:
    """End queued work that nobody has begun; what is wanted of its service is again what was wanted before."""
    operation.cancel_requested = True
    finish(work, operation, OperationStatus.CANCELLED, now, Failure("cancelled", "Cancelled before it began"))
    service, left = work.services.get(operation.service_id), work.operations.unfinished(operation.service_id)
    if service:
        if service.status is ServiceStatus.DEPLOYING and not left:
            service.status = ServiceStatus.FAILED  # its first deployment was the one that never began
        stops = left[-1].kind is Kind.STOP if left else service.status is ServiceStatus.STOPPED
        service.wanted = ServiceStatus.STOPPED if stops else ServiceStatus.RUNNING
        work.services.save(service)


def touch(work: Work, service_id: str) -> None:
    """Raise the revision of a service when nothing of it changes but the work that callers see on it."""
    service = work.services.get(service_id)
    if service:
        work.services.save(service)


def finish(
    work: Work, operation: Operation, status: OperationStatus, now: datetime, failure: Failure | None = None
) -> None:
    """End work, and with it every deployment that it carries, in one and the same way."""
    for deployment in work.deployments.of_operation(operation.id):
        if deployment.finished_at is None:
            deployment.status, deployment.failure = DeploymentStatus(status.value), failure
            deployment.steps, deployment.finished_at = closed(deployment.steps, now), now
            work.deployments.save(deployment)
    operation.status, operation.failure = status, failure
    operation.steps, operation.finished_at = closed(operation.steps, now), now
    operation.progress = 100 if status is OperationStatus.SUCCEEDED else operation.progress
    operation.lease_owner = operation.lease_until = None
    work.operations.save(operation)


def closed(steps: tuple[Step, ...], now: datetime) -> tuple[Step, ...]:
    """The steps with the one that runs ended."""
    return tuple(step if step.finished_at else replace(step, finished_at=now) for step in steps)
