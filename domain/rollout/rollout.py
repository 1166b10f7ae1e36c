"""How a deployment goes live: order plus undo. Every step can be repeated after a crash."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from domain.errors import Unavailable
from domain.model.project import Component
from domain.ports import Ports
from domain.ports.router import Target
from domain.ports.runtime import Image
from domain.rollout.checks import Checks
from domain.rollout.release import DEPLOYMENT, INSTANCE, SERVICE, Release, written
from domain.work.progress import LeaseLost, Report, TaskFailed

T = TypeVar("T")

_log = logging.getLogger(__name__)
_PATIENCE, _UNDO_PATIENCE = 30.0, 3.0
_LONGEST_PAUSE = 3.0
_DRAIN = 10.0


def roll_out(ports: Ports, release: Release, old: Release | None, report: Report) -> str | None:
    """Start the new beside the old and switch visitors when it is healthy; answer the URL."""
    report.step("pulling", f"Pulling {_told(release)}")
    release = patiently(ports, report, lambda: pull(ports, release, report))
    report.step("creating", "Creating containers")
    patiently(ports, report, lambda: create(ports, release))
    report.step("starting", "Starting the new version beside the old" if old else "Starting containers")
    checks = Checks(ports, release, report)
    patiently(ports, report, lambda: start(ports, release, old, checks, report))
    report.step("checking", "Waiting until everything is healthy")
    patiently(ports, report, checks.wait_for_all)
    report.step("routing", "Moving visitors to the new version")
    return patiently(ports, report, lambda: route(ports, release))


def _told(release: Release) -> str:
    return ", ".join(dict.fromkeys(component.image for component in release.project.components))


@contextmanager
def undone_on_failure(ports: Ports, release: Release, old: Release | None, report: Report) -> Iterator[None]:
    """Whatever goes wrong inside, let the old version serve and leave nothing of the new one; then let it through."""
    try:
        yield
    except LeaseLost:
        raise
    except Exception:
        undo(ports, release, old, report)
        raise


def undo(ports: Ports, release: Release, old: Release | None, report: Report) -> None:
    """As far as the engine lets us. What is left the sweep removes, and an old version still owed it starts again."""
    report.undo()
    report.line("Undoing: removing the new version")
    _as_far_as_possible(ports, report, lambda: send_back(ports, release, old))
    whole = _as_far_as_possible(ports, report, lambda: _put_back(ports, release, old, report))
    report.owes_undo = report.touched_old and not whole


def _put_back(ports: Ports, release: Release, old: Release | None, report: Report) -> None:
    """The new version goes first: two must not write to one volume."""
    remove(ports, release)
    if old and report.touched_old:
        bring_back(ports, old)
        send_back(ports, release, old)


def _as_far_as_possible(ports: Ports, report: Report, act: Callable[[], None]) -> bool:
    try:
        patiently(ports, report, act, _UNDO_PATIENCE)
    except LeaseLost:
        raise
    except Exception as fault:  # noqa: BLE001 - the failure that is being undone is the one to tell
        _log.warning("could not undo everything", exc_info=fault)
        report.note("Not everything could be undone now; the rest is done when the engine lets us")
        return False
    return True


def patiently(ports: Ports, report: Report, act: Callable[[], T], seconds: float = _PATIENCE) -> T:
    """Do it again while the engine is away, for half a minute."""
    waited, pause = 0.0, 1.0
    while True:
        try:
            return act()
        except Unavailable as away:
            if waited >= seconds:
                raise
            report.check()
            report.line(f"{away.message}; trying again")
            ports.clock.sleep(pause)
            waited, pause = waited + pause, min(pause * 1.2, _LONGEST_PAUSE)


def pull(ports: Ports, release: Release, report: Report) -> Release:
    """Bring every image and keep its digest; a release that names digests gets exactly those."""
    for reference in dict.fromkeys(component.image for component in release.project.components):
        image = ports.runtime.pull(release.images.get(reference, reference), report.layers)
        report.check()
        report.note(f"{reference} is {image.digest}", "engine")
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


def start(ports: Ports, release: Release, old: Release | None, checks: Checks, report: Report) -> None:
    """Start component by component, each when what it depends on is as it wishes."""
    for component in release.project.components:
        for name, condition in component.depends_on.items():
            checks.wait_for(name, condition)
        if old:
            hand_over(ports, component, old, report)
        for container in release.replicas(component):
            report.check()
            if not (release.ends(component) and _has_ended_well(ports, container.name)):
                ports.runtime.start(container.name)


def _has_ended_well(ports: Ports, name: str) -> bool:
    """Work that is done once for a deployment is not done again when it is started again."""
    seen = ports.runtime.inspect(name)
    return seen is not None and seen.state == "exited" and seen.exit_code == 0


def hand_over(ports: Ports, component: Component, old: Release, report: Report) -> None:
    """Stop what writes to the same volume in the old version: two writers would spoil the data."""
    for container in old.containers():
        if written(component) & written(container.component) and _runs(ports, container.name):
            report.touch_old()
            report.line(f"Stopping the old {container.component.name}: two must not write to one volume")
            ports.runtime.stop(container.name, container.component.stop_grace)


def _runs(ports: Ports, name: str) -> bool:
    seen = ports.runtime.inspect(name)
    return seen is not None and seen.state == "running"


def route(ports: Ports, release: Release, without: str | None = None) -> str | None:
    """Send visitors to this release in one step; None when it exposes nothing. `without` leaves one container out."""
    if release.front is None:
        ports.router.close(release.service_id)
        return None
    found = [target for name, target in _targets(ports, release) if name != without]
    if not found and without is None:
        raise TaskFailed("route_failed", "No container has an address that visitors could be sent to")
    return ports.router.switch(release.service_id, release.service_name, found)


def _targets(ports: Ports, release: Release) -> Iterator[tuple[str, Target]]:
    component, port = release.front or (None, 0)
    for container in release.replicas(component) if component else ():
        seen = ports.runtime.inspect(container.name)
        target = seen.target(port) if seen and seen.state == "running" else None
        if target:
            yield container.name, target


def send_back(ports: Ports, release: Release, old: Release | None) -> None:
    """Send visitors to what runs of the old version; without any that serves them there is no route."""
    if old is None or old.front is None:
        ports.router.close(release.service_id)
        return
    found = [target for _, target in _targets(ports, old)]
    if set(found) != set(ports.router.targets(release.service_id)):
        ports.router.switch(release.service_id, release.service_name, found)


def bring_back(ports: Ports, old: Release) -> None:
    """Start what was stopped for the new version."""
    for container in old.containers():
        seen = ports.runtime.inspect(container.name) if written(container.component) else None
        if seen and seen.state != "running" and not old.ends(container.component):
            ports.runtime.start(container.name)


def clean(ports: Ports, release: Release, old: Release | None) -> None:
    """Let visitors of earlier versions finish, then remove every trace of them."""
    ports.router.drain(release.service_id, _DRAIN)
    graces = {one.name: one.component.stop_grace for one in old.containers()} if old else {}
    ours = {INSTANCE: release.instance, SERVICE: release.service_id}
    for container in reversed(ports.runtime.containers(ours)):
        if container.labels.get(DEPLOYMENT) != release.deployment_id:
            ports.runtime.stop(container.name, graces.get(container.name, _DRAIN))
            ports.runtime.remove(container.name)
    for network, labels in ports.runtime.networks(ours).items():
        if labels.get(DEPLOYMENT) != release.deployment_id:
            ports.runtime.remove_network(network)


def remove(ports: Ports, release: Release) -> None:
    """Remove the containers and networks of this release alone."""
    for container in ports.runtime.containers(release.labels):
        ports.runtime.remove(container.name)
    for network in ports.runtime.networks(release.labels):
        ports.runtime.remove_network(network)
