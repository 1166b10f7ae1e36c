"""Parses the output of containers with a terminal: the engine sends it without frames, as one stream.

Each line begins with its time and a space, and ends with CR LF.
"""

import logging
from datetime import datetime

from domain.adapters.docker.output_text import MAX_BYTES, safe_text
from domain.ports.output import OutputLine

log = logging.getLogger(__name__)


class TerminalParser:
    """Takes bytes as they arrive. `entries` counts lines. A terminal has one stream, `stdout`."""

    def __init__(self) -> None:
        self.entries = 0
        self._rest = b""
        self._cut = False

    def feed(self, data: bytes) -> list[OutputLine]:
        """Return the lines that are complete with these bytes, or longer than is shown."""
        *complete, rest = (self._rest + data).split(b"\n")
        lines = [line for text in complete for line in self._line(text)]
        if len(rest) > MAX_BYTES and not self._cut:
            lines += self._line(rest)
            self._cut = True
        self._rest = b"" if self._cut else rest
        return lines

    def finish(self) -> list[OutputLine]:
        """Return a line without a newline at the end of the stream."""
        rest, self._rest = self._rest, b""
        return self._line(rest) if rest else []

    def _line(self, text: bytes) -> list[OutputLine]:
        if self._cut:  # the rest of a line that is too long
            self._cut = False
            return []
        self.entries += 1
        time, _, printed = text.removesuffix(b"\r").partition(b" ")
        try:
            at = datetime.fromisoformat(time.decode())
        except ValueError:
            log.warning("the engine cannot read a container's output: %s", safe_text(text))
            return []
        return [OutputLine(at, "stdout", safe_text(printed))]
