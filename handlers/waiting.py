"""Answering late: as soon as work has ended, or when the time that the caller gave is over. No thread waits."""

from collections.abc import Callable
from typing import TypeVar

import anyio
from starlette.concurrency import run_in_threadpool

from domain.deployments import DeploymentDetail
from domain.errors import Conflict, Unavailable
from domain.model.operation import Operation, OperationStatus
from domain.ports import Ports
from domain.resources.dry_run import DryRun
from handlers import answers
from handlers.openapi31 import Answer

Waited = TypeVar("Waited", Operation, DeploymentDetail)
_LOOK_EVERY = 0.05
_ASK_EVERY = 20  # looks: another process may have written without a notify
_DELETING = 60


async def until_ended(ports: Ports, seconds: float, ask: Callable[[], Waited]) -> Waited:
    """What `ask` answers when the work has ended, or after so many seconds."""
    with anyio.move_on_after(seconds):
        while True:
            mark = ports.notifier.version()
            current = await run_in_threadpool(ask)
            if _ended(current):
                return current
            await news(ports, mark)
    return await run_in_threadpool(ask)


async def news(ports: Ports, mark: int) -> None:
    """Return when something has changed since the mark, or after a second: another process may have changed it."""
    for _ in range(_ASK_EVERY):
        await anyio.sleep(_LOOK_EVERY)
        if ports.notifier.version() != mark:
            return


def _ended(work: Operation | DeploymentDetail) -> bool:
    row = work if isinstance(work, Operation) else work.deployment
    return row.finished_at is not None


async def deleted(
    ports: Ports, delete: Callable[[], Operation | DryRun], ask: Callable[[str], Operation], seconds: float = _DELETING
) -> Answer:
    """204 when it has succeeded, 202 while it still goes on after a minute.

    Raises Conflict when it was cancelled, Unavailable when it failed.
    """
    begun = await run_in_threadpool(delete)
    if isinstance(begun, DryRun):
        return answers.ok(begun)
    operation = await until_ended(ports, seconds, lambda: ask(begun.id))
    if operation.status is OperationStatus.CANCELLED:
        raise Conflict("The deletion was cancelled", details=f"See GET /operations/{operation.id}")
    if operation.failure:
        raise Unavailable(
            f"It could not be deleted: {operation.failure.message}",
            code="engine_unavailable",
            details="Nothing was forgotten; delete it again when the engine answers",
        )
    return answers.no_content() if operation.status is OperationStatus.SUCCEEDED else answers.accepted(operation)
