"""Carrying out queued work: one task a kind, and one end for all of them."""

import logging

from domain import queue, tasks
from domain.errors import Refusal, Unavailable
from domain.model import Failure, Operation, OperationStatus, Service, ServiceStatus
from domain.ports import EngineRefused, ImageMissing, Ports
from domain.report import Broken, Cancelled, Lease, LeaseLost, Report

_log = logging.getLogger(__name__)
_UNAVAILABLE = {"secrets_unreadable": "secrets_unreadable"}
_CODES: dict[type[Exception], str] = {
    Cancelled: "cancelled",
    ImageMissing: "image_missing",
    EngineRefused: "engine_refused",
    Refusal: "policy_refused",
}


def carry_out(ports: Ports, operation: Operation, lease: Lease) -> None:
    """Do the work of a claimed operation and write how it ended, whatever happens.

    Only a worker that lost its lease writes nothing: another one has the work.
    """
    report = Report(ports, operation, lease)
    try:
        failure = _attempt(ports, operation, report)
        _end(ports, operation, report, failure)
    except LeaseLost:
        _log.warning("lost the lease", extra={"operation": operation.id})


def _attempt(ports: Ports, operation: Operation, report: Report) -> Failure | None:
    try:
        tasks.TASKS[operation.kind](ports, operation, report)
    except LeaseLost:
        raise
    except Exception as fault:  # noqa: BLE001 - an operation always ends, and says why
        return _failure(fault, report)
    return None


def _failure(fault: Exception, report: Report) -> Failure:
    if isinstance(fault, Broken):
        return Failure(fault.code, report.redacted(fault.message), fault.log)
    if isinstance(fault, Unavailable):
        return Failure(_UNAVAILABLE.get(fault.code, "engine_unavailable"), report.redacted(fault.message))
    for kind, code in _CODES.items():
        if isinstance(fault, kind):
            return Failure(code, report.redacted(str(fault)))
    _log.error("work failed unexpectedly", exc_info=fault)
    return Failure("internal_error", "Something went wrong in the panel; its log says what")


def _end(ports: Ports, operation: Operation, report: Report, failure: Failure | None) -> None:
    status = _status(failure, report)
    if failure:
        report.line(f"{status.value}: {failure.message}")
        for line in failure.log:
            report.line(line, "container")
    now = ports.clock.now()
    with ports.store.begin() as work:
        queue.finish(work, report.held(work), status, now, failure)
        service = work.services.get(operation.service_id)
        if service:
            service.status = _after_failure(service) if failure else service.status
            work.services.save(service)  # also when its work alone has ended: callers see that on it
    ports.feed.nudge()


def _status(failure: Failure | None, report: Report) -> OperationStatus:
    if failure is None:
        return OperationStatus.SUCCEEDED
    if failure.code == "cancelled":
        return OperationStatus.CANCELLED
    return OperationStatus.ROLLED_BACK if report.touched_old else OperationStatus.FAILED


def _after_failure(service: Service) -> ServiceStatus:
    """What to say until the engine is looked at again, in a moment."""
    if service.live_deployment_id is None:
        return ServiceStatus.FAILED
    return service.wanted
