"""Requests that wait for an operation which creates something: repeat it after a failure, and say why it failed."""

from collections.abc import Mapping

from domain.errors import Conflict, Invalid, Refusal, Unavailable
from domain.identity.access import Caller
from domain.model.operation import Operation, OperationStatus
from domain.ports import Ports
from domain.ports.store import Work
from domain.resources.queries import query
from domain.work import queue
from domain.work.queue import Resource

_UNDONE = (OperationStatus.FAILED, OperationStatus.CANCELLED, OperationStatus.ROLLED_BACK)


def continue_creation(ports: Ports, caller: Caller, operation_id: str) -> Operation:
    """Return the operation that creates the resource of an earlier one: a new one if that has failed and was undone.

    A repeated request with the same Idempotency-Key so completes what the first one could not. Raise Conflict if the
    operation is no longer kept.
    """
    now = ports.clock.now()
    with ports.store.begin() as work:
        first = work.operations.get(operation_id)
        if first is None:
            raise Conflict("The operation of this request is no longer kept", details="Use another Idempotency-Key")
        newest = _newest(work, first)
        if newest.status not in _UNDONE:
            return newest
        resource = Resource(newest.resource_type, newest.resource_id, newest.customer_id, lock_key=newest.lock_key)
        return queue.enqueue(work, now, resource, newest.kind, caller=caller, options=newest.options)


def refuse_failed(operation: Operation, fields: Mapping[str, str]) -> None:
    """Raise what the failure of a creation means for the request; return if it has not failed.

    `fields` says which field of the body is at fault for a code of a failure.
    """
    failure = operation.failure
    if failure is None:
        return
    if failure.code in fields:
        raise Invalid({fields[failure.code]: failure.message})
    message = f"The {operation.resource_type} was not created: {failure.message}"
    details = f"See GET /api/operations/{operation.id}"
    refusals: dict[str, Refusal] = {
        "account_exists": Conflict(message, code="account_exists", details="Use another address"),
        "cancelled": Conflict(message, code="wrong_state", details=details),
        "mail_unavailable": Unavailable(message, code="mail_unavailable", details=details),
        "identity_provider_unavailable": Unavailable(message, code="identity_provider_unavailable", details=details),
    }
    raise refusals.get(failure.code) or Unavailable(message, code="unavailable", details=details)


def _newest(work: Work, operation: Operation) -> Operation:
    filters = {"resource_id": operation.resource_id, "kind": operation.kind}
    page = work.operations.page(query(filters=filters, per_page=1))
    return page.items[0] if page.items else operation
