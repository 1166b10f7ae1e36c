"""Carrying out queued work: one task a kind, and one end for all of them."""

import logging
from dataclasses import replace
from typing import Any, cast

from domain import tasks
from domain.errors import Invalid, Unavailable
from domain.model.operation import Kind, Operation, OperationStatus
from domain.model.service import Health, Service, ServiceStatus, Usage
from domain.model.steps import Failure
from domain.ports import Ports
from domain.ports.prober import Prober
from domain.ports.router import Router
from domain.ports.runtime import EngineRefused, ImageMissing, Runtime
from domain.ports.store import Work
from domain.work import queue
from domain.work.progress import Cancelled, Lease, LeaseLost, Report, TaskFailed

_log = logging.getLogger(__name__)
_AWAY = frozenset({"engine_unavailable", "secrets_unreadable"})
_CODES: dict[type[Exception], str] = {
    Cancelled: "cancelled",
    ImageMissing: "image_missing",
    EngineRefused: "engine_refused",
}


class _Fenced:
    """A port that a worker can call only as long as it holds the work."""

    def __init__(self, port: object, lease: Lease) -> None:
        self._port = port
        self._lease = lease

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        self._lease.hold()
        return getattr(self._port, name)


def carry_out(ports: Ports, operation: Operation, lease: Lease) -> None:
    """Do the work of a claimed operation and write how it ended, whatever happens.

    Only a worker that lost its lease writes nothing: another one has the work.
    """
    fenced = replace(
        ports,
        runtime=cast("Runtime", _Fenced(ports.runtime, lease)),
        prober=cast("Prober", _Fenced(ports.prober, lease)),
        router=cast("Router", _Fenced(ports.router, lease)),
    )
    try:
        report = Report(fenced, operation, lease)
        _end(report, _attempt(fenced, operation, report))
    except LeaseLost:
        _log.warning("lost the lease", extra={"operation": operation.id})


def _attempt(ports: Ports, operation: Operation, report: Report) -> Failure | None:
    try:
        tasks.TASKS[operation.kind](ports, operation, report)
    except LeaseLost:
        raise
    except Exception as fault:  # noqa: BLE001 - an operation always ends, and says why
        report.undo()
        return _failure(fault, report)
    return None


def _failure(fault: Exception, report: Report) -> Failure:
    if isinstance(fault, TaskFailed):
        return Failure(fault.code, report.redacted(fault.message), fault.log)
    if isinstance(fault, Unavailable):  # who is away without a code of its own is the router
        code = fault.code if fault.code in _AWAY else "route_failed"
        return Failure(code, report.redacted(fault.message))
    if isinstance(fault, Invalid):
        return Failure("policy_refused", report.redacted("; ".join(fault.fields.values())))
    for kind, code in _CODES.items():
        if isinstance(fault, kind):
            return Failure(code, report.redacted(str(fault)))
    _log.error("work failed unexpectedly", exc_info=fault)
    return Failure("internal_error", "Something went wrong in the panel; its log says what")


def _end(report: Report, failure: Failure | None) -> None:
    status = _status(failure, report)
    if failure:
        report.note(f"{status.value}: {failure.message}")
        for line in failure.log:
            report.note(line, "container")
    report.write(lambda work, held: _finish(work, held, report, status, failure))


def _finish(work: Work, operation: Operation, report: Report, status: OperationStatus, failure: Failure | None) -> None:
    if report.owes_undo:
        operation.options = {**operation.options, "owes_undo": True}
    queue.finish(work, operation, status, report.now(), failure)
    service = work.services.get(operation.service_id)
    if service:
        _rest(service, _left_as(operation, report, failure))
        if not work.operations.waiting(service.id):
            service.wanted = ServiceStatus.STOPPED if service.status is ServiceStatus.STOPPED else ServiceStatus.RUNNING
        work.services.save(service)  # also when its work alone has ended: callers see that on it


def _rest(service: Service, status: ServiceStatus) -> None:
    service.status = status
    if status is ServiceStatus.STOPPED:
        service.usage, service.health = Usage(storage_mb=service.usage.storage_mb), Health()


def _status(failure: Failure | None, report: Report) -> OperationStatus:
    if failure is None:
        return OperationStatus.SUCCEEDED
    if failure.code == "cancelled":
        return OperationStatus.CANCELLED
    return OperationStatus.ROLLED_BACK if report.touched_old else OperationStatus.FAILED


def _left_as(operation: Operation, report: Report, failure: Failure | None) -> ServiceStatus:
    """What to say of the service until the engine is looked at again, in a moment."""
    if failure is None:
        return ServiceStatus.STOPPED if operation.kind is Kind.STOP else ServiceStatus.RUNNING
    undone = failure.code == "cancelled" or operation.kind is Kind.DEPLOY
    return report.before if undone and not report.owes_undo else ServiceStatus.FAILED
