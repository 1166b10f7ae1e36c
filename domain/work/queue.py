"""The queue of operations: a row is a job, whatever resource it is about."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.errors import Conflict
from domain.identity.access import Caller
from domain.model.identifiers import new_id
from domain.model.operation import ENDED_OPERATION, Operation, OperationStatus, Option
from domain.model.steps import Failure, finish_steps
from domain.ports.store import Work
from domain.work.task import Outcome


@dataclass(frozen=True)
class Resource:
    """What an operation is about. Operations with the same `lock_key` run one after the other."""

    type: str
    id: str
    customer_id: str | None
    lock_key: str


def enqueue(
    work: Work,
    now: datetime,
    resource: Resource,
    kind: str,
    *,
    caller: Caller | None = None,
    options: Mapping[str, Option] | None = None,
) -> Operation:
    """Append an operation to the queue of its lock key. Without a caller the panel itself asks for it.

    It sorts behind the resource's earlier operations by ID and by time, even if the clock has been set back.
    """
    newest = work.operations.newest(resource.id)
    operation = Operation(
        id=new_id("op", after=newest.id if newest else ""),
        kind=kind,
        resource_type=resource.type,
        resource_id=resource.id,
        lock_key=resource.lock_key,
        created_at=max(now, newest.created_at) if newest else now,
        customer_id=resource.customer_id,
        actor_id=caller.id if caller else None,
        request_id=(caller.request_id or None) if caller else None,
        options=dict(options or {}),
    )
    work.operations.add(operation)
    return operation


def unfinished(work: Work, lock_key: str) -> list[Operation]:
    """Return what is queued or running under a lock key, oldest first, locked so that nothing of it starts or ends."""
    listed = [work.operations.get(operation.id) for operation in work.operations.unfinished(lock_key)]
    return [operation for operation in listed if operation and operation.status not in ENDED_OPERATION]


def request_cancel(work: Work, operation: Operation) -> None:
    """Ask the worker of a running operation to stop and undo; it sees this within a second.

    Raise Conflict if the operation has ended or can no longer be undone.
    """
    if operation.status in ENDED_OPERATION:
        raise Conflict(f"{operation.id} has already ended: {operation.status}", code="already_ended")
    if operation.irreversible:
        raise Conflict(f"{operation.id} can no longer be undone", code="past_point_of_no_return")
    operation.cancel_requested = True
    work.operations.save(operation)


def cancel_queued(work: Work, operation: Operation, now: datetime) -> Outcome:
    """End an operation that has not started. The caller passes the outcome on to what settles its resource."""
    operation.cancel_requested = True
    outcome = Outcome(OperationStatus.CANCELLED, now, Failure("cancelled", "Cancelled before it started"))
    finish(work, operation, outcome)
    return outcome


def finish(work: Work, operation: Operation, outcome: Outcome) -> None:
    """Write that an operation has ended and give up its lease."""
    operation.status, operation.failure = outcome.status, outcome.failure
    operation.steps, operation.finished_at = finish_steps(operation.steps, outcome.at), outcome.at
    operation.progress = 100 if outcome.status is OperationStatus.SUCCEEDED else operation.progress
    operation.lease_owner = operation.lease_until = None
    work.operations.save(operation)
