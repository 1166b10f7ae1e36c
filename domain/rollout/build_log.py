"""The output of a build, in the log of its deployment."""

from collections.abc import Sequence
from datetime import timedelta

from domain.model.masking import CUT
from domain.ports import Ports
from domain.ports.progress import Progress
from domain.work.failures import TaskFailed

MOST_LINES, MOST_CHARACTERS = 5_000, 1024 * 1024
_LONGEST_LINE = 2_000
_EVERY = timedelta(seconds=0.5)
LONGEST_BUILD = timedelta(minutes=30)


class BuildLog:
    """Writes lines twice a second at most, up to `MOST_LINES` and `MOST_CHARACTERS`.

    Raises Cancelled or LeaseLost when the build must end, and TaskFailed after `LONGEST_BUILD`.
    """

    def __init__(self, ports: Ports, progress: Progress) -> None:
        self._clock = ports.clock
        self._progress = progress
        self._started = self._written = ports.clock.now()
        self._lines = self._characters = 0
        self._waiting = False

    def add(self, lines: Sequence[str]) -> None:
        """Take the next lines of the output."""
        self._progress.check()
        for line in lines:
            self._note(line)
        now = self._clock.now()
        if now - self._started > LONGEST_BUILD:
            raise TaskFailed("timed_out", f"The build takes longer than {LONGEST_BUILD.seconds // 60} minutes")
        if self._waiting and now - self._written >= _EVERY:
            self._written, self._waiting = now, False
            self._progress.log("", "engine")

    def _note(self, line: str) -> None:
        if self._lines == MOST_LINES or self._characters > MOST_CHARACTERS:
            return
        text = self._progress.redact(line)
        text = text if len(text) <= _LONGEST_LINE else text[:_LONGEST_LINE] + CUT
        self._lines, self._characters, self._waiting = self._lines + 1, self._characters + len(text), True
        self._progress.note(text, "engine")
        if self._lines == MOST_LINES or self._characters > MOST_CHARACTERS:
            self._progress.note("The rest of the output is left out")
