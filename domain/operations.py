"""Operations: reading and cancelling work that goes on."""

from typing import Literal, TypedDict, Unpack

from domain.errors import Conflict
from domain.identity.access import Caller, not_found, sees
from domain.model.operation import ENDED_OPERATION, Kind, Operation, OperationStatus
from domain.ports import Ports
from domain.ports.store import Page, Work
from domain.resources.queries import query, scoped
from domain.work.queue import cancel_queued


class ListOperationsParameters(TypedDict, total=False):
    """The query parameters of `list_operations`."""

    page: int
    per_page: int
    order: Literal["asc", "desc"]
    sort: Literal["created_at", "status", "kind"]
    customer_id: str
    actor_id: str
    resource_id: str
    kind: Kind
    status: OperationStatus


def visible(caller: Caller, work: Work, operation_id: str) -> Operation:
    """The operation, or NotFound."""
    operation = work.operations.get(operation_id)
    if operation is None or not sees(caller, operation.customer_id):
        raise not_found("Operation", operation_id)
    return operation


def list_operations(ports: Ports, caller: Caller, **parameters: Unpack[ListOperationsParameters]) -> Page[Operation]:
    """Return a page of the operations that the caller can see."""
    filters = {
        "kind": parameters.get("kind"),
        "status": parameters.get("status"),
        "actor_id": parameters.get("actor_id"),
        "service_id": parameters.get("resource_id"),
    }
    asked = query(
        parameters.get("page", 1),
        parameters.get("per_page", 20),
        parameters.get("sort", "created_at"),
        parameters.get("order", "desc"),
        filters=scoped(caller, filters, parameters.get("customer_id")),
    )
    with ports.store.read() as work:
        return work.operations.page(asked)


def get_operation(ports: Ports, caller: Caller, operation_id: str) -> Operation:
    """The operation as it is now."""
    with ports.store.read() as work:
        return visible(caller, work, operation_id)


def cancel_operation(ports: Ports, caller: Caller, operation_id: str) -> Operation:
    """End what waits; ask what runs to stop and undo. Raise Conflict when it has ended or is past its return."""
    now = ports.clock.now()
    with ports.store.read() as work:
        service_id = visible(caller, work, operation_id).service_id
    with ports.store.begin() as work:
        work.services.get(service_id)  # locked before its work, as everywhere: else two callers wait for each other
        operation = visible(caller, work, operation_id)
        cancel(work, operation)
        if operation.status is OperationStatus.QUEUED:
            cancel_queued(work, operation, now)
    return operation


def cancel(work: Work, operation: Operation) -> None:
    """Write the wish to cancel; whoever carries the operation out sees it within a second."""
    if operation.status in ENDED_OPERATION:
        raise Conflict(f"It has ended already: {operation.status}", code="already_ended")
    if operation.past_return:
        raise Conflict("It cannot be undone any more", code="past_point_of_no_return")
    operation.cancel_requested = True
    work.operations.save(operation)
