"""What each kind of queued work does at the engine."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial

from domain.errors import Refusal, Unavailable
from domain.model.deployment import Deployment
from domain.model.operation import Kind, Operation
from domain.model.service import Service, ServiceStatus
from domain.ports import Ports
from domain.ports.runtime import ContainerSpec, EngineRefused
from domain.ports.store import Work
from domain.rollout.checks import Checks
from domain.rollout.release import INSTANCE, SERVICE, Release, release_of, resolved
from domain.rollout.rollout import (
    clean,
    create,
    patiently,
    pull,
    remove,
    roll_out,
    route,
    send_back,
    start,
    undone_on_failure,
)
from domain.work.progress import Cancelled, LeaseLost, Report, TaskFailed

_MOST_ATTEMPTS = 3
_GRACE, _DRAIN = 10.0, 10.0


def deploy(ports: Ports, operation: Operation, report: Report) -> None:
    """Roll the deployment out and remove the version before it."""
    service = _begin(operation, report)
    release, old = _new_and_old(ports, operation, service, report)
    if service.live_deployment_id != release.deployment_id:
        with undone_on_failure(ports, release, old, report):
            _bounded(operation)
            url = roll_out(ports, release, old, report)
            _go_live(ports, operation, report, url)
    elif operation.attempts > _MOST_ATTEMPTS:
        return  # it is live; what cannot be cleaned without taking the panel down is left to the sweep
    else:
        report.step("cleaning", "Removing what the new version replaces")
    _clean(ports, release, old, report)


def _bounded(operation: Operation) -> None:
    """Work that takes the panel down with it is not tried for ever."""
    if operation.attempts > _MOST_ATTEMPTS:
        raise TaskFailed("worker_lost", f"The panel was stopped {_MOST_ATTEMPTS} times while it carried this out")


def _go_live(ports: Ports, operation: Operation, report: Report, url: str | None) -> None:
    now = ports.clock.now()

    def live(work: Work, held: Operation) -> None:
        service = _service(work, held)
        service.live_deployment_id, service.url = operation.deployment_id, url
        service.status, service.deployed_at = ServiceStatus.RUNNING, now
        work.services.save(service)

    report.also(live)
    report.step("cleaning", "Removing what the new version replaces")


def _clean(ports: Ports, release: Release, old: Release | None, report: Report) -> None:
    """The new version serves, whatever may be left of the old one: that the sweep removes."""
    try:
        patiently(ports, report, lambda: clean(ports, release, old))
    except LeaseLost:
        raise
    except Exception as fault:  # noqa: BLE001 - a deployment that is live has succeeded
        why = fault.message if isinstance(fault, Unavailable) else "The engine did not remove everything"
        report.note(f"{why}; what is left of the old version is removed later")


def start_again(ports: Ports, operation: Operation, report: Report) -> None:
    """Start what is live, healthy and routed; what is gone at the engine is made anew."""
    service = _begin(operation, report)
    release = _live(ports, service, report)
    with _stopped_again_when_cancelled(ports, release, report):
        patiently(ports, report, lambda: _let_go_of_lost_networks(ports, release))
        restarts = patiently(ports, report, lambda: _restarts(ports, release))
        if any(container.name not in restarts for container in release.containers()):
            report.step("creating", "Making what is gone anew")
            patiently(ports, report, lambda: create(ports, pull(ports, release, report)))
        report.step("starting", "Starting containers")
        checks = Checks(ports, release, report, restarts)
        patiently(ports, report, lambda: start(ports, release, None, checks, report))
        report.step("checking", "Waiting until everything is healthy")
        patiently(ports, report, checks.wait_for_all)
        report.step("routing", "Sending visitors to the service")
        _routed(report, patiently(ports, report, lambda: route(ports, release)))


@contextmanager
def _stopped_again_when_cancelled(ports: Ports, release: Release, report: Report) -> Iterator[None]:
    try:
        yield
    except Cancelled:
        report.undo()
        if report.before is ServiceStatus.STOPPED:
            with suppress(Unavailable, EngineRefused):
                _stop_all(ports, release, None)
        raise


def _let_go_of_lost_networks(ports: Ports, release: Release) -> None:
    """A container never starts again once a network of its is gone, not even with a new one of that name."""
    wanted = {release.network(name) for name in release.project.networks}
    if not wanted <= ports.runtime.networks(release.labels).keys():
        remove(ports, release)


def _restarts(ports: Ports, release: Release) -> dict[str, int]:
    """How often the containers that there are have been restarted before now."""
    return {container.name: container.restarts for container in ports.runtime.containers(release.labels)}


def _routed(report: Report, url: str | None) -> None:
    def routed(work: Work, held: Operation) -> None:
        service = _service(work, held)
        service.url = url
        work.services.save(service)

    report.also(routed)


def stop(ports: Ports, operation: Operation, report: Report) -> None:
    """Send visitors away, then stop the containers, the dependent ones first."""
    service = _begin(operation, report)
    release = _live(ports, service, report) if service.live_deployment_id else None
    report.step("stopping", "Stopping containers")
    if release:
        patiently(ports, report, lambda: _stop_all(ports, release, operation.options.get("grace")))


def _stop_all(ports: Ports, release: Release, grace: float | None) -> None:
    _send_away(ports, release.service_id, release.service_name)
    for container in reversed(list(release.containers())):
        ports.runtime.stop(container.name, container.component.stop_grace if grace is None else grace)


def _send_away(ports: Ports, service_id: str, name: str) -> None:
    """The route stays, so that the URL does."""
    if ports.router.targets(service_id):
        ports.router.switch(service_id, name, ())


def restart(ports: Ports, operation: Operation, report: Report) -> None:
    """Start one container after the other again; visitors go to the other replicas meanwhile, where there are any."""
    service = _begin(operation, report)
    release = _live(ports, service, report)
    report.step("restarting", "Starting one container after the other again")
    try:
        for container in release.containers():
            if not release.ends(container.component):
                patiently(ports, report, partial(_restart_one, ports, release, container, report))
        report.step("routing", "Sending visitors to every container")
        _routed(report, patiently(ports, report, lambda: route(ports, release)))
    except LeaseLost:
        raise
    except Exception:
        with suppress(Unavailable, EngineRefused):
            send_back(ports, release, release)
        raise


def _restart_one(ports: Ports, release: Release, container: ContainerSpec, report: Report) -> None:
    report.check()
    visited = release.front is not None and container.component.name == release.front[0].name
    if visited and container.component.replicas > 1:
        route(ports, release, without=container.name)
        ports.router.drain(release.service_id, _DRAIN)
    ports.runtime.stop(container.name, container.component.stop_grace)
    ports.runtime.start(container.name)
    Checks(ports, release, report).wait_for_container(container)
    if visited:
        route(ports, release)


def delete(ports: Ports, operation: Operation, report: Report) -> None:
    """Send visitors away, remove everything, ask the engine that nothing is left, then forget the service."""
    _bounded(operation)
    service_id, with_volumes = operation.service_id, operation.options.get("volumes") == "delete"
    graces = _graces(ports, operation, report)
    report.step("removing", "Removing everything at the engine")
    patiently(ports, report, lambda: _erase(ports, service_id, graces, with_volumes=with_volumes))
    left = patiently(ports, report, lambda: _left(ports, service_id, with_volumes=with_volumes))
    if left:
        raise TaskFailed("engine_refused", f"The engine still holds {', '.join(left)}")
    report.also(_forget)


def _graces(ports: Ports, operation: Operation, report: Report) -> dict[str, float]:
    """How long each container may take to end, as far as that can still be read: it does not stand in the way."""
    service = report.read(lambda work: work.services.get(operation.service_id))
    live = report.read(lambda work: work.deployments.get(service.live_deployment_id or "")) if service else None
    with suppress(Refusal):
        containers = release_of(ports, service, live).containers() if service and live else ()
        return {container.name: container.component.stop_grace for container in containers}
    return {}


def _forget(work: Work, held: Operation) -> None:
    work.deployments.remove_of(held.service_id)
    work.services.remove(held.service_id)


def _erase(ports: Ports, service_id: str, graces: Mapping[str, float], *, with_volumes: bool) -> None:
    """The route goes last: a deletion that fails on its way leaves the service its URL."""
    ours = {INSTANCE: ports.instance, SERVICE: service_id}
    _send_away(ports, service_id, service_id)
    for container in reversed(ports.runtime.containers(ours)):
        ports.runtime.stop(container.name, graces.get(container.name, _GRACE))
        ports.runtime.remove(container.name)
    for network in ports.runtime.networks(ours):
        ports.runtime.remove_network(network)
    for volume in ports.runtime.volumes(ours) if with_volumes else ():
        ports.runtime.remove_volume(volume)
    ports.router.close(service_id)


def _left(ports: Ports, service_id: str, *, with_volumes: bool) -> list[str]:
    ours = {INSTANCE: ports.instance, SERVICE: service_id}
    names = [container.name for container in ports.runtime.containers(ours)]
    return [*names, *ports.runtime.networks(ours), *(ports.runtime.volumes(ours) if with_volumes else ())]


def _begin(operation: Operation, report: Report) -> Service:
    """The service; with the first step it says that it is being worked on, and the operation what it was before."""
    service = report.read(lambda work: _service(work, operation))
    known = service.status if service.status is not ServiceStatus.DEPLOYING else ServiceStatus.FAILED
    before = report.before = ServiceStatus(operation.options.get("before", known))

    def mark(work: Work, held: Operation) -> None:
        service = _service(work, held)
        service.status = ServiceStatus.DEPLOYING
        work.services.save(service)
        report.remember(work, held, before=before.value)

    report.also(mark)
    if operation.kind is not Kind.DEPLOY:
        _bounded(operation)
    return service


def _service(work: Work, operation: Operation) -> Service:
    service = work.services.get(operation.service_id)
    if service is None:
        raise TaskFailed("service_deleted", "The service has been deleted")
    return service


def _new_and_old(
    ports: Ports, operation: Operation, service: Service, report: Report
) -> tuple[Release, Release | None]:
    new, live = report.read(
        lambda work: (
            work.deployments.get(operation.deployment_id or ""),
            work.deployments.get(service.live_deployment_id or ""),
        )
    )
    if new is None:
        raise TaskFailed("service_deleted", "The deployment has been deleted")
    old = _run_before(ports, service, live, report) if live and live.id != new.id else None
    release = release_of(ports, service, new)
    report.hide(release.secrets | (old.secrets if old else set()))
    return release, old


def _live(ports: Ports, service: Service, report: Report) -> Release:
    live = report.read(lambda work: work.deployments.get(service.live_deployment_id or ""))
    if live is None:
        raise TaskFailed("service_deleted", "The service has no live deployment")
    return _run_before(ports, service, live, report)


def _run_before(ports: Ports, service: Service, deployment: Deployment, report: Report) -> Release:
    release = release_of(ports, service, deployment)
    report.hide(release.secrets)
    return patiently(ports, report, lambda: resolved(ports, release))


TASKS: dict[Kind, Callable[[Ports, Operation, Report], None]] = {
    Kind.DEPLOY: deploy,
    Kind.START: start_again,
    Kind.STOP: stop,
    Kind.RESTART: restart,
    Kind.DELETE: delete,
}
