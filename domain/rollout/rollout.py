"""How a deployment goes live: order plus undo. Every step can be repeated after a crash."""

import logging
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from domain.definitions import host_binds
from domain.errors import Unavailable
from domain.model.operation import Operation
from domain.model.project import Component
from domain.ports import Ports
from domain.ports.container_spec import ContainerSpec
from domain.ports.progress import Change, Progress
from domain.ports.router import Target
from domain.ports.store import Work
from domain.rollout.anonymous_volumes import find_anonymous_volumes
from domain.rollout.building import build_image
from domain.rollout.checks import Checks
from domain.rollout.compose_warnings import note_warnings
from domain.rollout.conflicts import find_conflict
from domain.rollout.images import pull_image
from domain.rollout.release import DEPLOYMENT, INSTANCE, SERVICE, Release
from domain.work.failures import TaskFailed

T = TypeVar("T")

_log = logging.getLogger(__name__)
_PATIENCE, _UNDO_PATIENCE = 30.0, 3.0  # seconds
_LONGEST_PAUSE = 3.0
DRAIN = 10.0
"""Seconds that open connections get before their container is stopped."""


@dataclass(frozen=True)
class RolledOut:
    """A release that has taken over: its URL, whether all of it has completed, and its restarts so far."""

    release: Release
    url: str | None
    completed: bool
    restarts: int


def roll_out(ports: Ports, release: Release, old: Release | None, progress: Progress) -> RolledOut:
    """Start the new version beside the old, and route requests to it when it is healthy."""
    release = retry_while_unavailable(ports, progress, lambda: build_image(ports, release, progress))
    progress.step("pulling", f"Pulling {image_list(release)}")
    note_warnings(release, progress)
    release = retry_while_unavailable(ports, progress, lambda: pull(ports, release, old, progress))
    adoption = retry_while_unavailable(ports, progress, lambda: find_anonymous_volumes(ports, release, old, progress))
    progress.step("creating", "Creating containers", changes=[_keep_images(release), adoption.record])
    release, old = adoption.apply(release), adoption.apply(old) if old else None
    retry_while_unavailable(ports, progress, lambda: create(ports, release))
    progress.step("starting", "Starting the new version beside the old" if old else "Starting containers")
    checks = Checks(ports, release, progress)
    retry_while_unavailable(ports, progress, lambda: start_components(ports, release, old, checks, progress, set()))
    progress.step("checking", "Waiting until everything is healthy")
    retry_while_unavailable(ports, progress, checks.wait_for_all)
    retry_while_unavailable(ports, progress, lambda: keep_running(ports, release))
    progress.step("routing", "Routing requests to the new version")
    url = retry_while_unavailable(ports, progress, lambda: route(ports, release))
    return RolledOut(release, url, checks.all_completed, checks.restart_count)


def image_list(release: Release) -> str:
    """Return the images of a release as text, each once."""
    return ", ".join(dict.fromkeys(component.image for component in release.project.components))


def _keep_images(release: Release) -> Change:
    """Return the change that stores which digests were pulled, so that a rollback starts exactly these."""

    def change(work: Work, operation: Operation) -> None:
        deployment = work.deployments.get(operation.deployment_id or "")
        if deployment is not None:
            work.deployments.save(replace(deployment, images=dict(release.images)))

    return change


@contextmanager
def undo_on_failure(ports: Ports, release: Release, old: Release | None, progress: Progress) -> Iterator[None]:
    """If the block fails, undo the release and raise the failure again."""
    try:
        yield
    except Exception:
        undo(ports, release, old, progress)
        raise


def undo(ports: Ports, release: Release, old: Release | None, progress: Progress) -> None:
    """Route requests to the old version and remove the new one, as far as the engine allows.

    Garbage collection removes what is left, and starts an old version that could not be started (`undo_pending`).
    """
    stopped = bool(progress.recall("old_version_stopped"))
    progress.begin_undo(rolled_back=stopped)
    progress.log("Undoing: removing the new version")
    _try_to_undo(ports, progress, lambda: route_to_old(ports, release, old))
    names = str(progress.recall("stopped_containers") or "").split()
    undone = _try_to_undo(ports, progress, lambda: _restore_old(ports, release, old if stopped else None, names))
    pending = stopped and not undone
    if pending != bool(progress.recall("undo_pending")):
        progress.remember(undo_pending=pending)


def _restore_old(ports: Ports, release: Release, stopped: Release | None, stopped_names: Collection[str]) -> None:
    """Remove the new version first: two must not write to one volume."""
    remove_release(ports, release)
    if stopped:
        start_stopped(ports, stopped, stopped_names)
        route_to_old(ports, release, stopped)


def _try_to_undo(ports: Ports, progress: Progress, act: Callable[[], None]) -> bool:
    """Return whether it worked. A failure here is only logged: people are told the one that is being undone."""
    try:
        retry_while_unavailable(ports, progress, act, _UNDO_PATIENCE)
    except Exception as fault:  # noqa: BLE001
        _log.warning("could not undo everything", exc_info=fault)
        progress.note("Not everything could be undone; the rest is done when the engine is available again")
        return False
    return True


def retry_while_unavailable(ports: Ports, progress: Progress, act: Callable[[], T], seconds: float = _PATIENCE) -> T:
    """Return what `act` returns; call it again while it raises Unavailable, for so many seconds."""
    waited, pause = 0.0, 1.0
    while True:
        try:
            return act()
        except Unavailable as fault:
            if waited >= seconds:
                raise
            progress.check()
            progress.log(f"{fault.message}; trying again")
            ports.clock.sleep(pause)
            waited, pause = waited + pause, min(pause * 1.2, _LONGEST_PAUSE)


def pull(ports: Ports, release: Release, old: Release | None, progress: Progress) -> Release:
    """Pull every image and return the release with their digests. An image that has a digest is pulled by it."""
    for reference in dict.fromkeys(component.image for component in release.project.components):
        image = pull_image(ports, release, reference, old, progress)
        progress.check()
        progress.note(f"{reference} is {image.digest}", "engine")
        release = release.with_image(replace(image, reference=reference))
    return release


def create(ports: Ports, release: Release) -> None:
    """Create networks, volumes and containers; what exists already is left as it is."""
    for path in release.host_binds:
        if not host_binds.is_allowed(ports.settings.host_binds, path):
            raise TaskFailed("policy_refused", "PANEL_HOST_BINDS does not allow an attached directory")
    for name, internal in release.project.networks.items():
        ports.runtime.create_network(release.network(name), release.labels, internal=internal)
    for name in release.volumes():
        ports.runtime.create_volume(name, release.volume_labels)
    for container in release.containers():
        ports.runtime.create(container)


def start_components(
    ports: Ports, release: Release, old: Release | None, checks: Checks, progress: Progress, again: set[str]
) -> None:
    """Start each component as soon as the conditions of its `depends_on` are met.

    A container that has completed is not started again, unless `again` has its name: then it is, once.
    """
    waiting = list(release.project.components)
    while waiting:
        ready = [component for component in waiting if checks.may_start(component)]
        for component in ready:
            if old:
                stop_conflicting(ports, release, component, old, progress)
            for container in release.replicas(component):
                progress.check()
                _start(ports, release, container, again)
                checks.begin(container)
        waiting = [component for component in waiting if component not in ready]
        if waiting and not ready:
            checks.pause()


def _start(ports: Ports, release: Release, container: ContainerSpec, again: set[str]) -> None:
    may_be_done = container.name not in again and release.may_complete(container.component)
    if not (may_be_done and release.has_completed(container, ports.runtime.inspect(container.name))):
        _write_and_start(ports, container)
    again.discard(container.name)


def _write_and_start(ports: Ports, container: ContainerSpec) -> None:
    if container.writes_shared_files:  # which the other version has written too
        ports.runtime.write_files(container)
    ports.runtime.start(container.name)


def keep_running(ports: Ports, release: Release) -> None:
    """Let the engine restart what is up, where the text does not say whether it should."""
    for component in release.project.components:
        policy = release.lasting_policy(component)
        for container in release.replicas(component) if policy else ():
            if policy and not _has_completed(ports, release, component):
                ports.runtime.set_restart(container.name, policy)


def stop_conflicting(ports: Ports, release: Release, component: Component, old: Release, progress: Progress) -> None:
    """Stop the containers of the old version that cannot run beside this component."""
    for container in old.containers():
        conflict = find_conflict(release, component, old, container.component)
        if conflict and _is_running(ports, container.name):
            stopped = {*str(progress.recall("stopped_containers") or "").split(), container.name}
            # before it is done: the worker that undoes it must know
            progress.remember(old_version_stopped=True, stopped_containers=" ".join(sorted(stopped)))
            progress.log(f"Stopping the old {container.component.name}: {conflict}")
            ports.runtime.stop(container.name, container.component.stop_grace)


def _is_running(ports: Ports, name: str) -> bool:
    """Return whether a container runs, or will when the engine restarts it."""
    container = ports.runtime.inspect(name)
    return container is not None and (container.state == "running" or container.restarting)


def route(ports: Ports, release: Release, without: str | None = None) -> str | None:
    """Route requests to this release in one step and return the URL; None if nothing of it serves requests.

    `without` leaves one container out.
    """
    if release.public_endpoint is None or _has_completed(ports, release, release.public_endpoint[0]):
        ports.router.close(release.service_id)
        return None
    targets = [target for name, target in _targets(ports, release) if name != without]
    if not targets and without is None:
        raise TaskFailed("route_failed", "No running container has an address to route requests to")
    return ports.router.switch(release.service_id, release.subdomain, targets)


def _has_completed(ports: Ports, release: Release, component: Component) -> bool:
    return release.may_complete(component) and all(
        release.has_completed(container, ports.runtime.inspect(container.name))
        for container in release.replicas(component)
    )


def _targets(ports: Ports, release: Release) -> Iterator[tuple[str, Target]]:
    component, port = release.public_endpoint or (None, 0)
    for container in release.replicas(component) if component else ():
        seen = ports.runtime.inspect(container.name)
        target = seen.target(port) if seen and seen.state == "running" else None
        if target:
            yield container.name, target


def route_to_old(ports: Ports, release: Release, old: Release | None) -> None:
    """Route requests to the running containers of the old version; close the route if it has no public endpoint."""
    if old is None or old.public_endpoint is None:
        ports.router.close(release.service_id)
        return
    targets = [target for _, target in _targets(ports, old)]
    if set(targets) != set(ports.router.targets(release.service_id)):
        ports.router.switch(release.service_id, release.subdomain, targets)


def start_stopped(ports: Ports, old: Release, names: Collection[str]) -> None:
    """Start the containers of the old version that `stop_conflicting` stopped, but no job that had ended before."""
    for container in old.containers():
        exclusive = old.writable_volumes(container.component) or old.host_ports(container.component)
        seen = ports.runtime.inspect(container.name) if exclusive else None
        if seen and (container.name in names or not old.has_completed(container, seen)):
            _write_and_start(ports, container)


def remove_other_versions(ports: Ports, release: Release, old: Release | None, kept_id: str | None = None) -> None:
    """Let requests to earlier versions finish, then remove the containers and networks of these versions.

    Those of the deployment `kept_id` are only stopped.
    """
    ports.router.drain(release.service_id, DRAIN)
    graces = {container.name: container.component.stop_grace for container in old.containers()} if old else {}
    labels = {INSTANCE: release.instance, SERVICE: release.service_id}
    for container in reversed(ports.runtime.containers(labels)):
        if container.labels.get(DEPLOYMENT) != release.deployment_id:
            ports.runtime.stop(container.name, graces.get(container.name, DRAIN))
        if container.labels.get(DEPLOYMENT) not in (release.deployment_id, kept_id):
            ports.runtime.remove(container.name)
    for network, network_labels in ports.runtime.networks(labels).items():
        if network_labels.get(DEPLOYMENT) not in (release.deployment_id, kept_id):
            ports.runtime.remove_network(network)


def remove_release(ports: Ports, release: Release) -> None:
    """Remove the containers and networks of this release alone."""
    for container in ports.runtime.containers(release.labels):
        ports.runtime.remove(container.name)
    for network in ports.runtime.networks(release.labels):
        ports.runtime.remove_network(network)
