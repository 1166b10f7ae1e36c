"""How a deployment goes live: order plus undo. Every step can be repeated after a crash."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from domain.checks import Checks
from domain.errors import Unavailable
from domain.ports import ContainerSpec, Image, Ports, Target
from domain.project import Component
from domain.release import DEPLOYMENT, INSTANCE, SERVICE, Release
from domain.report import Broken, LeaseLost, Report

T = TypeVar("T")

_PATIENCE = 30.0
_DRAIN = 10.0


def roll_out(ports: Ports, release: Release, old: Release | None, report: Report) -> str | None:
    """Start the new beside the old and switch visitors when it is healthy; answer the URL.

    On any failure what was made is removed and the old version serves on.
    """
    with undone_on_failure(ports, release, old, report):
        report.step("pulling", f"Pulling {_told(release)}")
        release = patiently(ports, report, lambda: pull(ports, release, report))
        report.step("creating", "Creating containers")
        patiently(ports, report, lambda: create(ports, release))
        report.step("starting", "Starting the new version beside the old" if old else "Starting containers")
        patiently(ports, report, lambda: start(ports, release, old, report))
        report.step("checking", "Waiting until everything is healthy")
        patiently(ports, report, lambda: wait_healthy(ports, release, report))
        report.step("routing", "Moving visitors to the new version")
        report.point_of_no_return()
        return patiently(ports, report, lambda: route(ports, release))


def _told(release: Release) -> str:
    return ", ".join(dict.fromkeys(component.image for component in release.project.components))


@contextmanager
def undone_on_failure(ports: Ports, release: Release, old: Release | None, report: Report) -> Iterator[None]:
    """Whatever goes wrong inside, let the old version serve and leave nothing of the new one; then let it through.

    What cannot be undone because the engine is away, the sweep removes when it is back.
    """
    try:
        yield
    except LeaseLost:
        raise
    except Exception:
        with suppress(Unavailable):
            report.line("Undoing: removing the new version")
            put_back(ports, old)
            remove(ports, release)
        raise


def patiently(ports: Ports, report: Report, act: Callable[[], T]) -> T:
    """Do it again while the engine is away, for half a minute."""
    waited = 0.0
    while True:
        try:
            return act()
        except Unavailable as away:
            if waited >= _PATIENCE:
                raise
            report.check()
            report.line(f"{away.message}; trying again")
            ports.clock.sleep(1 + waited / 5)
            waited += 1 + waited / 5


def pull(ports: Ports, release: Release, report: Report) -> Release:
    """Bring every image and keep its digest; a release that names digests gets exactly those."""
    for reference in dict.fromkeys(component.image for component in release.project.components):
        image = ports.runtime.pull(release.images.get(reference, reference), report.layers)
        report.check()
        report.line(f"{reference} is {image.digest}", "engine")
        release = release.with_image(Image(reference, image.digest, image.ports))
    report.images(release.images)
    return release


def create(ports: Ports, release: Release) -> None:
    """Make networks, volumes and containers; what exists already is left as it is."""
    for name, internal in release.project.networks.items():
        ports.runtime.create_network(release.network(name), release.labels, internal=internal)
    for name in release.project.volumes:
        ports.runtime.create_volume(release.volume(name), release.volume_labels)
    for container in release.containers():
        ports.runtime.create(container)


def start(ports: Ports, release: Release, old: Release | None, report: Report) -> None:
    """Start component by component, each when what it depends on is as it wishes."""
    checks = Checks(ports, release, report)
    for component in release.project.components:
        for name, condition in component.depends_on.items():
            checks.wait_for(name, condition)
        hand_over(ports, component, old, report)
        for container in release.replicas(component):
            report.check()
            ports.runtime.start(container.name)


def hand_over(ports: Ports, component: Component, old: Release | None, report: Report) -> None:
    """Stop the old containers of a component that writes to a volume: two writers would spoil the data."""
    if old is None or not component.writes:
        return
    for container in old.containers():
        if container.component.name == component.name:
            report.touched_old = True
            report.line(f"Stopping the old {component.name}: two must not write to one volume")
            ports.runtime.stop(container.name, component.stop_grace)


def wait_healthy(ports: Ports, release: Release, report: Report) -> None:
    """Return when every container is healthy or has done its work; raises Broken when one never will be."""
    Checks(ports, release, report).wait_for_all()


def route(ports: Ports, release: Release, without: str | None = None) -> str | None:
    """Send visitors to this release in one step; None when it exposes nothing. `without` leaves one container out."""
    if release.front is None:
        ports.router.close(release.service_id)
        return None
    found = [target for name, target in _targets(ports, release) if name != without]
    if not found and without is None:
        raise Broken("route_failed", "No container has an address that visitors could be sent to")
    return ports.router.switch(release.service_id, release.service_name, found)


def targets(ports: Ports, release: Release) -> tuple[Target, ...]:
    """Where the containers that visitors reach listen now."""
    return tuple(target for _, target in _targets(ports, release))


def _targets(ports: Ports, release: Release) -> Iterator[tuple[str, Target]]:
    component, port = release.front or (None, 0)
    for container in release.replicas(component) if component else ():
        seen = ports.runtime.inspect(container.name)
        if seen and seen.state == "running" and seen.address:
            yield container.name, Target(seen.address, port)


def put_back(ports: Ports, old: Release | None) -> None:
    """Make the old version serve again: start what was handed over, and send visitors to it."""
    if old is None:
        return
    stopped = [one for one in old.containers() if one.component.writes and not _running(ports, one)]
    for container in stopped:
        ports.runtime.start(container.name)
    if old.front and set(targets(ports, old)) != set(ports.router.targets(old.service_id)):
        route(ports, old)


def _running(ports: Ports, container: ContainerSpec) -> bool:
    seen = ports.runtime.inspect(container.name)
    return seen is None or seen.state == "running"


def clean(ports: Ports, release: Release) -> None:
    """Let visitors of earlier versions finish, then remove every trace of them."""
    ports.router.drain(release.service_id, _DRAIN)
    ours = {INSTANCE: release.instance, SERVICE: release.service_id}
    for container in ports.runtime.containers(ours):
        if container.labels[DEPLOYMENT] != release.deployment_id:
            ports.runtime.stop(container.name, _DRAIN)
            ports.runtime.remove(container.name)
    for network, labels in ports.runtime.networks(ours).items():
        if labels[DEPLOYMENT] != release.deployment_id:
            ports.runtime.remove_network(network)


def remove(ports: Ports, release: Release) -> None:
    """Remove the containers and networks of this release alone."""
    for container in ports.runtime.containers(release.labels):
        ports.runtime.remove(container.name)
    for network in ports.runtime.networks(release.labels):
        ports.runtime.remove_network(network)
