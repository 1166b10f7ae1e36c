"""Start: start the live deployment of a stopped service."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from domain.errors import Unavailable
from domain.model.operation import Kind, Operation
from domain.model.service import Service, ServiceStatus
from domain.ports import Ports
from domain.ports.progress import Change, Progress
from domain.ports.runtime import EngineRefused
from domain.rollout.checks import Checks
from domain.rollout.release import Release
from domain.rollout.rollout import create, pull, remove_release, retry_while_unavailable, route, start_components
from domain.rollout.service_status import lock_service, mark_deploying, settle_service, status_before
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
        retry_while_unavailable(ports, progress, lambda: _remove_if_networks_are_gone(ports, release))
        restarts = retry_while_unavailable(ports, progress, lambda: _restarts(ports, release))
        if any(container.name not in restarts for container in release.containers()):
            progress.step("creating", "Creating missing containers")
            retry_while_unavailable(ports, progress, lambda: create(ports, pull(ports, release, None, progress)))
        progress.step("starting", "Starting containers")
        checks = Checks(ports, release, progress, restarts)
        retry_while_unavailable(ports, progress, lambda: start_components(ports, release, None, checks, progress))
        progress.step("checking", "Waiting until everything is healthy")
        retry_while_unavailable(ports, progress, checks.wait_for_all)
        progress.step("routing", "Sending requests to the service")
        return [set_url(retry_while_unavailable(ports, progress, lambda: route(ports, release)))]


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


def _remove_if_networks_are_gone(ports: Ports, release: Release) -> None:
    """Remove the containers if a network is gone: they cannot start, not even with a new network of that name."""
    wanted = {release.network(name) for name in release.project.networks}
    if not wanted <= ports.runtime.networks(release.labels).keys():
        remove_release(ports, release)


def _restarts(ports: Ports, release: Release) -> dict[str, int]:
    """Return how often each existing container has been restarted before now."""
    return {container.name: container.restarts for container in ports.runtime.containers(release.labels)}


TASK = Task(kind=Kind.START, steps=STEPS, run=start, lock=lock_service, begin=mark_deploying, settle=settle_service)
