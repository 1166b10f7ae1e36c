"""The engine's stream of what a container prints, standard output and error in one, taken apart into lines."""

import logging
import struct
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from domain.adapters.docker.wording import ENOUGH, shown
from domain.ports.runtime import OutputLine

# Which of the two it is, and how long; then follow the time, a blank, and a line or a piece of one.
HEADER = struct.Struct(">BxxxL")
STREAMS: dict[int, Literal["stdout", "stderr"]] = {1: "stdout", 2: "stderr"}
log = logging.getLogger(__name__)


@dataclass
class _Long:
    """A line that comes in pieces: the engine cuts after 16 kB. What nobody will see of it is not kept."""

    at: datetime
    text: bytes = b""
    is_told: bool = False

    def add(self, piece: bytes) -> None:
        if len(self.text) <= ENOUGH:
            self.text += piece


class Frames:
    """Takes the bytes as they come; `entries` counts what the engine counts as a line, pieces of long ones too."""

    def __init__(self) -> None:
        self.entries = 0
        self._rest = b""
        self._long: dict[int, _Long] = {}

    def lines(self, data: bytes) -> list[OutputLine]:
        """The lines that are whole now, or longer than will be shown."""
        data = self._rest + data if self._rest else data
        found: list[OutputLine] = []
        start, end = 0, len(data)
        while start + HEADER.size <= end:
            kind, size = HEADER.unpack_from(data, start)
            stop = start + HEADER.size + size
            if stop > end:
                break
            self._take(found, kind, data[start + HEADER.size : stop])
            start = stop
        self._rest = data[start:]
        return found

    def last(self) -> list[OutputLine]:
        """What was begun and never ended."""
        begun = [(kind, long) for kind, long in self._long.items() if not long.is_told]
        self._long.clear()
        return [OutputLine(long.at, STREAMS[kind], shown(long.text)) for kind, long in begun]

    def _take(self, found: list[OutputLine], kind: int, frame: bytes) -> None:
        if kind not in STREAMS:
            log.warning("the engine has an output that it cannot read: %s", shown(frame))
            return
        self.entries += 1
        blank = frame.index(b" ")
        at = datetime.fromisoformat(frame[:blank].decode())
        if frame[-1:] == b"\n" and kind not in self._long:
            found.append(OutputLine(at, STREAMS[kind], shown(frame[blank + 1 : -1])))
        else:
            self._piece(found, kind, at, frame[blank + 1 :])

    def _piece(self, found: list[OutputLine], kind: int, at: datetime, piece: bytes) -> None:
        long = self._long.setdefault(kind, _Long(at))
        long.add(piece.removesuffix(b"\n"))
        ends = piece.endswith(b"\n")
        if not long.is_told and (ends or len(long.text) > ENOUGH):
            found.append(OutputLine(long.at, STREAMS[kind], shown(long.text)))
            long.is_told = True
        if ends:
            del self._long[kind]
