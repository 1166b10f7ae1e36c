"""Respond with stored log lines and events: a JSON page, or a stream that continues with new ones."""

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial

import orjson
from sse_starlette import ServerSentEvent

from domain.deployments import Log
from domain.errors import NotFound, Refusal
from domain.events import Batch
from domain.model.deployment import LogLine
from domain.ports import Ports
from handlers import answers
from handlers.edge.threads import READS
from handlers.negotiation import prefers_event_stream
from handlers.openapi31 import Answer
from handlers.serializers import deployments as serialize_deployments
from handlers.serializers import events as serialize_events
from handlers.streams.event_stream import event_stream
from handlers.streams.open_streams import OpenStream
from handlers.waiting import wait_for_change


def log(
    ports: Ports,
    accept: str,
    revalidate: Callable[[], None],
    read: Callable[[int], Log],
    after: int,
    *,
    open_stream: Callable[[Callable[[], AsyncIterator[bytes]]], OpenStream],
) -> Answer:
    """Return the lines after a number, in the format of `accept`. A stream ends when `revalidate` raises."""

    def read_on(start: int) -> Log:
        revalidate()
        return read(start)

    first = read(after)
    if not prefers_event_stream(accept):
        return answers.ok(first, serialize_deployments.deployment_log)
    return event_stream(open_stream(lambda: _stream_log(ports, read_on, first)))


async def _stream_log(ports: Ports, read: Callable[[int], Log], first: Log) -> AsyncIterator[bytes]:
    """Yield the lines as events, and `end` when the log is complete.

    A stream without `end` was interrupted: the client reconnects, and the response tells it the reason.
    """
    with suppress(Refusal):
        try:
            async for line in _lines(ports, read, first):
                text = orjson.dumps(serialize_deployments.log_line(line)).decode()
                yield ServerSentEvent(text, event="line", id=str(line.number)).encode()
        except NotFound:
            pass  # the service was deleted: the log gets no more lines
        yield ServerSentEvent("{}", event="end").encode()


async def _lines(ports: Ports, read: Callable[[int], Log], log: Log) -> AsyncIterator[LogLine]:
    while True:
        for line in log.lines:
            yield line
        if log.complete:
            return
        version = ports.notifier.version()
        next_page = await READS.run(partial(read, log.next_after))
        if not next_page.lines and not next_page.complete:
            await wait_for_change(ports, version)
            next_page = await READS.run(partial(read, log.next_after))
        log = next_page


def events(accept: str, read: Callable[[], Batch], follow: Callable[[], OpenStream]) -> Answer:
    """Return the events that `read` returns, or the stream that `follow` opens, in the format of `accept`."""
    if not prefers_event_stream(accept):
        return answers.ok(read(), serialize_events.event_page)
    return event_stream(follow())
