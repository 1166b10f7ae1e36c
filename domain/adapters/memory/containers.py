"""Containers that exist only as words, and behave as their image says."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from domain.ports.runtime import Container, ContainerSpec, OutputLine, Stats

State = Literal["starting", "healthy", "unhealthy"]
Stream = Literal["stdout", "stderr"]
LITTLE = Stats(cpu=0.01, memory_mb=8.0)


@dataclass(frozen=True)
class Behaviour:
    """What an image is, and what its containers do.

    `healthy_after` counts looks at the container (`inspect` or `containers`) before its healthcheck passes; None
    means that it fails. It is read only when the component has a probe, or the image has one (`probed`). `lines` are
    printed at every start, those of `errors` after them.
    """

    ports: tuple[int, ...] = ()
    exists: bool = True
    hangs: bool = False
    probed: bool = False
    healthy_after: int | None = 0
    exit_code: int | None = None
    lines: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    accepts: bool = True
    answers: bool = True
    create_error: str | None = None
    start_error: str | None = None
    stats: Stats = LITTLE


@dataclass
class Box:
    """A container and what became of it; what it printed stays readable for whoever began to read."""

    spec: ContainerSpec
    behaviour: Behaviour
    address: str
    networks: set[str]
    now: Container
    looks: int = 0
    lines: list[OutputLine] = field(default_factory=list)

    def start(self) -> None:
        """One whose behaviour has an exit code has ended by the time this returns."""
        self.looks = 0
        health: State | None = "starting" if self._probed() else None
        before = replace(self.now, exit_code=None, restarts=0)
        self.now = replace(before, state="running", health=health, address=self.address)
        self._begin()
        if self.behaviour.exit_code is not None:
            self.end(self.behaviour.exit_code)

    def end(self, exit_code: int) -> None:
        """By itself, asked or forced."""
        self.now = replace(self.now, state="exited", health=None, exit_code=exit_code, address=None)

    def looked_at(self) -> Container:
        """A look, which moves a container on that is becoming healthy or restarts again and again."""
        self.looks += 1
        if self.now.health is not None:
            self.now = replace(self.now, health=self._health())
        if self.now.state == "exited" and self._restarting():
            self.now = replace(self.now, restarts=self.now.restarts + 1)
            self._begin()
        return self.now

    def prints(self, texts: Iterable[str], stream: Stream) -> None:
        """No two lines at the same time."""
        for text in (line for each in texts for line in each.split("\n")):
            self.lines.append(OutputLine(self._next_moment(), stream, text))

    def stats(self) -> Stats:
        """As its behaviour says, within the limit of the component."""
        return replace(self.behaviour.stats, memory_limit_mb=self.spec.component.memory_mb)

    def _begin(self) -> None:
        self.now = replace(self.now, started_at=self._next_moment())
        self.prints(self.behaviour.lines, "stdout")
        self.prints(self.behaviour.errors, "stderr")

    def _next_moment(self) -> datetime:
        now = datetime.now(UTC)
        return max(now, self.lines[-1].at + timedelta(microseconds=1)) if self.lines else now

    def _health(self) -> State:
        after = self.behaviour.healthy_after
        if after is None:
            return "starting" if self.looks == 1 else "unhealthy"
        return "healthy" if self.looks > after else "starting"

    def _restarting(self) -> bool:
        """Whether Docker would start it again and again: it ended by itself, and its policy covers that."""
        ended, policy = self.behaviour.exit_code, self.spec.component.restart
        if ended is None or policy == "no":
            return False
        return ended != 0 or policy != "on-failure"

    def _probed(self) -> bool:
        probe = self.spec.component.probe
        if probe is None or not (probe.test or probe.disabled):
            return self.behaviour.probed
        return not probe.disabled
