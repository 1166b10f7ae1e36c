"""How operations change the status of their service: while they run, and when they end."""

from collections.abc import Sequence

from domain.model.deployment import DeploymentStatus, LogLine
from domain.model.operation import Kind, Operation
from domain.model.service import Health, Service, ServiceStatus, Usage
from domain.model.steps import Step, finish_steps
from domain.ports.store import Work
from domain.work.task import Line, Outcome


def lock_service(work: Work, operation: Operation) -> Service | None:
    """Lock the service before its operations, as every rule does: then nobody waits in a circle."""
    return work.services.get(operation.resource_id)


def mark_deploying(work: Work, operation: Operation) -> None:
    """Show that an operation runs, and keep the status that the service had before."""
    service = work.services.get(operation.resource_id)
    if service is not None:
        operation.options = {**operation.options, "status_before": status_before(service, operation).value}
        work.operations.save(operation)
        service.status, service.watch = ServiceStatus.DEPLOYING, None
        work.services.save(service)


def status_before(service: Service, operation: Operation) -> ServiceStatus:
    """Return the status that the service had before the operation. A service that was never deployed has failed."""
    known = service.status if service.status is not ServiceStatus.DEPLOYING else ServiceStatus.FAILED
    return ServiceStatus(str(operation.options.get("status_before", known)))


def record_deployment(work: Work, operation: Operation, step: Step | None, lines: Sequence[Line]) -> None:
    """Write the step to the deployment that the operation runs, and the lines to its log."""
    deployment = work.deployments.get(operation.deployment_id) if operation.deployment_id else None
    if deployment is None:
        return
    if step is not None:
        deployment.status, deployment.steps = DeploymentStatus(step.name), operation.steps
        deployment.started_at = deployment.started_at or step.started_at
        work.deployments.save(deployment)
    add_lines(work, deployment.id, lines)


def add_lines(work: Work, deployment_id: str, lines: Sequence[Line]) -> None:
    """Append lines to the log of a deployment."""
    if lines:
        first = work.deployments.last_line_number(deployment_id) + 1
        work.deployments.add_lines(
            [
                LogLine(deployment_id, number, line.at, line.step, line.text, line.stream)
                for number, line in enumerate(lines, start=first)
            ]
        )


def settle_service(work: Work, operation: Operation, outcome: Outcome) -> None:
    """End the operation's deployments in the same way, and give the service its status until it is observed again."""
    _finish_deployments(work, operation, outcome)
    service = work.services.get(operation.resource_id)
    if service is None:
        return
    unfinished = work.operations.unfinished(operation.lock_key)
    service.status = final_status(service, operation, outcome, idle=not unfinished)
    if operation.started_at and service.status is ServiceStatus.STOPPED:
        service.usage, service.health = Usage(storage_mb=service.usage.storage_mb), Health()
    service.wanted = _wanted(service, unfinished)
    if not unfinished and service.demand is not None:
        live = work.deployments.get(service.live_deployment_id or "")
        service.counted = service.demand.maximum(live.demand if live else None)
    work.services.save(service)  # also when nothing of the row changes: clients see the end of its operation on it


def _finish_deployments(work: Work, operation: Operation, outcome: Outcome) -> None:
    for deployment in work.deployments.of_operation(operation.id):
        if deployment.finished_at is None:
            deployment.status, deployment.failure = DeploymentStatus(outcome.status.value), outcome.failure
            deployment.steps, deployment.finished_at = finish_steps(deployment.steps, outcome.at), outcome.at
            work.deployments.save(deployment)


def mark_completed(_work: Work, operation: Operation) -> None:
    """Let the service be `stopped` when the operation ends: all of its containers have done their work."""
    operation.options = {**operation.options, "completed": True}


def final_status(service: Service, operation: Operation, outcome: Outcome, *, idle: bool) -> ServiceStatus:
    """Return the status in which an ended operation leaves its service. `idle`: no other operation waits."""
    if operation.started_at is None:
        never_deployed = idle and service.status is ServiceStatus.DEPLOYING
        return ServiceStatus.FAILED if never_deployed else service.status
    if outcome.failure is None:
        ended = operation.kind == Kind.STOP or operation.options.get("completed")
        return ServiceStatus.STOPPED if ended else ServiceStatus.RUNNING
    undone = outcome.failure.code == "cancelled" or operation.kind == Kind.DEPLOY
    if undone and not operation.options.get("undo_pending"):
        return status_before(service, operation)
    return ServiceStatus.FAILED


def _wanted(service: Service, unfinished: Sequence[Operation]) -> ServiceStatus:
    """Return what was asked for last: by the newest operation that waits, or by those that have ended."""
    if not unfinished:
        return ServiceStatus.STOPPED if service.status is ServiceStatus.STOPPED else ServiceStatus.RUNNING
    if unfinished[-1].kind == Kind.DELETE:
        return service.wanted
    return ServiceStatus.STOPPED if unfinished[-1].kind == Kind.STOP else ServiceStatus.RUNNING
