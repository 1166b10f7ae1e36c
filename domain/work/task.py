"""What a kind of background work is made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.model.operation import Operation, OperationStatus
from domain.model.steps import Failure, Step
from domain.ports import Ports
from domain.ports.progress import Change, Progress
from domain.ports.store import Work
from domain.work.failures import TaskFailed


@dataclass(frozen=True)
class StepRule:
    """What a step means: the operation's progress when it begins, and whether it can still be cancelled then."""

    percent: int = 0
    irreversible: bool = False


@dataclass(frozen=True)
class Line:
    """A line of an operation's log: the step that wrote it, and where it comes from."""

    at: datetime
    step: str
    text: str
    stream: str


@dataclass(frozen=True)
class Outcome:
    """How an operation ended."""

    status: OperationStatus
    at: datetime
    failure: Failure | None = None


def _nothing(*_: object) -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Task:
    """How one kind of operation is done.

    `run` does the work and returns the changes that are written together with the operation's success. The other
    functions are called inside a transaction and touch rows only:

    - `lock` locks what the rules about this resource lock first, so that a worker and a request never wait for each
      other;
    - `begin` marks the resource, with the first step of each attempt;
    - `record` writes a step that begins (or None) and lines of the log to where people read them;
    - `settle` leaves the resource as the outcome says. It is called for cancelled operations that never started too;
      those have no `started_at`.
    """

    kind: str
    steps: Mapping[str, StepRule]
    run: Callable[[Ports, Operation, Progress], Sequence[Change]]
    lock: Callable[[Work, Operation], object] = _nothing
    begin: Callable[[Work, Operation], None] = _nothing
    record: Callable[[Work, Operation, Step | None, Sequence[Line]], None] = _nothing
    settle: Callable[[Work, Operation, Outcome], None] = _nothing


def find_task(tasks: Mapping[str, Task], kind: str) -> Task:
    """Return the task of a kind. For a kind that only a newer version knows, return a task that fails and says so."""
    return tasks.get(kind) or Task(kind, {}, _refuse)


def _refuse(_ports: Ports, operation: Operation, _progress: Progress) -> Sequence[Change]:
    raise TaskFailed("internal_error", f"This panel has no task for operations of kind {operation.kind}")
