"""Reads the output of one container in a thread."""

from bisect import bisect_right
from collections.abc import Callable, Generator
from contextlib import closing
from datetime import UTC, datetime
from operator import attrgetter
from threading import Condition, Thread

from domain.ports.output import OutputLine, ReadPosition
from domain.ports.runtime import Container

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_at = attrgetter("at")

Follow = Callable[[str, datetime | None], Generator[list[OutputLine], None, None]]


class OutputReader:
    """Reads the next batch once the last one is taken, so that a slow consumer slows the engine and uses no memory.

    All methods must be called with `changed` held, the condition that the readers of a service share.
    """

    def __init__(self, container: Container, follow: Follow, begin: ReadPosition, changed: Condition) -> None:
        self.container = container
        self.position = begin
        self.ended = False
        self.fault: Exception | None = None
        self._follow = follow
        self._changed = changed
        self._read: list[OutputLine] = []
        self._held: list[OutputLine] = []
        self._silent = False
        self._closed = False
        Thread(target=self._run, args=(begin,), name=f"output of {container.name}", daemon=True).start()

    @property
    def finished(self) -> bool:
        """Whether the output has ended and all of it is taken."""
        return self.ended and not self._read and not self._held

    def close(self) -> None:
        """Stop reading. The thread ends at its next batch, within half a second."""
        self._closed = True
        self._changed.notify_all()

    def complete_until(self) -> datetime | None:
        """Return the time before which no more lines can come; None if there are no lines at present."""
        if not self._held and self._read:
            self._held, self._read = sorted(self._read, key=_at), []
            self.position = self.position.advance(self._held)
            self._changed.notify_all()
        if not self._read and (self._silent or self.ended):
            return None
        return self._held[-1].at if self._held else self.position.at or _LONG_AGO

    def take(self, until: datetime | None) -> list[OutputLine]:
        """Return and remove the lines up to this time."""
        count = len(self._held) if until is None else bisect_right(self._held, until, key=_at)
        taken, self._held = self._held[:count], self._held[count:]
        return taken

    def _run(self, begin: ReadPosition) -> None:
        try:
            with closing(self._follow(self.container.name, begin.at)) as batches:
                for lines in begin.skip_read(batches):
                    if not self._pass_on(lines):
                        return
        except Exception as fault:  # noqa: BLE001 - raised by the consumer
            self.fault = fault
        finally:
            with self._changed:
                self.ended = True
                self._changed.notify_all()

    def _pass_on(self, lines: list[OutputLine]) -> bool:
        """Wait until the last batch is taken. Return False if the reader is closed."""
        with self._changed:
            self._changed.wait_for(lambda: not self._read or self._closed)
            self._read, self._silent = lines, not lines
            self._changed.notify_all()
            return not self._closed
