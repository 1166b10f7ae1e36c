"""Record an operation's steps, progress and log, and check that its lease is still held."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from domain.errors import Unavailable
from domain.model.masking import Masking
from domain.model.operation import Operation, OperationStatus, Option
from domain.model.steps import Failure, Step, finish_steps
from domain.ports import Ports
from domain.ports.progress import Change
from domain.ports.runtime import Layers
from domain.ports.store import Work
from domain.work import queue
from domain.work.failures import Cancelled
from domain.work.lease import Lease, LeaseLost
from domain.work.task import Line, Outcome, StepRule, Task

T = TypeVar("T")

_LAYERS_EVERY = 1.0  # seconds
_MEGABYTE = 2**20
_TRIES, _PAUSE = 60, 0.5


class OperationProgress:
    """Implements `ports.progress.Progress` for an operation that a worker has claimed.

    Lines that are noted are written with the next step: a transaction costs as much as many calls to the engine.
    """

    def __init__(self, ports: Ports, task: Task, operation: Operation, lease: Lease) -> None:
        self._ports = ports
        self._task = task
        self._operation = operation
        self._lease = lease
        self._options = dict(operation.options)
        self._irreversible = operation.irreversible
        self._failed = OperationStatus.FAILED
        self._begun = False
        self._step = ""
        self._lines: list[Line] = []
        self._masking = Masking()
        self._layers_at, self._layers_text = ports.clock.now(), ""

    # ── Whether to go on ───────────────────────────────────────────────────────────────────────

    def check(self) -> None:
        """Raise LeaseLost if another worker may have the operation, Cancelled while it can still be cancelled."""
        self._lease.check()
        if self._lease.cancelled.is_set() and not self._irreversible:
            raise Cancelled

    def begin_undo(self, *, rolled_back: bool = False) -> None:
        """Ignore cancellation from here on, so that the undo is done to its end."""
        self._irreversible = True
        if rolled_back:
            self._failed = OperationStatus.ROLLED_BACK

    # ── What is kept secret ────────────────────────────────────────────────────────────────────

    def hide(self, values: Iterable[str]) -> None:
        """Mask these values in all that is logged from now on."""
        self._masking = Masking(values)

    def redact(self, text: str) -> str:
        """Return the text with hidden values masked."""
        return self._masking.mask(text)

    # ── What is written ────────────────────────────────────────────────────────────────────────

    def step(self, name: str, text: str, changes: Sequence[Change] = ()) -> None:
        """Begin a step of the task."""
        self.check()
        rule, step = self._task.steps[name], Step(name, self._ports.clock.now())
        self._step = name
        self.note(text)
        self._write([*changes, lambda work, operation: self._begin(work, operation, step, rule)], step)
        self._begun = True
        self._irreversible = self._irreversible or rule.irreversible

    def _begin(self, work: Work, operation: Operation, step: Step, rule: StepRule) -> None:
        if operation.cancel_requested and not (operation.irreversible or self._irreversible):
            raise Cancelled
        if step not in operation.steps:
            operation.steps = (*finish_steps(operation.steps, step.started_at), step)
        operation.irreversible = operation.irreversible or rule.irreversible
        operation.progress = max(operation.progress, rule.percent)
        work.operations.save(operation)

    def note(self, text: str, stream: str = "panel") -> None:
        """Add lines to the log with the next write."""
        now = self._ports.clock.now()
        lines = (line for line in self.redact(text).splitlines() if line.strip())
        self._lines += [Line(now, self._step, line, stream) for line in lines]

    def log(self, text: str, stream: str = "panel") -> None:
        """Add lines to the log now."""
        self.note(text, stream)
        self._write()

    def layers(self, layers: Layers | None) -> None:
        """Record how far a pull is, once a second at most and only if it moved."""
        self.check()
        if layers is None or not layers.known:
            return
        now, text = self._ports.clock.now(), _layers_text(layers)
        if text == self._layers_text or (now - self._layers_at).total_seconds() < _LAYERS_EVERY:
            return
        self._layers_at, self._layers_text = now, text
        self.note(text, "engine")
        self._write([lambda work, operation: self._advance(work, operation, layers)])

    def _advance(self, work: Work, operation: Operation, layers: Layers) -> None:
        """Move the progress within the current step."""
        percents = [rule.percent for rule in self._task.steps.values()]
        start = self._task.steps[self._step].percent
        end = min((percent for percent in percents if percent > start), default=100)
        operation.progress = max(operation.progress, start + (end - start) * layers.done // layers.known)
        work.operations.save(operation)

    def remember(self, **options: Option) -> None:
        """Store facts in the operation's options now."""

        def change(work: Work, operation: Operation) -> None:
            operation.options = {**operation.options, **options}
            work.operations.save(operation)

        self._write([change])
        self._options |= options

    def recall(self, option: str) -> Option:
        """Return a stored fact or an option that the caller gave."""
        return self._options.get(option)

    def requeue(self, customer_id: str) -> None:
        """Return the operation to the queue, behind the operations of a customer: no thread waits for them."""

        def change(work: Work, operation: Operation) -> None:
            operation.status, operation.behind_customer, operation.attempts = OperationStatus.QUEUED, customer_id, 0
            operation.lease_owner = operation.lease_until = None
            work.operations.save(operation)

        self._write([change])

    def end(self, failure: Failure | None, changes: Sequence[Change] = ()) -> None:
        """End the operation, leave its resource as the task says, and make these changes, in one transaction."""
        outcome = Outcome(self._status(failure), self._ports.clock.now(), failure)
        if failure:
            self.note(f"{outcome.status.value}: {failure.message}")
            self.note("\n".join(failure.log), "container")

        def change(work: Work, operation: Operation) -> None:
            queue.finish(work, operation, outcome)
            self._task.settle(work, operation, outcome)

        self._write([*changes, change])

    def _status(self, failure: Failure | None) -> OperationStatus:
        if failure is None:
            return OperationStatus.SUCCEEDED
        return OperationStatus.CANCELLED if failure.code == "cancelled" else self._failed

    # ── The database ───────────────────────────────────────────────────────────────────────────

    def read(self, query: Callable[[Work], T]) -> T:
        """Return what `query` finds in one snapshot."""

        def look() -> T:
            with self._ports.store.read() as work:
                return query(work)

        return self._retry(look)

    def _write(self, changes: Sequence[Change] = (), step: Step | None = None) -> None:
        """Make the changes and write the noted lines in one transaction, if this worker still has the operation."""

        def write() -> None:
            with self._ports.store.begin() as work:
                self._task.lock(work, self._operation)
                operation = self._held(work)
                if step and not self._begun:
                    self._task.begin(work, operation)
                for change in changes:
                    change(work, operation)
                self._task.record(work, operation, step, self._lines)

        self._retry(write)
        self._lines.clear()
        self._ports.notifier.notify()

    def _retry(self, act: Callable[[], T]) -> T:
        """Wait for a database that does not answer: while the lease lasts, no other worker can have the operation."""
        for _ in range(_TRIES):
            self._lease.check()
            try:
                return act()
            except Unavailable:
                self._ports.clock.sleep(_PAUSE)
        raise LeaseLost

    def _held(self, work: Work) -> Operation:
        operation = work.operations.get(self._operation.id)
        if operation is None or operation.lease_owner != self._lease.owner:
            self._lease.lost.set()
            raise LeaseLost
        return operation


def _layers_text(layers: Layers) -> str:
    text = f"{layers.done} of {layers.known} layers"
    if layers.bytes_known:
        text += f", {layers.bytes_done // _MEGABYTE} of {layers.bytes_known // _MEGABYTE} MB"
    return text
