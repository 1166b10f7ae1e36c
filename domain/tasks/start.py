"""Start: start the live deployment of a stopped service."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from domain.errors import Unavailable
from domain.model.operation import Kind, Operation
from domain.model.service import Service, ServiceStatus
from domain.ports import Ports
from domain.ports.progress import Change, Progress
from domain.ports.runtime import EngineRefused
from domain.rollout.anonymous_volumes import find_anonymous_volumes
from domain.rollout.checks import Checks
from domain.rollout.release import Release
from domain.rollout.rollout import (
    create,
    keep_running,
    pull,
    remove_release,
    retry_while_unavailable,
    route,
    start_components,
)
from domain.rollout.service_status import lock_service, mark_completed, mark_deploying, settle_service, status_before
from domain.tasks.service_task import limit_attempts, live_release, read_service, set_url, stop_containers
from domain.work.failures import Cancelled
from domain.work.task import StepRule, Task

STEPS: Mapping[str, StepRule] = {
    "creating": StepRule(45),
    "starting": StepRule(55),
    "checking": StepRule(65),
    "routing": StepRule(85, irreversible=True),
}


def start(ports: Ports, operation: Operation, progress: Progress) -> Sequence[Change]:
    """Start the live release until it is healthy and routed. Containers that the engine lost are created again."""
    service = read_service(operation, progress)
    limit_attempts(operation)
    release = live_release(ports, service, progress)
    with _stop_when_cancelled(ports, service, operation, release, progress):
        release = _remove_if_networks_are_gone(ports, release, progress)
        restarts = retry_while_unavailable(ports, progress, lambda: _restarts(ports, release))
        if any(container.name not in restarts for container in release.containers()):
            progress.step("creating", "Creating missing containers")
            retry_while_unavailable(ports, progress, lambda: create(ports, pull(ports, release, None, progress)))
        progress.step("starting", "Starting containers")
        retry_while_unavailable(ports, progress, lambda: _reset_policies(ports, release))
        checks = Checks(ports, release, progress, restarts)
        again = {each.name for each in release.containers() if not release.is_one_shot(each.component)}
        retry_while_unavailable(
            ports, progress, lambda: start_components(ports, release, None, checks, progress, again)
        )
        progress.step("checking", "Waiting until everything is healthy")
        retry_while_unavailable(ports, progress, checks.wait_for_all)
        retry_while_unavailable(ports, progress, lambda: keep_running(ports, release))
        progress.step("routing", "Sending requests to the service")
        changes = [set_url(retry_while_unavailable(ports, progress, lambda: route(ports, release)))]
        return [*changes, mark_completed] if checks.all_completed else changes


@contextmanager
def _stop_when_cancelled(
    ports: Ports, service: Service, operation: Operation, release: Release, progress: Progress
) -> Iterator[None]:
    """Stop the containers of a service that was stopped before, if the start is cancelled."""
    try:
        yield
    except Cancelled:
        progress.begin_undo()
        if status_before(service, operation) is ServiceStatus.STOPPED:
            with suppress(Unavailable, EngineRefused):
                stop_containers(ports, release)
        raise


def _remove_if_networks_are_gone(ports: Ports, release: Release, progress: Progress) -> Release:
    """Remove the containers if a network is gone: they cannot start, not even with a new network of that name.

    Return the release with the volumes that the new containers take over.
    """
    wanted = {release.network(name) for name in release.project.networks}
    found = retry_while_unavailable(ports, progress, lambda: ports.runtime.networks(release.labels))
    if wanted <= found.keys():
        return release
    adoption = retry_while_unavailable(
        ports, progress, lambda: find_anonymous_volumes(ports, release, release, progress)
    )
    progress.step("creating", "Replacing containers whose network is gone", changes=[adoption.record])
    retry_while_unavailable(ports, progress, lambda: remove_release(ports, release))
    return adoption.apply(release)


def _reset_policies(ports: Ports, release: Release) -> None:
    """Undo `keep_running`, so that a container that ends while it starts is seen to have ended."""
    for container in release.containers():
        if release.lasting_policy(container.component):
            ports.runtime.set_restart(container.name, release.restart_policy(container.component))


def _restarts(ports: Ports, release: Release) -> dict[str, int]:
    """Return how often each existing container has been restarted before now."""
    return {container.name: container.restarts for container in ports.runtime.containers(release.labels)}


TASK = Task(kind=Kind.START, steps=STEPS, run=start, lock=lock_service, begin=mark_deploying, settle=settle_service)
