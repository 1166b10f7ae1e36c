"""Run a claimed operation: one task for each kind, and one end for all of them."""

import logging
from collections.abc import Mapping
from dataclasses import replace

from domain.model.operation import Operation
from domain.ports import Ports
from domain.work.failures import WaitsForOperations, failure_of
from domain.work.lease import Lease, LeaseLost
from domain.work.leased_ports import LeasedProber, LeasedRouter, LeasedRuntime
from domain.work.progress import OperationProgress
from domain.work.task import Task, find_task

_log = logging.getLogger(__name__)


def run_operation(ports: Ports, tasks: Mapping[str, Task], operation: Operation, lease: Lease) -> None:
    """Do the work of a claimed operation and write how it ended, whatever happens.

    Only a worker that lost its lease writes nothing, because another worker has the operation.
    """
    leased = replace(
        ports,
        runtime=LeasedRuntime(ports.runtime, lease),
        prober=LeasedProber(ports.prober, lease),
        router=LeasedRouter(ports.router, lease),
    )
    task = find_task(tasks, operation.kind)
    progress = OperationProgress(leased, task, operation, lease)
    try:
        _run(leased, task, operation, progress)
    except LeaseLost:
        _log.warning("lost the lease", extra={"operation": operation.id})


def _run(ports: Ports, task: Task, operation: Operation, progress: OperationProgress) -> None:
    try:
        changes = task.run(ports, operation, progress)
    except WaitsForOperations as wait:
        progress.requeue(wait.customer_id)
    except Exception as fault:  # noqa: BLE001 - an operation always ends, and says why
        progress.begin_undo()
        progress.end(failure_of(fault, progress.redact))
    else:
        progress.end(None, changes)
