"""Restart: restart the containers of a service one after the other."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial

from domain.errors import Unavailable
from domain.model.operation import Kind, Operation
from domain.ports import Ports
from domain.ports.container_spec import ContainerSpec
from domain.ports.progress import Change, Progress
from domain.ports.runtime import EngineRefused
from domain.rollout.checks import Checks
from domain.rollout.release import Release
from domain.rollout.rollout import DRAIN, retry_while_unavailable, route, route_to_old
from domain.rollout.service_status import lock_service, mark_deploying, settle_service
from domain.tasks.service_task import limit_attempts, live_release, read_service, set_url
from domain.work.task import StepRule, Task

STEPS: Mapping[str, StepRule] = {"restarting": StepRule(), "routing": StepRule(85, irreversible=True)}


def restart(ports: Ports, operation: Operation, progress: Progress) -> Sequence[Change]:
    """Restart one container after the other; requests go to the other replicas meanwhile, if there are any."""
    service = read_service(operation, progress)
    limit_attempts(operation)
    release = live_release(ports, service, progress)
    progress.step("restarting", "Restarting one container after the other")
    with _route_on_failure(ports, release):
        for container in release.containers():
            retry_while_unavailable(ports, progress, partial(_restart_one, ports, release, container, progress))
        progress.step("routing", "Sending requests to every container")
        return [set_url(retry_while_unavailable(ports, progress, lambda: route(ports, release)))]


@contextmanager
def _route_on_failure(ports: Ports, release: Release) -> Iterator[None]:
    try:
        yield
    except Exception:
        with suppress(Unavailable, EngineRefused):
            route_to_old(ports, release, release)
        raise


def _restart_one(ports: Ports, release: Release, container: ContainerSpec, progress: Progress) -> None:
    progress.check()
    completed = release.has_completed(container, ports.runtime.inspect(container.name))
    if completed and progress.recall("restarting") != container.name:
        return  # a job that is done, rather than a container that was stopped before the last worker died
    progress.remember(restarting=container.name)
    endpoint = release.public_endpoint
    public = endpoint is not None and container.component.name == endpoint[0].name
    if public and container.component.replicas > 1:
        route(ports, release, without=container.name)
        ports.router.drain(release.service_id, DRAIN)
    ports.runtime.stop(container.name, container.component.stop_grace)
    ports.runtime.start(container.name)
    Checks(ports, release, progress).wait_for([container])
    if public:
        route(ports, release)


TASK = Task(kind=Kind.RESTART, steps=STEPS, run=restart, lock=lock_service, begin=mark_deploying, settle=settle_service)
