"""What a service prints, as an event stream."""

import time
from collections.abc import Callable, Generator, Iterator
from itertools import chain

import orjson
from sse_starlette import ServerSentEvent

from domain.runtime import ServiceLine
from handlers.openapi31 import Answer
from handlers.serializers.runtime import service_log_line
from handlers.streams.following import Follower

_HEARTBEAT = 15.0  # seconds of silence
_REFRESH_INTERVAL = 0.5  # seconds: with the waiting for lines it is less than one
_AT_ONCE = 500
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

Batches = Generator[tuple[ServiceLine, ...], None, None]


def service_log(revalidate: Callable[[], None], batches: Batches) -> Answer:
    """A stream that ends when the credentials do. What is wrong from the start is answered as everywhere."""
    first = next(batches)
    chunks = _chunks(revalidate, first, batches)
    return Answer(200, Follower(chunks, revalidate, batches.close), _HEADERS, "text/event-stream")


def _chunks(revalidate: Callable[[], None], first: tuple[ServiceLine, ...], batches: Batches) -> Iterator[bytes]:
    """Without `end` at its end, the client is to come back: then it is told what is wrong."""
    looked = told = time.monotonic()
    for lines in chain((first,), batches):
        now = time.monotonic()
        if now - looked >= _REFRESH_INTERVAL:
            revalidate()
            looked = now
        told = now if lines else told
        for begin in range(0, len(lines), _AT_ONCE):
            yield _events(lines[begin : begin + _AT_ONCE])
        if now - told >= _HEARTBEAT:
            told = now
            yield ServerSentEvent(comment="listening").encode()
        yield b""
    yield ServerSentEvent("{}", event="end").encode()


def _events(lines: tuple[ServiceLine, ...]) -> bytes:
    """By hand, for there are many. JSON has no line breaks but those of Unicode, for which some clients take these."""
    written = b"".join(map(_event, lines))
    return written.replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")


def _event(line: ServiceLine) -> bytes:
    shown = service_log_line(line)
    return b"id: %s\r\nevent: line\r\ndata: %s\r\n\r\n" % (shown["at"].encode(), orjson.dumps(shown))
