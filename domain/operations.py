"""Operations: reading and cancelling background work."""

from typing import Literal, TypedDict, Unpack

from domain.identity.access import Caller
from domain.model.operation import Kind, Operation, OperationStatus
from domain.ports import Ports
from domain.ports.repository import Page
from domain.ports.store import Work
from domain.resources.queries import list_query
from domain.resources.visibility import get_visible
from domain.tasks.registry import TASKS
from domain.work import queue
from domain.work.task import find_task


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


def list_operations(ports: Ports, caller: Caller, **parameters: Unpack[ListOperationsParameters]) -> Page[Operation]:
    """Return a page of the operations that the caller can see."""
    query = list_query(caller, parameters, filters=("kind", "status", "actor_id", "resource_id"))
    with ports.store.read() as work:
        return work.operations.page(query)


def get_operation(ports: Ports, caller: Caller, operation_id: str) -> Operation:
    """Return the operation as it is now."""
    with ports.store.read() as work:
        return _visible(caller, work, operation_id)


def cancel_operation(ports: Ports, caller: Caller, operation_id: str) -> Operation:
    """End a queued operation, or ask the worker of a running one to stop and undo.

    Raise Conflict if it has ended or can no longer be undone.
    """
    now = ports.clock.now()
    with ports.store.read() as work:
        operation = _visible(caller, work, operation_id)
    task = find_task(TASKS, operation.kind)
    with ports.store.begin() as work:
        task.lock(work, operation)
        operation = _visible(caller, work, operation_id)
        queue.request_cancel(work, operation)
        if operation.status is OperationStatus.QUEUED:
            task.settle(work, operation, queue.cancel_queued(work, operation, now))
    return operation


def _visible(caller: Caller, work: Work, operation_id: str) -> Operation:
    return get_visible(caller, work.operations, "Operation", operation_id)
