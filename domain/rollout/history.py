"""How much of the past is kept: the newest deployments of each service, and the operations of 30 days."""

from collections.abc import Callable
from datetime import timedelta

from domain.ports import Ports
from domain.ports.store import Work

OPERATIONS_KEPT = timedelta(days=30)
_BATCH = 500  # rows a transaction
_MOST_BATCHES = 40  # a run of a job; the next run removes more


def remove_old_deployments(ports: Ports) -> int:
    """Remove all but the newest PANEL_KEPT_DEPLOYMENTS ended deployments of each service, with their logs.

    The live deployment and those that a rollback brings back are kept however old they are. Return how many were
    removed.
    """
    kept = ports.settings.kept_deployments
    with ports.store.read() as work:
        crowded = work.deployments.services_with_more_than(kept, _MOST_BATCHES)
    removed = 0
    for service_id in crowded:
        with ports.store.begin() as work:
            removed += work.deployments.remove_oldest(service_id, kept, _needed(work, service_id), _BATCH)
    return removed


def _needed(work: Work, service_id: str) -> set[str]:
    service = work.services.get(service_id)
    if service is None or service.live_deployment_id is None:
        return set()
    earlier = work.deployments.previous_success(service_id, before=service.live_deployment_id)
    watched = service.watch.previous_id if service.watch else None
    return {needed for needed in (service.live_deployment_id, earlier and earlier.id, watched) if needed}


def remove_old_operations(ports: Ports) -> int:
    """Remove operations that ended more than 30 days ago. Return how many were removed."""
    before = ports.clock.now() - OPERATIONS_KEPT
    return _repeat(ports, lambda work: work.operations.remove_ended(before, _BATCH))


def _repeat(ports: Ports, remove: Callable[[Work], int]) -> int:
    removed = 0
    for _ in range(_MOST_BATCHES):
        with ports.store.begin() as work:
            count = remove(work)
        removed += count
        if count < _BATCH:
            break
    return removed
