"""What containers print, and how far a reader has come."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Literal, NamedTuple

OutputStream = Literal["stdout", "stderr", "gap"]


class OutputLine(NamedTuple):
    """A line of a container's output, as text that JSON can carry. A tuple, because there are very many of them.

    `stream` is `gap` for a marker, which has the time of the line before it: lines are missing there.
    """

    at: datetime
    stream: OutputStream
    text: str


def gap_marker(at: datetime) -> OutputLine:
    """Return the marker for lines that may be missing after the line of this time."""
    return OutputLine(at, "gap", "Lines may be missing here: the engine deleted old output before it was read")


class ReadPosition(NamedTuple):
    """How far a container's output has been read: up to the time `at`, and these lines of exactly that time.

    `at` None is the beginning. To resume, read `since=at` and pass the batches through `skip_read`: no line is
    repeated, and a marker stands where the engine no longer has the lines at which reading stopped.
    """

    at: datetime | None = None
    lines: tuple[OutputLine, ...] = ()

    def advance(self, lines: Sequence[OutputLine]) -> "ReadPosition":
        """Return the position after these lines, which follow this position."""
        if not lines:
            return self
        at = lines[-1].at
        same = tuple(takewhile(lambda line: line.at == at, reversed(lines)))[::-1]
        return ReadPosition(at, self.lines + same if len(same) == len(lines) and at == self.at else same)

    def skip_read(self, batches: Iterable[list[OutputLine]]) -> Iterator[list[OutputLine]]:
        """Yield batches that begin at the time `at`, without the lines that were read before.

        The engine may have deleted the first of those. If it has deleted all, more may be missing: a marker follows.
        """
        read, is_first = list(self.lines), bool(self.lines)
        for lines in batches:
            new = [line for line in lines if not _remove(read, line)] if read else lines
            if self.at and is_first and lines:
                is_first = False
                new = [gap_marker(self.at), *new] if len(new) == len(lines) else new
            yield new


def _remove(read: list[OutputLine], line: OutputLine) -> bool:
    """Remove a line. Return whether it was there."""
    if line not in read:
        return False
    read.remove(line)
    return True
