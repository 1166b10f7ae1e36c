"""Parses the engine's log stream, in which stdout and stderr are multiplexed, into lines.

The format is that of `/containers/{id}/logs` without a TTY: https://docs.docker.com/reference/api/engine/#stream-format
"""

import logging
import struct
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from domain.adapters.docker.output_text import MAX_BYTES, safe_text
from domain.ports.output import OutputLine

# Stream and length. The time, a space, and a line or a piece of one follow.
HEADER = struct.Struct(">BxxxL")
STREAMS: dict[int, Literal["stdout", "stderr"]] = {1: "stdout", 2: "stderr"}
log = logging.getLogger(__name__)


@dataclass
class _PartialLine:
    """A line that arrives in pieces: the engine splits lines at 16 kB. Bytes that are never shown are dropped."""

    at: datetime
    text: bytes = b""
    emitted: bool = False

    def add(self, piece: bytes) -> None:
        if len(self.text) <= MAX_BYTES:
            self.text += piece


class FrameParser:
    """Takes bytes as they arrive. `entries` counts frames: each line, and each piece of a long line."""

    def __init__(self) -> None:
        self.entries = 0
        self._rest = b""
        self._partial: dict[int, _PartialLine] = {}

    def feed(self, data: bytes) -> list[OutputLine]:
        """Return the lines that are complete with these bytes, or longer than is shown."""
        data = self._rest + data if self._rest else data
        lines: list[OutputLine] = []
        start, end = 0, len(data)
        while start + HEADER.size <= end:
            stream, size = HEADER.unpack_from(data, start)
            stop = start + HEADER.size + size
            if stop > end:
                break
            self._add_frame(lines, stream, data[start + HEADER.size : stop])
            start = stop
        self._rest = data[start:]
        return lines

    def finish(self) -> list[OutputLine]:
        """Return lines without a newline at the end of the stream."""
        partial = [(stream, line) for stream, line in self._partial.items() if not line.emitted]
        self._partial.clear()
        return [OutputLine(line.at, STREAMS[stream], safe_text(line.text)) for stream, line in partial]

    def _add_frame(self, lines: list[OutputLine], stream: int, frame: bytes) -> None:
        if stream not in STREAMS:
            log.warning("the engine cannot read a container's output: %s", safe_text(frame))
            return
        self.entries += 1
        space = frame.index(b" ")
        at = datetime.fromisoformat(frame[:space].decode())
        if frame[-1:] == b"\n" and stream not in self._partial:
            lines.append(OutputLine(at, STREAMS[stream], safe_text(frame[space + 1 : -1])))
        else:
            self._add_piece(lines, stream, at, frame[space + 1 :])

    def _add_piece(self, lines: list[OutputLine], stream: int, at: datetime, piece: bytes) -> None:
        line = self._partial.setdefault(stream, _PartialLine(at))
        line.add(piece.removesuffix(b"\n"))
        complete = piece.endswith(b"\n")
        if not line.emitted and (complete or len(line.text) > MAX_BYTES):
            lines.append(OutputLine(line.at, STREAMS[stream], safe_text(line.text)))
            line.emitted = True
        if complete:
            del self._partial[stream]
