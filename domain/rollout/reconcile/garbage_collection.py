"""Removing what no row claims, and bringing back what a deployment that could not be undone has left stopped."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress

from domain.errors import Unavailable
from domain.model.identifiers import new_id
from domain.model.operation import Kind, Operation
from domain.model.service import Service, ServiceStatus
from domain.ports import Ports
from domain.ports.runtime import EngineRefused
from domain.ports.store import Query, Work
from domain.rollout.release import DEPLOYMENT, INSTANCE, SERVICE

_log = logging.getLogger(__name__)


def sweep(ports: Ports) -> list[str]:
    """Remove containers, networks and routes that no row claims; answer their names.

    The engine is asked first and the rows after: what a deployment makes is claimed by its row before it exists.
    """
    ours = {INSTANCE: ports.instance}
    containers = {one.name: one.labels for one in ports.runtime.containers(ours)}
    networks, routes = ports.runtime.networks(ours), ports.router.routes()
    with ports.store.read() as work:
        orphans = [name for name, labels in containers.items() if not _claimed(work, labels)]
        loose = [name for name, labels in networks.items() if not _claimed(work, labels)]
        lost = [service_id for service_id in routes if not _routable(work, service_id)]
    removed = [*_removed(orphans, ports.runtime.remove), *_removed(loose, ports.runtime.remove_network)]
    removed += _removed(lost, ports.router.close)
    _bring_back(ports)
    return removed


def _claimed(work: Work, labels: Mapping[str, str]) -> bool:
    """By its deployment, live or at work. What does not carry all our labels was not made by us."""
    if SERVICE not in labels or DEPLOYMENT not in labels:
        return True
    service = work.services.get(labels[SERVICE])
    if service is None:
        return False
    at_work = any(one.deployment_id == labels[DEPLOYMENT] for one in work.operations.unfinished(service.id))
    return at_work or service.live_deployment_id == labels[DEPLOYMENT]


def _routable(work: Work, service_id: str) -> bool:
    service = work.services.get(service_id)
    return service is not None and bool(service.live_deployment_id or work.operations.unfinished(service_id))


def _removed(names: Iterable[str], remove: Callable[[str], None]) -> Iterator[str]:
    """One that cannot be removed now does not keep the others."""
    for name in names:
        try:
            remove(name)
        except EngineRefused as refused:
            _log.warning("could not remove %s: %s", name, refused)
        else:
            yield name


def _bring_back(ports: Ports) -> None:
    """Start a version again that was stopped for one that failed while the engine was away."""
    with ports.store.read() as work:
        owed = [one for one in work.services.wanted_running() if _is_owed(work, one)]
    for service in owed:
        with suppress(Unavailable), ports.store.begin() as work:
            current = work.services.get(service.id)
            if current is not None and _is_owed(work, current):
                work.operations.add(_start(ports, current))


def _is_owed(work: Work, service: Service) -> bool:
    if service.status is not ServiceStatus.FAILED:
        return False
    newest = work.operations.page(Query({"service_id": service.id}, per_page=1)).items
    return any(operation.finished_at and operation.options.get("owes_undo") for operation in newest)


def _start(ports: Ports, service: Service) -> Operation:
    return Operation(
        id=new_id("op"),
        kind=Kind.START,
        service_id=service.id,
        created_at=ports.clock.now(),
        customer_id=service.customer_id,
    )
