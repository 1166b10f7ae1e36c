"""Delete: remove everything that a service has at the engine, then its rows."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress

from domain.errors import Refusal
from domain.model.operation import Kind, Operation
from domain.ports import Ports
from domain.ports.progress import Change, Progress
from domain.ports.store import Work
from domain.rollout.anonymous_volumes import anonymous_volumes_of
from domain.rollout.edge_routes import remove_routes
from domain.rollout.release import INSTANCE, SERVICE, build_release
from domain.rollout.rollout import retry_while_unavailable
from domain.rollout.service_status import lock_service, settle_service
from domain.tasks.service_task import limit_attempts, refuse_requests
from domain.work.failures import TaskFailed
from domain.work.task import StepRule, Task

_log = logging.getLogger(__name__)
STEPS: Mapping[str, StepRule] = {"removing": StepRule(irreversible=True)}
_GRACE = 10.0  # seconds, for containers of which no release is known


def delete(ports: Ports, operation: Operation, progress: Progress) -> Sequence[Change]:
    """Refuse new requests, remove everything, ask the engine that nothing is left, then remove the rows."""
    limit_attempts(operation)
    service_id, with_volumes = operation.resource_id, progress.recall("volumes") == "delete"
    graces = _graces(ports, operation, progress)
    progress.step("removing", "Removing everything at the engine")
    anonymous = retry_while_unavailable(ports, progress, lambda: _recall_anonymous_volumes(ports, service_id, progress))
    retry_while_unavailable(ports, progress, lambda: _remove_all(ports, service_id, graces))
    if with_volumes:
        retry_while_unavailable(ports, progress, lambda: _remove_volumes(ports, service_id, anonymous))
    elif anonymous:
        _log.info("the engine keeps anonymous volumes of %s: %s", service_id, ", ".join(anonymous))
    left = retry_while_unavailable(ports, progress, lambda: _leftovers(ports, service_id, with_volumes=with_volumes))
    if left:
        raise TaskFailed("engine_refused", f"The engine still holds {', '.join(left)}")
    return [_remove_rows]


def _graces(ports: Ports, operation: Operation, progress: Progress) -> dict[str, float]:
    """Return each container's stop grace. A definition that cannot be read must not prevent the deletion."""
    service = progress.read(lambda work: work.services.get(operation.resource_id))
    live = progress.read(lambda work: work.deployments.get(service.live_deployment_id or "")) if service else None
    with suppress(Refusal):
        containers = build_release(ports, service, live).containers() if service and live else ()
        return {container.name: container.component.stop_grace for container in containers}
    return {}


def _recall_anonymous_volumes(ports: Ports, service_id: str, progress: Progress) -> list[str]:
    """Return the anonymous volumes of the service, and remember them: they cannot be found without its containers."""
    if progress.recall("anonymous_volumes") is None:
        service = progress.read(lambda work: work.services.get(service_id))
        names = sorted(anonymous_volumes_of(ports, service)) if service else []
        if names:
            progress.remember(anonymous_volumes=" ".join(names))
    return str(progress.recall("anonymous_volumes") or "").split()


def _remove_rows(work: Work, operation: Operation) -> None:
    work.deployments.remove_of(operation.resource_id)
    work.operations.remove_history(operation.resource_id, operation.created_at)
    work.services.remove(operation.resource_id)


def _remove_volumes(ports: Ports, service_id: str, anonymous: Sequence[str]) -> None:
    for volume in (*ports.runtime.volumes({INSTANCE: ports.instance, SERVICE: service_id}), *anonymous):
        ports.runtime.remove_volume(volume)


def _remove_all(ports: Ports, service_id: str, graces: Mapping[str, float]) -> None:
    """Remove all but the volumes; the route last: if the deletion fails on its way, the service keeps its URL."""
    labels = {INSTANCE: ports.instance, SERVICE: service_id}
    refuse_requests(ports, service_id, service_id)
    for container in reversed(ports.runtime.containers(labels)):
        ports.runtime.stop(container.name, graces.get(container.name, _GRACE))
        ports.runtime.remove(container.name)
    for network in ports.runtime.networks(labels):
        ports.runtime.remove_network(network)
    for image in ports.runtime.built_images(labels):
        ports.runtime.remove_image(image)
    remove_routes(ports, service_id)  # before another service can get the port
    ports.router.close(service_id)


def _leftovers(ports: Ports, service_id: str, *, with_volumes: bool) -> list[str]:
    labels = {INSTANCE: ports.instance, SERVICE: service_id}
    names = [container.name for container in ports.runtime.containers(labels)]
    volumes = ports.runtime.volumes(labels) if with_volumes else ()
    return [*names, *ports.runtime.networks(labels), *volumes, *ports.runtime.built_images(labels)]


TASK = Task(kind=Kind.DELETE, steps=STEPS, run=delete, lock=lock_service, settle=settle_service)
