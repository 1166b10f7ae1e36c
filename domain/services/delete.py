"""Delete a service: cancel its other operations and queue the deletion."""

from datetime import datetime
from typing import Literal

from domain.identity.access import Caller
from domain.model.operation import Kind, Operation, OperationStatus
from domain.model.service import Service
from domain.ports import Ports
from domain.ports.store import Work
from domain.resources import revisions
from domain.resources.dry_run import Change, DryRun, Outcome, perform
from domain.resources.visibility import get_visible_service
from domain.rollout.service_queue import cancel_queued, enqueue, touch
from domain.work.queue import unfinished

Volumes = Literal["keep", "delete"]


def delete_service(
    ports: Ports,
    caller: Caller,
    service_id: str,
    *,
    volumes: Volumes = "keep",
    if_match: str | None = None,
    dry_run: bool = False,
) -> Outcome[Operation]:
    """Queue the deletion of a service. A repeated request returns the operation that is already queued or running.

    `volumes` says whether the engine keeps the service's volumes.
    """
    now = ports.clock.now()
    data = "with its data" if volumes == "delete" else "and keeps its volumes"

    def delete(work: Work) -> tuple[Operation, DryRun]:
        service = get_visible_service(caller, work, service_id)
        revisions.match(if_match, service.revision, "service")
        change = Change("delete", "service", service_id, f"Removes all containers of {service.name} {data}")
        return queue_deletion(work, now, caller, service, volumes), DryRun((change,))

    return perform(ports, delete, dry_run=dry_run)


def queue_deletion(work: Work, now: datetime, caller: Caller | None, service: Service, volumes: Volumes) -> Operation:
    """Cancel the other operations of a service and queue its deletion, unless the same deletion is queued already.

    Without a caller the panel itself asks for it.
    """
    for operation in unfinished(work, service.id):
        if operation.kind == Kind.DELETE:
            if volumes in ("keep", operation.options["volumes"]):
                return operation
        elif operation.status is OperationStatus.QUEUED:
            cancel_queued(work, operation, now)
        else:
            operation.cancel_requested = True
            work.operations.save(operation)
    touch(work, service.id)
    return enqueue(work, now, caller, service, Kind.DELETE, volumes=volumes)
