"""Removing what no row claims, and starting what a deployment that could not be undone has left stopped."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Literal

from domain.errors import Unavailable
from domain.model.operation import Kind, OperationStatus
from domain.model.service import Service, ServiceStatus
from domain.ports import Ports
from domain.ports.runtime import EngineRefused
from domain.ports.store import Work
from domain.rollout.release import DEPLOYMENT, INSTANCE, SERVICE
from domain.rollout.rollout import DRAIN
from domain.rollout.service_queue import enqueue

_log = logging.getLogger(__name__)


def collect_garbage(ports: Ports) -> list[str]:
    """Remove containers, networks and routes that no row claims, and return their names.

    The engine is asked before the database: a deployment is claimed by its row before its containers exist.
    """
    labels = {INSTANCE: ports.instance}
    containers = {container.name: container for container in ports.runtime.containers(labels)}
    networks, routes = ports.runtime.networks(labels), ports.router.routes()
    with ports.store.read() as work:
        claims = {name: _claim(work, container.labels) for name, container in containers.items()}
        stray_networks = [name for name, found in networks.items() if _claim(work, found) == "none"]
        stray_routes = [service_id for service_id in routes if not _may_have_route(work, service_id)]
    kept = [name for name, claim in claims.items() if claim == "kept" and containers[name].state == "running"]
    removed = [
        *_remove((name for name, claim in claims.items() if claim == "none"), ports.runtime.remove),
        *_remove(stray_networks, ports.runtime.remove_network),
        *_remove(stray_routes, ports.router.close),
    ]
    for name in kept:
        ports.runtime.stop(name, DRAIN)  # a deployment that went live could not stop the version before it
    _start_pending_undo(ports)
    return removed


def _claim(work: Work, labels: Mapping[str, str]) -> Literal["used", "kept", "none"]:
    """Return what claims it: the live deployment or one in progress uses it; one that may come back keeps it.

    Without our labels it is not ours.
    """
    if SERVICE not in labels or DEPLOYMENT not in labels:
        return "used"
    service = work.services.get(labels[SERVICE])
    if service is None:
        return "none"
    unfinished = work.operations.unfinished(service.id)
    in_progress = any(operation.deployment_id == labels[DEPLOYMENT] for operation in unfinished)
    if in_progress or service.live_deployment_id == labels[DEPLOYMENT]:
        return "used"
    return "kept" if service.watch and service.watch.previous_id == labels[DEPLOYMENT] else "none"


def _may_have_route(work: Work, service_id: str) -> bool:
    service = work.services.get(service_id)
    return service is not None and bool(service.live_deployment_id or work.operations.unfinished(service_id))


def _remove(names: Iterable[str], remove: Callable[[str], None]) -> Iterator[str]:
    """Yield what was removed. What cannot be removed now is tried again later."""
    for name in names:
        try:
            remove(name)
        except EngineRefused as refused:
            _log.warning("could not remove %s: %s", name, refused)
        else:
            yield name


def _start_pending_undo(ports: Ports) -> None:
    """Queue the start of an old version that a failed deployment stopped and could not start again."""
    with ports.store.read() as work:
        pending = [service for service in work.services.wanted_running() if _is_undo_pending(work, service)]
    for service in pending:
        with suppress(Unavailable), ports.store.begin() as work:
            current = work.services.get(service.id)
            if current is not None and _is_undo_pending(work, current):
                enqueue(work, ports.clock.now(), None, current, Kind.START)


def _is_undo_pending(work: Work, service: Service) -> bool:
    if service.status is not ServiceStatus.FAILED:
        return False
    newest = work.operations.newest(service.id)
    if newest is None or newest.finished_at is None or newest.status is OperationStatus.SUCCEEDED:
        return False
    return bool(newest.options.get("undo_pending"))
