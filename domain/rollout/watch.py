"""The first seconds after a new version has taken over: if it fails in them, the version before it comes back."""

from datetime import datetime, timedelta

from domain.model.operation import Kind
from domain.model.service import Health, Service, ServiceStatus, Watch
from domain.ports import Ports
from domain.rollout.service_queue import enqueue
from domain.work.queue import unfinished

WATCHED = timedelta(seconds=30)
_TOO_LATE = timedelta(minutes=5)
_MOST_FAILED_CHECKS = 1  # of the HTTP check: a single one may be a slow response


def has_failed(watch: Watch, status: ServiceStatus, health: Health, restarts: int, *, unhealthy: bool) -> bool:
    """Return whether a watched version has failed: it ended, was restarted, or is unhealthy.

    `unhealthy` is what the containers' own health checks say.
    """
    failed_checks = health.consecutive_failures if health.status == "unhealthy" else 0
    failed = status is ServiceStatus.FAILED or unhealthy or failed_checks > _MOST_FAILED_CHECKS
    return failed or restarts > watch.restarts


def judge(ports: Ports, service: Service, watch: Watch, now: datetime, *, failed: bool) -> None:
    """Queue the way back for a version that has failed; end the watch of one that has not.

    A failure that is seen long after the end of the watch, since no worker was there, is too late.
    """
    if failed and now < watch.until + _TOO_LATE:
        _queue_rollback(ports, service, watch)
    elif now >= watch.until:
        with ports.store.begin() as work:
            work.services.end_watch(service.id, watch)


def _queue_rollback(ports: Ports, service: Service, watch: Watch) -> None:
    with ports.store.begin() as work:
        current = work.services.get(service.id)
        if current is None or current.watch != watch or unfinished(work, service.id):
            return
        operation = enqueue(
            work,
            ports.clock.now(),
            None,
            current,
            Kind.ROLLBACK,
            failed_id=current.live_deployment_id,
            containers=" ".join(watch.containers),
            restarts=watch.restarts,
        )
        operation.deployment_id = watch.previous_id
        work.operations.save(operation)
    ports.notifier.notify()
