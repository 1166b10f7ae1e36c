"""One container's output, read by a thread of its own and taken by whoever tells of all of them."""

from bisect import bisect_right
from collections.abc import Callable, Generator
from contextlib import closing
from datetime import UTC, datetime
from operator import attrgetter
from threading import Condition, Thread

from domain.ports.runtime import Container, OutputLine, ReadPosition

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_at = attrgetter("at")

Follow = Callable[[str, datetime | None], Generator[list[OutputLine], None, None]]


class Source:
    """Reads on when what it has read is taken, so that a slow reader slows the engine and no memory is filled.

    All but the reading happens under `turn`, the lock that the sources of a service share.
    """

    def __init__(self, container: Container, follow: Follow, begin: ReadPosition, turn: Condition) -> None:
        self.container = container
        self.point = begin
        self.ended = False
        self.fault: Exception | None = None
        self._follow = follow
        self._turn = turn
        self._read: list[OutputLine] = []
        self._held: list[OutputLine] = []
        self._silent = False
        self._closed = False
        Thread(target=self._run, args=(begin,), name=f"output of {container.name}", daemon=True).start()

    @property
    def over(self) -> bool:
        """Whether all is taken that will ever come."""
        return self.ended and not self._read and not self._held

    def close(self) -> None:
        """Read no more; the thread ends at its next batch, within half a second."""
        self._closed = True
        self._turn.notify_all()

    def complete_until(self) -> datetime | None:
        """Nothing is to be expected any more from before this time; None while it has nothing more to say at all."""
        if not self._held and self._read:
            self._held, self._read = sorted(self._read, key=_at), []
            self.point = self.point.advance(self._held)
            self._turn.notify_all()
        if not self._read and (self._silent or self.ended):
            return None
        return self._held[-1].at if self._held else self.point.at or _LONG_AGO

    def take(self, until: datetime | None) -> list[OutputLine]:
        """What it has from up to this time."""
        count = len(self._held) if until is None else bisect_right(self._held, until, key=_at)
        taken, self._held = self._held[:count], self._held[count:]
        return taken

    def _run(self, begin: ReadPosition) -> None:
        try:
            with closing(self._follow(self.container.name, begin.at)) as batches:
                for lines in begin.skip_read(batches):
                    if not self._hand_over(lines):
                        return
        except Exception as fault:  # noqa: BLE001 - raised again where the lines are taken
            self.fault = fault
        finally:
            with self._turn:
                self.ended = True
                self._turn.notify_all()

    def _hand_over(self, lines: list[OutputLine]) -> bool:
        """False when nobody takes it any more."""
        with self._turn:
            self._turn.wait_for(lambda: not self._read or self._closed)
            self._read, self._silent = lines, not lines
            self._turn.notify_all()
            return not self._closed
