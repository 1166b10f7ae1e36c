"""How far a piece of work is: its steps, its progress and its log, written as it goes; and whether it may go on."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from threading import Event
from typing import Any, TypeVar

from domain.errors import Unavailable
from domain.model.deployment import Deployment, DeploymentStatus, LogLine
from domain.model.masking import Masking
from domain.model.operation import Operation
from domain.model.service import ServiceStatus
from domain.model.steps import Step
from domain.ports import Ports
from domain.ports.clock import Clock
from domain.ports.runtime import Layers
from domain.ports.store import Work
from domain.work.queue import closed

T = TypeVar("T")
Change = Callable[[Work, Operation], None]

_PROGRESS = {"pulling": 5, "creating": 45, "starting": 55, "checking": 65, "routing": 85, "cleaning": 90}
_PULLING = 40
_PULL_NEWS_EVERY = 1.0
_MEGABYTE = 2**20
_FINAL = frozenset({"routing", "stopping", "removing"})
_LOOKS, _PAUSE = 60, 0.5


class Cancelled(Exception):  # noqa: N818
    """Somebody asked for this work to stop; it is undone."""

    def __init__(self) -> None:
        super().__init__("Cancelled while it ran")


class LeaseLost(Exception):  # noqa: N818
    """This worker no longer holds the work: it must stop at once and touch nothing."""


class TaskFailed(Exception):  # noqa: N818
    """The work failed for a reason that a person can act on; `code` is one of the document's failure codes."""

    def __init__(self, code: str, message: str, log: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.log = tuple(log)


class Lease:
    """A worker's hold on one operation; its heartbeat sets the two events and moves `until`."""

    def __init__(self, owner: str, clock: Clock | None = None, until: datetime | None = None) -> None:
        self.owner = owner
        self.until = until
        self.cancelled = Event()
        self.lost = Event()
        self._clock = clock

    def hold(self) -> None:
        """Raise LeaseLost when somebody else has the work, or may have it by now."""
        if self._clock and self.until and self._clock.now() >= self.until:
            self.lost.set()
        if self.lost.is_set():
            raise LeaseLost


class Report:
    """Writes the row of an operation, and of the deployment that it carries out, if any.

    What is noted is written with the next step: a transaction costs as much as many calls to the engine.
    """

    def __init__(self, ports: Ports, operation: Operation, lease: Lease) -> None:
        self._ports = ports
        self._service_id = operation.service_id
        self._operation_id = operation.id
        self._deployment_id = operation.deployment_id
        self._lease = lease
        self._step = ""
        self._masking = Masking()
        self._lines = self.read(self._last_line)
        self._noted: list[tuple[str, str, str]] = []
        self._changes: list[Change] = []
        self._pull_news = (ports.clock.now(), "")
        self._final = operation.past_return
        self.before = ServiceStatus.FAILED
        self.touched_old = bool(operation.options.get("touched_old"))
        self.owes_undo = False

    # ── Whether to go on ───────────────────────────────────────────────────────────────────────

    def check(self) -> None:
        """Raise LeaseLost when another worker may have the work, Cancelled while it may still be cancelled."""
        self._lease.hold()
        if self._lease.cancelled.is_set() and not self._final:
            raise Cancelled

    def undo(self) -> None:
        """From here on nothing is cancelled any more: what is undone is undone to its end."""
        self._final = True
        self._changes.clear()

    def now(self) -> datetime:
        """The time, for what is written of this work."""
        return self._ports.clock.now()

    # ── What is kept from people ───────────────────────────────────────────────────────────────

    def hide(self, values: Iterable[str]) -> None:
        """Never let these values into the log, nor a line of one that has several."""
        self._masking = Masking(values)

    def redacted(self, text: str) -> str:
        """The text without any hidden value."""
        return self._masking.mask(text)

    # ── What is written ────────────────────────────────────────────────────────────────────────

    def step(self, name: str, text: str) -> None:
        """Begin a step: the one before it ends. From some steps on nobody can cancel."""
        self.check()
        self.note(text, step=name)
        now, self._step = self._ports.clock.now(), name
        self.write(lambda work, operation: self._begin(work, operation, Step(name, now)))
        self._final = self._final or name in _FINAL

    def _begin(self, work: Work, operation: Operation, step: Step) -> None:
        if operation.cancel_requested and not (operation.past_return or self._final):
            raise Cancelled
        if step not in operation.steps:
            operation.steps = (*closed(operation.steps, step.started_at), step)
        operation.past_return = operation.past_return or step.name in _FINAL
        operation.progress = max(operation.progress, _PROGRESS.get(step.name, operation.progress))
        work.operations.save(operation)
        for deployment in self._carried(work):
            deployment.status, deployment.steps = DeploymentStatus(step.name), operation.steps
            deployment.started_at = deployment.started_at or step.started_at
            work.deployments.save(deployment)

    def note(self, text: str, stream: str = "panel", *, step: str | None = None) -> None:
        """Add a line to the log, with whatever is written next."""
        self._noted += [(step or self._step, line, stream) for line in self.redacted(text).splitlines() if line.strip()]

    def also(self, change: Change) -> None:
        """Make a change in the transaction of what is written next; it may be tried again."""
        self._changes.append(change)

    def line(self, text: str, stream: str = "panel") -> None:
        """Add a line to the log, now."""
        self.note(text, stream)
        self.write(lambda *_: None)

    def layers(self, layers: Layers | None) -> None:
        """News of a pull, written once a second at most and only when there are any; raises as `check` does."""
        self.check()
        now, (told_at, told) = self._ports.clock.now(), self._pull_news
        news = _told(layers) if layers and layers.known else told
        if layers is None or news == told or (now - told_at).total_seconds() < _PULL_NEWS_EVERY:
            return
        self._pull_news = (now, news)
        self.note(news, "engine")
        self.write(lambda work, operation: self._progress(work, operation, layers))

    def _progress(self, work: Work, operation: Operation, layers: Layers) -> None:
        operation.progress = max(operation.progress, 5 + _PULLING * layers.done // layers.known)
        work.operations.save(operation)

    def images(self, images: Mapping[str, str]) -> None:
        """Keep which digests were pulled, with the next step."""
        self.also(lambda work, _: self._keep(work, images))

    def _keep(self, work: Work, images: Mapping[str, str]) -> None:
        for deployment in self._carried(work):
            work.deployments.save(replace(deployment, images=dict(images)))

    def touch_old(self) -> None:
        """Keep, before it is done, that the old version is about to be stopped: whoever undoes this must know."""
        if not self.touched_old:
            self.touched_old = True
            self.write(lambda work, operation: self.remember(work, operation, touched_old=True))

    def remember(self, work: Work, operation: Operation, **facts: Any) -> None:  # noqa: ANN401
        """Keep facts that the next worker needs when this one dies."""
        operation.options = {**operation.options, **facts}
        work.operations.save(operation)

    def read(self, ask: Callable[[Work], T]) -> T:
        """What `ask` finds in one snapshot; a database that is away is waited for."""

        def answer() -> T:
            with self._ports.store.read() as work:
                return ask(work)

        return self._patiently(answer)

    def write(self, change: Callable[[Work, Operation], None]) -> None:
        """Change rows in one transaction, with all that was noted, as long as this worker holds the work.

        A database that is away is waited for: while the lease lasts nobody else can have the work either.
        """

        def written() -> None:
            with self._ports.store.begin() as work:
                work.services.get(self._service_id)  # locked before its work, as by everybody: no deadlock
                for each in (*self._changes, change):
                    each(work, self._held(work))
                self._write_lines(work)

        self._patiently(written)
        self._noted.clear()
        self._changes.clear()
        self._ports.notifier.notify()

    def _patiently(self, act: Callable[[], T]) -> T:
        for _ in range(_LOOKS):
            self._lease.hold()
            try:
                return act()
            except Unavailable:
                self._ports.clock.sleep(_PAUSE)
        raise LeaseLost

    def _held(self, work: Work) -> Operation:
        operation = work.operations.get(self._operation_id)
        if operation is None or operation.lease_owner != self._lease.owner:
            self._lease.lost.set()
            raise LeaseLost
        return operation

    def _carried(self, work: Work) -> list[Deployment]:
        deployment = work.deployments.get(self._deployment_id) if self._deployment_id else None
        return [deployment] if deployment else []

    def _last_line(self, work: Work) -> int:
        lines = work.deployments.lines(self._deployment_id, 0, 1_000_000) if self._deployment_id else []
        return lines[-1].number if lines else 0

    def _write_lines(self, work: Work) -> None:
        if not self._carried(work) or not self._noted:
            return
        now, first = self._ports.clock.now(), self._lines + 1
        self._lines += len(self._noted)
        work.deployments.add_lines(
            [
                LogLine(str(self._deployment_id), number, now, step, line, stream)
                for number, (step, line, stream) in enumerate(self._noted, start=first)
            ]
        )


def _told(layers: Layers) -> str:
    news = f"{layers.done} of {layers.known} layers"
    if layers.bytes_known:
        news += f", {layers.bytes_done // _MEGABYTE} of {layers.bytes_known // _MEGABYTE} MB"
    return news
