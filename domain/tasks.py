"""What each kind of queued work does at the engine."""

from collections.abc import Callable

from domain.checks import Checks
from domain.errors import Unavailable
from domain.model import Kind, Operation, Service, ServiceStatus
from domain.ports import Ports, Work
from domain.release import INSTANCE, SERVICE, Release, release_of
from domain.report import Broken, Report
from domain.rollout import clean, create, patiently, put_back, remove, roll_out, route, start, wait_healthy

_MOST_ATTEMPTS = 3


def deploy(ports: Ports, operation: Operation, report: Report) -> None:
    """Roll the deployment out and remove the version before it."""
    service = _begin(ports, operation, report)
    release, old = _new_and_old(ports, operation, service)
    report.hide(release.secrets)
    if service.live_deployment_id != release.deployment_id:
        _bounded(ports, operation, release, old)
        url = roll_out(ports, release, old, report)
        _go_live(ports, operation, report, url)
    report.step("cleaning", "Removing what the new version replaces")
    try:
        patiently(ports, report, lambda: clean(ports, release))
    except Unavailable as away:
        report.line(f"{away.message}; what is left of the old version is removed when it is back")


def _bounded(ports: Ports, operation: Operation, release: Release, old: Release | None) -> None:
    """A deployment that takes the panel down with it is not tried for ever."""
    if operation.attempts > _MOST_ATTEMPTS:
        put_back(ports, old)
        remove(ports, release)
        raise Broken("worker_lost", f"The panel was stopped {_MOST_ATTEMPTS} times while it carried this out")


def _go_live(ports: Ports, operation: Operation, report: Report, url: str | None) -> None:
    now = ports.clock.now()
    with ports.store.begin() as work:
        report.held(work)
        service = _service(work, operation)
        service.live_deployment_id, service.url = operation.deployment_id, url
        service.status, service.deployed_at = ServiceStatus.RUNNING, now
        work.services.save(service)
    ports.feed.nudge()


def start_again(ports: Ports, operation: Operation, report: Report) -> None:
    """Start what is live, healthy and routed; containers that are gone are made anew."""
    service = _begin(ports, operation, report)
    release = _live(ports, service)
    report.hide(release.secrets)
    patiently(ports, report, lambda: create(ports, release))
    patiently(ports, report, lambda: start(ports, release, None, report))
    patiently(ports, report, lambda: wait_healthy(ports, release, report))
    patiently(ports, report, lambda: route(ports, release))
    _settle(ports, operation, report, ServiceStatus.RUNNING)


def stop(ports: Ports, operation: Operation, report: Report) -> None:
    """Send visitors away, then stop the containers, the dependent ones first."""
    service = _begin(ports, operation, report)
    if service.live_deployment_id:
        release = _live(ports, service)
        grace = operation.options.get("grace")
        patiently(ports, report, lambda: _stop_all(ports, release, grace))
    _settle(ports, operation, report, ServiceStatus.STOPPED)


def _stop_all(ports: Ports, release: Release, grace: float | None) -> None:
    if release.front:
        ports.router.switch(release.service_id, release.service_name, ())
    for container in reversed(list(release.containers())):
        ports.runtime.stop(container.name, container.component.stop_grace if grace is None else grace)


def restart(ports: Ports, operation: Operation, report: Report) -> None:
    """Start one container after the other again; visitors go to the other replicas meanwhile, where there are any."""
    service = _begin(ports, operation, report)
    release = _live(ports, service)
    report.hide(release.secrets)
    checks = Checks(ports, release, report)
    for container in release.containers():
        report.check()
        if release.front and container.component.replicas > 1 and container.component.name == release.front[0].name:
            route(ports, release, without=container.name)
        ports.runtime.stop(container.name, container.component.stop_grace)
        ports.runtime.start(container.name)
        checks.wait_for_container(container)
        route(ports, release)
    _settle(ports, operation, report, ServiceStatus.RUNNING)


def delete(ports: Ports, operation: Operation, report: Report) -> None:
    """Withdraw the route, remove everything, ask the engine that nothing is left, then forget the service."""
    with_volumes = operation.options.get("volumes") == "delete"
    patiently(ports, report, lambda: _erase(ports, operation.service_id, with_volumes=with_volumes))
    left = _left(ports, operation.service_id, with_volumes=with_volumes)
    if left:
        raise Broken("engine_refused", f"The engine still holds {', '.join(left)}")
    with ports.store.begin() as work:
        report.held(work)
        work.deployments.remove_of(operation.service_id)
        work.services.remove(operation.service_id)


def _erase(ports: Ports, service_id: str, *, with_volumes: bool) -> None:
    ours = {INSTANCE: ports.instance, SERVICE: service_id}
    ports.router.close(service_id)
    for container in ports.runtime.containers(ours):
        ports.runtime.stop(container.name, 10)
        ports.runtime.remove(container.name)
    for network in ports.runtime.networks(ours):
        ports.runtime.remove_network(network)
    for volume in ports.runtime.volumes(ours) if with_volumes else ():
        ports.runtime.remove_volume(volume)


def _left(ports: Ports, service_id: str, *, with_volumes: bool) -> list[str]:
    ours = {INSTANCE: ports.instance, SERVICE: service_id}
    names = [container.name for container in ports.runtime.containers(ours)]
    return [*names, *ports.runtime.networks(ours), *(ports.runtime.volumes(ours) if with_volumes else ())]


def _begin(ports: Ports, operation: Operation, report: Report) -> Service:
    with ports.store.begin() as work:
        report.held(work)
        service = _service(work, operation)
        service.status = ServiceStatus.DEPLOYING
        work.services.save(service)
    ports.feed.nudge()
    return service


def _settle(ports: Ports, operation: Operation, report: Report, status: ServiceStatus) -> None:
    with ports.store.begin() as work:
        report.held(work)
        service = _service(work, operation)
        service.status = status
        work.services.save(service)


def _service(work: Work, operation: Operation) -> Service:
    service = work.services.get(operation.service_id)
    if service is None:
        raise Broken("service_deleted", "The service has been deleted")
    return service


def _new_and_old(ports: Ports, operation: Operation, service: Service) -> tuple[Release, Release | None]:
    with ports.store.read() as work:
        new = work.deployments.get(operation.deployment_id or "")
        live = work.deployments.get(service.live_deployment_id or "")
    if new is None:
        raise Broken("service_deleted", "The deployment has been deleted")
    old = release_of(ports, service, live) if live and live.id != new.id else None
    return release_of(ports, service, new), old


def _live(ports: Ports, service: Service) -> Release:
    with ports.store.read() as work:
        live = work.deployments.get(service.live_deployment_id or "")
    if live is None:
        raise Broken("service_deleted", "The service has no live deployment")
    return release_of(ports, service, live)


TASKS: dict[Kind, Callable[[Ports, Operation, Report], None]] = {
    Kind.DEPLOY: deploy,
    Kind.START: start_again,
    Kind.STOP: stop,
    Kind.RESTART: restart,
    Kind.DELETE: delete,
}
