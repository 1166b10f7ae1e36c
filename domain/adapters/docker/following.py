"""Follows the output of a container, and compensates for what the engine's own follower leaves out.

The engine keeps the output in three files of 10 MB and follows one file after the other. If a container fills a file
while the follower has not finished the one before, the follower skips the full file, or stops until the next file
begins. Only a late follower does so: then the output is read once without following, which is complete.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

from domain.adapters.docker.connection import Connection
from domain.adapters.docker.output import chunks_with_beat, log_path, parser_of, read_lines, response_body
from domain.ports.output import OutputLine, ReadPosition

FILE_TIME = timedelta(seconds=0.1)  # nothing prints a whole file (10 MB) in a shorter time
BATCH = 1000


def follow(connection: Connection, name: str, since: datetime | None) -> Generator[list[OutputLine], None, None]:
    """Yield output as it is printed, over a connection that is closed with the generator.

    Lines that the engine deleted before they were read are replaced by a gap marker. Engine 20.10 may end the response
    before the last lines of a container that ended, so the rest is read once more at the end.
    """
    reader = _Reader(connection, name, ReadPosition(since))
    while not reader.has_ended:
        yield from reader.follow()
        while (yield from reader.read_rest()) >= BATCH:
            continue


class _Reader:
    """How far the output is read, and whether the engine has ended the response, as the container has ended."""

    def __init__(self, connection: Connection, name: str, position: ReadPosition) -> None:
        self.has_ended = False
        self._connection, self._name = connection, name
        self._position = position

    def follow(self) -> Iterator[list[OutputLine]]:
        """Yield lines until the engine ends the response, or until its follower may have left lines out."""
        parser, pace = parser_of(self._connection, self._name), _Pace()
        path = log_path(self._name, since=self._position.at, follow=1)
        with closing(response_body(self._connection, path, chunks_with_beat)) as body:
            for lines in self._position.skip_read(map(parser.feed, body)):
                if pace.may_lack_file(self._position, lines):
                    return
                self._position = self._position.advance(lines)
                yield lines
                if pace.is_stuck(lines):
                    return
        self.has_ended = True

    def read_rest(self) -> Generator[list[OutputLine], None, int]:
        """Yield the lines that follow the position, without following. Return their number."""
        parser, count = parser_of(self._connection, self._name), 0
        lines = read_lines(self._connection, parser, self._name, since=self._position.at)
        for batch in self._position.skip_read(_batches(lines)):
            self._position = self._position.advance(batch)
            count += len(batch)
            yield batch
        return count


class _Pace:
    """Whether the engine's follower keeps pace with the container."""

    def __init__(self) -> None:
        self._began = datetime.now(UTC)
        self._is_late = False

    def is_stuck(self, lines: Sequence[OutputLine]) -> bool:
        """Return whether the engine sends nothing, and its last lines were printed long before they arrived."""
        if lines:
            self._is_late = lines[-1].at >= self._began and datetime.now(UTC) - lines[-1].at >= FILE_TIME
        return not lines and self._is_late

    def may_lack_file(self, position: ReadPosition, lines: Sequence[OutputLine]) -> bool:
        """Return whether a whole file may be missing between two lines of which the first one arrived late."""
        at = position.at
        if not lines or at is None or lines[-1].at - at < FILE_TIME:
            return False
        is_jump = self._is_late and self._is_jump(at, lines[0].at)
        return is_jump or any(self._is_jump(line.at, after.at) for line, after in pairwise(lines))

    def _is_jump(self, before: datetime, after: datetime) -> bool:
        return after - before >= FILE_TIME and after >= self._began


def _batches(lines: Iterable[OutputLine]) -> Iterator[list[OutputLine]]:
    remaining = iter(lines)
    while batch := list(islice(remaining, BATCH)):
        yield batch
