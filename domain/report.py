"""How far a piece of work is: its steps, its progress and its log, written as it goes; and whether it may go on."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from threading import Event

from domain.model import Deployment, DeploymentStatus, LogLine, Operation, Step
from domain.ports import Layers, Ports, Work
from domain.queue import closed

_PROGRESS = {"pulling": 5, "creating": 45, "starting": 55, "checking": 65, "routing": 85, "cleaning": 90}
_PULLING = 40
_PULL_NEWS_EVERY = 0.5
MASK = "********"


class Cancelled(Exception):  # noqa: N818
    """Somebody asked for this work to stop; it is undone."""

    def __init__(self) -> None:
        super().__init__("Cancelled while it ran")


class LeaseLost(Exception):  # noqa: N818
    """This worker no longer holds the work: it must stop at once and touch nothing."""


class Broken(Exception):  # noqa: N818
    """The work failed for a reason that a person can act on; `code` is one of the document's failure codes."""

    def __init__(self, code: str, message: str, log: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.log = tuple(log)


class Lease:
    """A worker's hold on one operation; its heartbeat sets the two events."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.cancelled = Event()
        self.lost = Event()

    def check(self) -> None:
        """Raise LeaseLost or Cancelled when the work must stop."""
        if self.lost.is_set():
            raise LeaseLost
        if self.cancelled.is_set():
            raise Cancelled


class Report:
    """Writes the row of an operation, and of the deployment that it carries out, if any."""

    def __init__(self, ports: Ports, operation: Operation, lease: Lease) -> None:
        self._ports = ports
        self._operation_id = operation.id
        self._deployment_id = operation.deployment_id
        self._lease = lease
        self._step = ""
        self._hidden: tuple[str, ...] = ()
        self._lines = self._written()
        self._pull_news = ports.clock.now()
        self.touched_old = False

    def hide(self, values: Iterable[str]) -> None:
        """Never let these values into the log."""
        self._hidden = tuple(sorted({value for value in values if len(value) >= 4}, key=len, reverse=True))

    def redacted(self, text: str) -> str:
        """The text without any hidden value."""
        for value in self._hidden:
            text = text.replace(value, MASK)
        return text

    def check(self) -> None:
        """Raise LeaseLost or Cancelled when the work must stop."""
        self._lease.check()

    def step(self, name: str, text: str) -> None:
        """Begin a step: the one before it ends."""
        self.check()
        now, self._step = self._ports.clock.now(), name
        with self._ports.store.begin() as work:
            operation = self.held(work)
            operation.steps = (*closed(operation.steps, now), Step(name, now))
            operation.progress = max(operation.progress, _PROGRESS.get(name, operation.progress))
            work.operations.save(operation)
            for deployment in self._carried(work):
                deployment.status, deployment.steps = DeploymentStatus(name), operation.steps
                deployment.started_at = deployment.started_at or now
                work.deployments.save(deployment)
            self._write(work, text, "panel")
        self._ports.feed.nudge()

    def line(self, text: str, stream: str = "panel") -> None:
        """Add a line to the log."""
        with self._ports.store.begin() as work:
            self._write(work, text, stream)
        self._ports.feed.nudge()

    def layers(self, layers: Layers | None) -> None:
        """News of a pull, written twice a second at most; raises as `check` does."""
        self.check()
        now = self._ports.clock.now()
        if layers is None or not layers.known or (now - self._pull_news).total_seconds() < _PULL_NEWS_EVERY:
            return
        self._pull_news = now
        with self._ports.store.begin() as work:
            operation = self.held(work)
            operation.progress = max(operation.progress, 5 + _PULLING * layers.done // layers.known)
            work.operations.save(operation)
            self._write(work, f"{layers.done} of {layers.known} layers", "engine")
        self._ports.feed.nudge()

    def images(self, images: Mapping[str, str]) -> None:
        """Keep which digests were pulled."""
        with self._ports.store.begin() as work:
            self.held(work)
            for deployment in self._carried(work):
                work.deployments.save(replace(deployment, images=dict(images)))

    def point_of_no_return(self) -> None:
        """From here on nobody can cancel; raises Cancelled when somebody was quicker."""
        with self._ports.store.begin() as work:
            operation = self.held(work)
            if operation.cancel_requested:
                raise Cancelled
            operation.past_return = True
            work.operations.save(operation)

    def held(self, work: Work) -> Operation:
        """The operation's row, locked; raises LeaseLost when another worker has taken it over."""
        operation = work.operations.get(self._operation_id)
        if operation is None or operation.lease_owner != self._lease.owner:
            self._lease.lost.set()
            raise LeaseLost
        return operation

    def _carried(self, work: Work) -> list[Deployment]:
        deployment = work.deployments.get(self._deployment_id) if self._deployment_id else None
        return [deployment] if deployment else []

    def _written(self) -> int:
        if self._deployment_id is None:
            return 0
        with self._ports.store.read() as work:
            lines = work.deployments.lines(self._deployment_id, 0, 1_000_000)
        return lines[-1].number if lines else 0

    def _write(self, work: Work, text: str, stream: str) -> None:
        if self._deployment_id is None:
            return
        new = [one for one in self.redacted(text).splitlines() if one.strip()]
        now = self._ports.clock.now()
        work.deployments.add_lines(
            [
                LogLine(self._deployment_id, self._lines + number, now, self._step, line, stream)
                for number, line in enumerate(new, start=1)
            ]
        )
        self._lines += len(new)
