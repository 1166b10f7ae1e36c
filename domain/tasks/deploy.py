"""Deploy: start a deployment beside the live one, move requests to it, and remove the one before."""

from collections.abc import Mapping, Sequence

from domain.errors import Unavailable
from domain.model.operation import Kind, Operation
from domain.model.service import Service, ServiceStatus, Watch
from domain.ports import Ports
from domain.ports.progress import Change, Progress
from domain.ports.store import Work
from domain.rollout.publishing import release_host_ports
from domain.rollout.release import Release, build_release
from domain.rollout.rollout import (
    RolledOut,
    remove_other_versions,
    retry_while_unavailable,
    roll_out,
    undo_on_failure,
)
from domain.rollout.service_status import (
    lock_service,
    mark_completed,
    mark_deploying,
    record_deployment,
    settle_service,
)
from domain.rollout.volume_records import record_volumes
from domain.rollout.watch import WATCHED
from domain.tasks.service_task import attempts_exhausted, earlier_release, get_service, limit_attempts, read_service
from domain.work.failures import TaskFailed
from domain.work.task import StepRule, Task

STEPS: Mapping[str, StepRule] = {
    "fetching": StepRule(1),
    "building": StepRule(5),
    "pulling": StepRule(5),
    "creating": StepRule(45),
    "starting": StepRule(55),
    "checking": StepRule(65),
    "routing": StepRule(85, irreversible=True),
    "cleaning": StepRule(90, irreversible=True),
}
_CLEANING = "Removing what the new version replaces"


def deploy(ports: Ports, operation: Operation, progress: Progress) -> Sequence[Change]:
    """Roll the deployment out and remove the version before it."""
    service = read_service(operation, progress)
    release, old = _new_and_old(ports, operation, service, progress)
    if service.live_deployment_id != release.deployment_id:
        with undo_on_failure(ports, release, old, progress):
            limit_attempts(operation)
            rolled_out = roll_out(ports, release, old, progress)
            kept = retry_while_unavailable(ports, progress, lambda: _kept_containers(ports, release, old, progress))
            _go_live(ports, progress, rolled_out, old.deployment_id if old and kept else None, kept)
    elif attempts_exhausted(operation):
        return ()  # it is live; what cannot be removed without taking the panel down is left to garbage collection
    else:
        progress.step("cleaning", _CLEANING)
    _remove_old(ports, release, progress, old)
    return ()


def _new_and_old(
    ports: Ports, operation: Operation, service: Service, progress: Progress
) -> tuple[Release, Release | None]:
    new, live = progress.read(
        lambda work: (
            work.deployments.get(operation.deployment_id or ""),
            work.deployments.get(service.live_deployment_id or ""),
        )
    )
    if new is None:
        raise TaskFailed("service_deleted", "The deployment has been deleted")
    old = earlier_release(ports, service, live, progress) if live and live.id != new.id else None
    release = build_release(ports, service, new)
    progress.hide(release.secrets | (old.secrets if old else set()))
    return release, old


def _kept_containers(ports: Ports, release: Release, old: Release | None, progress: Progress) -> tuple[str, ...]:
    """Return the containers of the old version to start again if the new one fails: those that have run until now."""
    if old is None or not release.auto_rollback:
        return ()
    stopped = str(progress.recall("stopped_containers") or "").split()
    running = [container.name for container in ports.runtime.containers(old.labels) if container.state == "running"]
    return tuple(dict.fromkeys((*stopped, *running)))


def _go_live(
    ports: Ports, progress: Progress, rolled_out: RolledOut, previous_id: str | None, kept: tuple[str, ...]
) -> None:
    now = ports.clock.now()

    def go_live(work: Work, operation: Operation) -> None:
        service = get_service(work, operation)
        service.live_deployment_id, service.url = operation.deployment_id, rolled_out.url
        service.status, service.deployed_at = ServiceStatus.RUNNING, now
        if previous_id and not rolled_out.completed:
            service.watch = Watch(previous_id, kept, now + WATCHED, rolled_out.restarts)
        work.services.save(service)
        release_host_ports(work, service)

    progress.step(
        "cleaning",
        _CLEANING,
        changes=[
            go_live,
            record_volumes(ports, rolled_out.release),
            *([mark_completed] if rolled_out.completed else []),
        ],
    )


def _remove_old(ports: Ports, release: Release, progress: Progress, old: Release | None) -> None:
    """Remove what is left of earlier versions. A failure is only noted: garbage collection removes the rest.

    The version before is kept, stopped, while it may come back.
    """
    service = progress.read(lambda work: work.services.get(release.service_id))
    kept_id = service.watch.previous_id if service and service.watch else None
    try:
        retry_while_unavailable(ports, progress, lambda: remove_other_versions(ports, release, old, kept_id))
    except Exception as fault:  # noqa: BLE001 - a deployment that is live has succeeded
        why = fault.message if isinstance(fault, Unavailable) else "The engine did not remove everything"
        progress.note(f"{why}; the rest of the old version is removed later")


TASK = Task(
    kind=Kind.DEPLOY,
    steps=STEPS,
    run=deploy,
    lock=lock_service,
    begin=mark_deploying,
    record=record_deployment,
    settle=settle_service,
)
