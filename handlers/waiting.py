"""Requests that wait for an operation: the response comes when it has finished, or when the time is over.

No thread waits meanwhile.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Protocol, TypeVar

import anyio

from domain.errors import Conflict, Unavailable
from domain.identity.access import Caller
from domain.model.operation import Operation, OperationStatus
from domain.operations import get_operation
from domain.ports import Ports
from domain.resources.dry_run import Outcome
from domain.work.creation import continue_creation, refuse_failed
from handlers import answers
from handlers.edge.threads import READS, WRITES
from handlers.openapi31 import Answer
from handlers.serializers.operations import operation as serialize_operation
from handlers.serializers.values import Json


class Finishing(Protocol):
    """A result that finishes at some time."""

    @property
    def finished_at(self) -> datetime | None:
        """Return when it finished, None if it has not."""


Result = TypeVar("Result", bound=Finishing)
Created = TypeVar("Created")
_CHECK_INTERVAL = 0.05
_MAX_DELAY = 0.1  # of the time waited so far: each change of any resource makes all that wait read again
_CHECKS_PER_READ = 20  # another process may have written without notifying this one
_DELETION_TIMEOUT = 60
_CREATION_TIMEOUT = 60


async def wait_until_finished(ports: Ports, seconds: float, read: Callable[[], Result]) -> Result:
    """Return what `read` returns once that has finished, or when the seconds are over."""
    began = anyio.current_time()
    with anyio.move_on_after(seconds):
        while True:
            version = ports.notifier.version()
            result = await READS.run(read)
            if result.finished_at is not None:
                return result
            await anyio.sleep((anyio.current_time() - began) * _MAX_DELAY)
            await wait_for_change(ports, version)
    return await READS.run(read)


async def wait_for_change(ports: Ports, version: int) -> None:
    """Return when the notifier has left this version, or after a second: another process may have written."""
    for _ in range(_CHECKS_PER_READ):
        await anyio.sleep(_CHECK_INTERVAL)
        if ports.notifier.version() != version:
            return


async def wait_for_deletion(
    ports: Ports,
    delete: Callable[[], Outcome[Operation]],
    read: Callable[[str], Operation],
    seconds: float = _DELETION_TIMEOUT,
) -> Answer:
    """Return 204 when the deletion has succeeded, 202 if it goes on after `seconds` and for a dry run.

    Raise Conflict if the deletion was cancelled, and Unavailable if it failed.
    """
    outcome = await WRITES.run(delete)
    if outcome.dry_run:
        return answers.accepted(outcome, serialize_operation)
    operation = await wait_until_finished(ports, seconds, lambda: read(outcome.result.id))
    if operation.status is OperationStatus.CANCELLED:
        raise Conflict("The deletion was cancelled", details=f"See GET /operations/{operation.id}")
    if operation.failure:
        message = f"The deletion failed: {operation.failure.message}"
        details = f"Repeat the request to delete what is left. See GET /operations/{operation.id}"
        if operation.failure.code == "identity_provider_unavailable":
            raise Unavailable(message, code="identity_provider_unavailable", details=details)
        raise Unavailable(message, code="engine_unavailable", details=details)
    if operation.status is OperationStatus.SUCCEEDED:
        return answers.no_content()
    return answers.accepted(operation, serialize_operation)


@dataclass(frozen=True)
class Creation(Generic[Created]):
    """How the response to a creation is made: the resource, its JSON and headers, or the refusal of a failure.

    `fields_at_fault` is what `refuse_failed` takes.
    """

    get_created: Callable[[Ports, Operation], Created]
    serialize: Callable[[Created], Json]
    fields_at_fault: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=dict)


async def wait_for_creation(
    ports: Ports,
    caller: Caller,
    begin: Callable[[], str],
    creation: Creation[Created],
    seconds: float = _CREATION_TIMEOUT,
) -> Answer:
    """Return 201 with the resource when it is complete, 202 if its creation goes on after `seconds`.

    `begin` returns the ID of the operation that creates it. Raise a refusal that says why the creation failed.
    """
    operation_id = await WRITES.run(begin)
    begun = await WRITES.run(lambda: continue_creation(ports, caller, operation_id))
    operation = await wait_until_finished(ports, seconds, lambda: get_operation(ports, caller, begun.id))
    refuse_failed(operation, creation.fields_at_fault)
    if operation.finished_at is None:
        return answers.accepted(operation, serialize_operation)
    created = await READS.run(lambda: creation.get_created(ports, operation))
    return answers.created(created, creation.serialize, **creation.headers)
