"""Reads what BuildKit reports about a build: StatusResponse messages in the encoding of Protocol Buffers.

Their fields are those of https://github.com/moby/buildkit/blob/master/api/services/control/control.proto.
"""

from collections.abc import Iterator

from domain.adapters.docker.output_text import MAX_BYTES, safe_text

_VERTEXES, _LOGS = 1, 3
_DIGEST, _NAME, _CACHED, _STARTED = 1, 3, 4, 5
_LOG_VERTEX, _LOG_TEXT = 1, 4
_MOST_STEPS = 10_000


class BuildTrace:
    """Turns reports into lines: the name of each step when it starts, and the output of steps as it comes."""

    def __init__(self) -> None:
        self._started: set[bytes] = set()
        self._rest: dict[bytes, bytes] = {}

    def read(self, report: bytes) -> list[str]:
        """Return the lines of a report. Raise ValueError if it is no such message."""
        lines: list[str] = []
        for number, value in _fields(report):
            if number == _VERTEXES and isinstance(value, bytes):
                lines += self._step(value)
            elif number == _LOGS and isinstance(value, bytes):
                lines += self._output(value)
        return lines

    def end(self) -> list[str]:
        """Return lines that do not end in a line break."""
        return [safe_text(rest) for rest in self._rest.values() if rest]

    def _step(self, vertex: bytes) -> list[str]:
        found = dict(_fields(vertex))
        digest, name = found.get(_DIGEST), found.get(_NAME)
        if not isinstance(digest, bytes) or not isinstance(name, bytes) or _STARTED not in found:
            return []
        if digest in self._started or len(self._started) > _MOST_STEPS or not _is_shown(name):
            return []
        self._started.add(digest)
        return [("CACHED " if found.get(_CACHED) else "") + safe_text(name)]

    def _output(self, log: bytes) -> list[str]:
        found = dict(_fields(log))
        vertex, text = found.get(_LOG_VERTEX, b""), found.get(_LOG_TEXT, b"")
        if not isinstance(vertex, bytes) or not isinstance(text, bytes) or len(self._rest) > _MOST_STEPS:
            return []
        *lines, rest = (self._rest.get(vertex, b"") + text).split(b"\n")
        if len(rest) > MAX_BYTES:
            lines, rest = [*lines, rest], b""
        self._rest[vertex] = rest
        return [safe_text(line.rsplit(b"\r", 1)[-1] or line) for line in lines]


def _is_shown(name: bytes) -> bool:
    return name.startswith(b"exporting to ") or (name.startswith(b"[") and not name.startswith(b"[internal]"))


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of each field of a message (https://protobuf.dev/programming-guides/encoding/)."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        if key & 7 == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        sizes = {1: 8, 5: 4}
        size, at = _varint(data, at) if key & 7 == 2 else (sizes.get(key & 7, len(data) + 1), at)
        if at + size > len(data):
            raise ValueError("the message is cut or has a field of an unknown type")
        yield key >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        at, value, shift = at + 1, value | (byte & 0x7F) << shift, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError("the message ends within a number")
