"""Roll back: bring the version before the live one back, since the live one failed right after it had taken over."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from domain.errors import Unavailable
from domain.model.deployment import DeploymentStatus
from domain.model.operation import Kind, Operation
from domain.model.service import ServiceStatus
from domain.model.steps import Failure, FailureCode, Step
from domain.ports import Ports
from domain.ports.container_spec import ContainerSpec
from domain.ports.progress import Change, Progress
from domain.ports.runtime import Container, EngineRefused
from domain.ports.store import Work
from domain.rollout.checks import Checks
from domain.rollout.release import Release
from domain.rollout.rollout import (
    create,
    keep_running,
    pull,
    remove_other_versions,
    retry_while_unavailable,
    route,
    start_components,
    undo_on_failure,
)
from domain.rollout.service_status import add_lines, lock_service, mark_deploying, settle_service
from domain.rollout.volume_records import record_volumes
from domain.rollout.watch import WATCHED
from domain.tasks.service_task import earlier_release, get_service, limit_attempts, read_service
from domain.work.failures import TaskFailed
from domain.work.task import Line, StepRule, Task

STEPS: Mapping[str, StepRule] = {
    "starting": StepRule(20),
    "checking": StepRule(50),
    "routing": StepRule(80, irreversible=True),
    "cleaning": StepRule(90, irreversible=True),
}
_LAST_LINES = 20


def roll_back(ports: Ports, operation: Operation, progress: Progress) -> Sequence[Change]:
    """Start what is kept of the version before, route requests to it, and remove the version that failed."""
    service = read_service(operation, progress)
    old, failed = _releases(ports, operation, progress)
    if service.live_deployment_id != old.deployment_id:
        limit_attempts(operation)
        reason = _recall_reason(ports, failed, operation, progress)
        with undo_on_failure(ports, old, failed, progress):
            _bring_back(ports, old, failed, reason, progress)
    else:
        progress.step("cleaning", "Removing the version that failed")
    retry_while_unavailable(ports, progress, lambda: remove_other_versions(ports, old, failed))
    return ()


def _releases(ports: Ports, operation: Operation, progress: Progress) -> tuple[Release, Release]:
    """Return the release to bring back and the one that failed, and hide the secrets of both."""
    ids = (operation.deployment_id or "", str(progress.recall("failed_id")))
    service = read_service(operation, progress)
    releases = []
    for deployment in progress.read(lambda work: [work.deployments.get(each) for each in ids]):
        if deployment is None:
            raise TaskFailed("service_deleted", "The deployment has been deleted")
        releases.append(earlier_release(ports, service, deployment, progress))
    old, failed = releases
    progress.hide(old.secrets | failed.secrets)
    return old, failed


def _bring_back(ports: Ports, old: Release, failed: Release, reason: Failure, progress: Progress) -> None:
    progress.step("starting", f"{reason.message}. Bringing {old.deployment_id} back")
    checks, again = Checks(ports, old, progress), set(str(progress.recall("containers")).split())
    retry_while_unavailable(ports, progress, lambda: _create_missing(ports, old, progress))
    retry_while_unavailable(ports, progress, lambda: start_components(ports, old, failed, checks, progress, again))
    progress.step("checking", "Waiting until everything is healthy")
    retry_while_unavailable(ports, progress, checks.wait_for_all)
    retry_while_unavailable(ports, progress, lambda: keep_running(ports, old))
    progress.step("routing", "Routing requests to the version before")
    url = retry_while_unavailable(ports, progress, lambda: route(ports, old))
    now = ports.clock.now()

    def go_back(work: Work, operation: Operation) -> None:
        service, deployment = get_service(work, operation), work.deployments.get(failed.deployment_id)
        service.live_deployment_id, service.url = old.deployment_id, url
        service.status, service.deployed_at = ServiceStatus.RUNNING, now
        work.services.save(service)
        if deployment is not None:
            deployment.status, deployment.failure = DeploymentStatus.ROLLED_BACK, reason
            work.deployments.save(deployment)

    progress.step("cleaning", "Removing the version that failed", changes=[go_back, record_volumes(ports, old)])


def _create_missing(ports: Ports, old: Release, progress: Progress) -> None:
    """Create containers again that somebody has removed meanwhile."""
    kept = {container.name for container in ports.runtime.containers(old.labels)}
    if any(container.name not in kept for container in old.containers()):
        create(ports, pull(ports, old, None, progress))


def _recall_reason(ports: Ports, failed: Release, operation: Operation, progress: Progress) -> Failure:
    """Return why the new version failed: what the first worker found, even if its containers are gone by now."""
    if progress.recall("reason") is None:
        code, message, log = retry_while_unavailable(ports, progress, lambda: _reason(ports, failed, operation))
        log = [progress.redact(line) for line in log]
        progress.remember(reason=progress.redact(message), reason_code=code, reason_log="\n".join(log))
    return Failure(
        _code(str(progress.recall("reason_code"))),
        str(progress.recall("reason")),
        tuple(str(progress.recall("reason_log")).splitlines()),
    )


def _code(text: str) -> FailureCode:
    return "unhealthy" if text == "unhealthy" else "container_exited"


def _reason(ports: Ports, failed: Release, operation: Operation) -> tuple[FailureCode, str, list[str]]:
    """Return code, message and last lines of the first container that has failed."""
    when = f"within {WATCHED.seconds} seconds after it took over"
    for container in failed.containers():
        seen = ports.runtime.inspect(container.name)
        found = _failure(failed, container, seen, int(operation.options.get("restarts") or 0))
        if found:
            return found[0], f"{container.component.name} {found[1]} {when}", _last_lines(ports, container)
    endpoint = failed.public_endpoint
    name = endpoint[0].name if endpoint else failed.project.main_component.name
    return "unhealthy", f"The health check of {name} failed {when}", []


def _failure(
    failed: Release, container: ContainerSpec, seen: Container | None, restarts: int
) -> tuple[FailureCode, str] | None:
    if seen is None:
        return "container_exited", "was removed by somebody other than the panel"
    if seen.health == "unhealthy":
        printed = f" (the check printed: {seen.health_output})" if seen.health_output else ""
        return "unhealthy", f"became unhealthy by its own healthcheck{printed}"
    if seen.restarts > restarts:
        return "container_exited", f"ended and was restarted {seen.restarts - restarts} times"
    if seen.state == "exited" and not failed.has_completed(container, seen):
        return "container_exited", f"exited with code {seen.exit_code}"
    return None


def _last_lines(ports: Ports, container: ContainerSpec) -> list[str]:
    with suppress(Unavailable, EngineRefused):
        return ports.runtime.logs(container.name, _LAST_LINES)
    return []


def record_rollback(work: Work, operation: Operation, _step: Step | None, lines: Sequence[Line]) -> None:
    """Write the log to the deployment that failed."""
    add_lines(work, str(operation.options["failed_id"]), lines)


TASK = Task(
    kind=Kind.ROLLBACK,
    steps=STEPS,
    run=roll_back,
    lock=lock_service,
    begin=mark_deploying,
    record=record_rollback,
    settle=settle_service,
)
