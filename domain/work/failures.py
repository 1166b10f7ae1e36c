"""How an operation fails: exceptions of tasks, and the failure that stands for any exception."""

import logging
from collections.abc import Callable, Iterable
from typing import get_args

from domain.errors import Invalid, Unavailable
from domain.model.steps import Failure, FailureCode
from domain.ports.builder import BuildFailed
from domain.ports.git import FetchFailed
from domain.ports.runtime import EngineRefused, PullFailed

_log = logging.getLogger(__name__)
_UNAVAILABLE: dict[str, FailureCode] = {code: code for code in get_args(FailureCode)}


class TaskFailed(Exception):  # noqa: N818
    """The operation failed for a reason that a person can act on. `log` holds a container's last lines."""

    def __init__(self, code: FailureCode, message: str, log: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.log = tuple(log)


class Cancelled(TaskFailed):
    """A caller cancelled the operation while it ran."""

    def __init__(self) -> None:
        super().__init__("cancelled", "Cancelled while it ran")


class WaitsForOperations(Exception):  # noqa: N818
    """A task cannot go on before the operations of a customer's services have ended. It runs again from its start."""

    def __init__(self, customer_id: str) -> None:
        super().__init__(customer_id)
        self.customer_id = customer_id


def failure_of(fault: Exception, redact: Callable[[str], str]) -> Failure:
    """Return the failure that an exception stands for.

    The code is what the exception carries: a task's own code, or that of the port which did not answer. The message
    of an exception that nobody foresaw stays in the panel's log, since it may hold anything.
    """
    match fault:
        case TaskFailed():
            return Failure(fault.code, redact(fault.message), fault.log)
        case Unavailable(code=code) if code in _UNAVAILABLE:
            return Failure(_UNAVAILABLE[code], redact(fault.message))
        case Invalid():
            return Failure("policy_refused", redact("; ".join(fault.fields.values())))
        case PullFailed() | FetchFailed() | BuildFailed():
            return Failure(fault.code, redact(str(fault)))
        case EngineRefused():
            return Failure("engine_refused", redact(str(fault)))
    _log.error("operation failed unexpectedly", exc_info=fault)
    return Failure("internal_error", "Internal error; the panel's log has the details")
