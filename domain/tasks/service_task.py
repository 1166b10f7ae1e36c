"""What the tasks about a service share: reading the service and its live release, and stopping it."""

from domain.model.deployment import Deployment
from domain.model.operation import Operation
from domain.model.service import Service
from domain.ports import Ports
from domain.ports.progress import Change, Progress
from domain.ports.store import Work
from domain.rollout.release import Release, build_release, with_images
from domain.rollout.rollout import retry_while_unavailable
from domain.work.failures import TaskFailed

_MOST_ATTEMPTS = 3


def attempts_exhausted(operation: Operation) -> bool:
    """Return whether workers died too often while they ran this operation."""
    return operation.attempts > _MOST_ATTEMPTS


def limit_attempts(operation: Operation) -> None:
    """Raise TaskFailed for an operation that takes the panel down with it: it is not tried for ever."""
    if attempts_exhausted(operation):
        raise TaskFailed("worker_lost", f"The panel stopped {_MOST_ATTEMPTS} times while it ran this operation")


def read_service(operation: Operation, progress: Progress) -> Service:
    """Return the service that an operation is about. Raise TaskFailed if it is gone."""
    return progress.read(lambda work: get_service(work, operation))


def get_service(work: Work, operation: Operation) -> Service:
    """Return the service that an operation is about, inside a transaction. Raise TaskFailed if it is gone."""
    service = work.services.get(operation.resource_id)
    if service is None:
        raise TaskFailed("service_deleted", "The service has been deleted")
    return service


def live_release(ports: Ports, service: Service, progress: Progress) -> Release:
    """Return the release of the service's live deployment and hide its secrets. Raise TaskFailed if it has none."""
    live = progress.read(lambda work: work.deployments.get(service.live_deployment_id or ""))
    if live is None:
        raise TaskFailed("service_deleted", "The service has no live deployment")
    return earlier_release(ports, service, live, progress)


def earlier_release(ports: Ports, service: Service, deployment: Deployment, progress: Progress) -> Release:
    """Return the release of a deployment that has run before and hide its secrets."""
    release = build_release(ports, service, deployment)
    progress.hide(release.secrets)
    return retry_while_unavailable(ports, progress, lambda: with_images(ports, release))


def stop_containers(ports: Ports, release: Release, grace: float | None = None) -> None:
    """Refuse new requests, then stop the containers, dependent ones first, each after `grace` or its own seconds."""
    refuse_requests(ports, release.service_id, release.subdomain)
    for container in reversed(list(release.containers())):
        ports.runtime.stop(container.name, container.component.stop_grace if grace is None else grace)


def refuse_requests(ports: Ports, service_id: str, name: str) -> None:
    """Take all targets out of the service's route. The route itself stays, so that the URL does."""
    if ports.router.targets(service_id):
        ports.router.switch(service_id, name, ())


def set_url(url: str | None) -> Change:
    """Return the change that gives the service its URL."""

    def change(work: Work, operation: Operation) -> None:
        service = get_service(work, operation)
        service.url = url
        work.services.save(service)

    return change
