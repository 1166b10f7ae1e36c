"""Operations about services: put into the queue, shared by deployments that wait, cancelled before they start."""

from datetime import datetime

from domain.definitions.checked import CheckedDefinition
from domain.identity.access import Caller
from domain.model.definition import Definition
from domain.model.deployment import Deployment, DeploymentStatus, Trigger
from domain.model.identifiers import new_id
from domain.model.operation import Kind, Operation, OperationStatus, Option
from domain.model.service import Service
from domain.model.steps import Failure
from domain.ports.store import Work
from domain.rollout.service_status import settle_service
from domain.work import queue
from domain.work.queue import Resource


def enqueue(
    work: Work, now: datetime, caller: Caller | None, service: Service, kind: Kind, **options: Option
) -> Operation:
    """Append an operation to the service's queue. Without a caller the panel itself asks for it."""
    resource = Resource("service", service.id, service.customer_id, lock_key=service.id)
    return queue.enqueue(work, now, resource, kind, caller=caller, options=options)


def enqueue_deployment(
    work: Work,
    now: datetime,
    caller: Caller,
    service: Service,
    checked: CheckedDefinition,
    cause: Trigger | Deployment,
) -> Deployment:
    """Queue a deployment of a checked definition. A deployment as `cause` is rolled back to, with its images.

    If the newest queued operation is a deployment that has not started, merge into it: the earlier deployment gets
    `superseded_by` and shares the result. It sorts behind the earlier deployments, even if the clock has been set back.
    """
    earlier = cause if isinstance(cause, Deployment) else None
    newest, is_idle = work.deployments.newest(service.id), not queue.unfinished(work, service.id)
    built = earlier or (_built(work, service, checked, cause) if is_idle else None)
    operation = _last_if_waiting(work, service.id) or enqueue(work, now, caller, service, Kind.DEPLOY)
    deployment = Deployment(
        id=new_id("dep", after=newest.id if newest else ""),
        service_id=service.id,
        operation_id=operation.id,
        trigger=Trigger.ROLLBACK if isinstance(cause, Deployment) else cause,
        definition=checked.definition,
        created_at=max(now, newest.created_at) if newest else now,
        customer_id=service.customer_id,
        actor_id=caller.id,
        images=dict(built.images) if built else {},
        commit=built.commit if built else None,
        rollback_of=earlier.id if earlier else None,
        demand=service.demand,
    )
    work.deployments.add(deployment)
    _run_newest(work, operation, deployment)
    return deployment


def find_waiting(work: Work, service_id: str, definition: Definition, trigger: Trigger) -> Deployment | None:
    """Return the deployment that is queued last and has not started, if it is of this definition and trigger."""
    operation = _last_if_waiting(work, service_id)
    waiting = work.deployments.get(operation.deployment_id or "") if operation else None
    return waiting if waiting and (waiting.definition, waiting.trigger) == (definition, trigger) else None


def _last_if_waiting(work: Work, service_id: str) -> Operation | None:
    """Return the newest unfinished operation if it is a deployment that has not started."""
    last = queue.unfinished(work, service_id)[-1:]
    return next((op for op in last if (op.kind, op.status) == (Kind.DEPLOY, OperationStatus.QUEUED)), None)


def _built(work: Work, service: Service, checked: CheckedDefinition, cause: Trigger | Deployment) -> Deployment | None:
    """Return the live deployment if its image, built from git, is used again: nothing but settings changes."""
    live = work.deployments.get(service.live_deployment_id or "") if cause in (Trigger.SCALE, Trigger.UPDATE) else None
    return live if live and live.commit and live.definition.git == checked.definition.git else None


def _run_newest(work: Work, operation: Operation, deployment: Deployment) -> None:
    """Make this the deployment that the operation runs, in place of the earlier ones."""
    for earlier in work.deployments.of_operation(operation.id):
        if earlier.id != deployment.id and earlier.finished_at is None:
            earlier.superseded_by = deployment.id
            work.deployments.save(earlier)
    operation.deployment_id = deployment.id
    work.operations.save(operation)


def detach(work: Work, operation: Operation, deployment: Deployment, now: datetime) -> None:
    """Cancel one deployment of an operation that does not run it; the newest of the others is run in its place."""
    others = [
        other
        for other in work.deployments.of_operation(operation.id)
        if not other.finished_at and other.id != deployment.id
    ]
    if not others:
        cancel_queued(work, operation, now)
        return
    deployment.status, deployment.finished_at = DeploymentStatus.CANCELLED, now
    deployment.failure = Failure("cancelled", "Cancelled before it started")
    deployment.superseded_by = None
    work.deployments.save(deployment)
    others[-1].superseded_by = None
    work.deployments.save(others[-1])
    _run_newest(work, operation, others[-1])


def cancel_queued(work: Work, operation: Operation, now: datetime) -> None:
    """End an operation about a service that has not started; the service is wanted as it was before."""
    settle_service(work, operation, queue.cancel_queued(work, operation, now))


def touch(work: Work, service_id: str) -> None:
    """Raise the revision of a service whose operations change, since clients see them on it."""
    service = work.services.get(service_id)
    if service:
        work.services.save(service)
