"""Stream the logs of a service as server-sent events."""

import time
from collections.abc import Callable, Generator, Iterator
from itertools import chain

import orjson
from sse_starlette import ServerSentEvent

from domain.identity.access import Caller
from domain.runtime import ServiceLine
from handlers.openapi31 import Answer
from handlers.serializers.runtime import service_log_line
from handlers.streams.chunk_stream import ChunkStream
from handlers.streams.event_stream import event_stream
from handlers.streams.open_streams import OpenStreams

_HEARTBEAT = 15.0  # seconds of silence
_REFRESH_INTERVAL = 0.5  # seconds; the wait for lines adds up to half a second
_LINES_PER_CHUNK = 500

Batches = Generator[tuple[ServiceLine, ...], None, None]


def service_log(
    open_streams: OpenStreams, caller: Caller, revalidate: Callable[[], None], start: Callable[[], Batches]
) -> Answer:
    """Return the stream. It ends when `revalidate` raises; errors before the first batch become error responses."""

    def chunks() -> ChunkStream:
        batches = start()
        return ChunkStream(_chunks(revalidate, next(batches), batches), revalidate, batches.close)

    return event_stream(open_streams.open_log(caller, chunks))


def _chunks(revalidate: Callable[[], None], first: tuple[ServiceLine, ...], batches: Batches) -> Iterator[bytes]:
    """Yield the lines as events, and `end` when the logs end.

    A stream without `end` was interrupted: the client reconnects, and the response tells it the reason.
    """
    checked = sent = time.monotonic()
    for lines in chain((first,), batches):
        now = time.monotonic()
        if now - checked >= _REFRESH_INTERVAL:
            revalidate()
            checked = now
        sent = now if lines else sent
        for first_line in range(0, len(lines), _LINES_PER_CHUNK):
            yield _events(lines[first_line : first_line + _LINES_PER_CHUNK])
        if now - sent >= _HEARTBEAT:
            sent = now
            yield ServerSentEvent(comment="listening").encode()
        yield b""
    yield ServerSentEvent("{}", event="end").encode()


def _events(lines: tuple[ServiceLine, ...]) -> bytes:
    """Serialize without `ServerSentEvent`, which is too slow for many lines.

    orjson leaves U+2028 and U+2029 unescaped, and some clients treat them as line breaks.
    """
    text = b"".join(map(_event, lines))
    return text.replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")


def _event(line: ServiceLine) -> bytes:
    data = service_log_line(line)
    event = b"gap" if line.stream == "gap" else b"line"
    return b"id: %s\r\nevent: %s\r\ndata: %s\r\n\r\n" % (data["at"].encode(), event, orjson.dumps(data))
