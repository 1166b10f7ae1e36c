"""What is written down: a page of it, or a stream that goes on with what is written next."""

from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import orjson
from sse_starlette import ServerSentEvent
from starlette.concurrency import run_in_threadpool

from domain.deployments import Log
from domain.errors import NotFound, Refusal
from domain.events import Batch, latest
from domain.model.deployment import LogLine
from domain.ports import Ports
from handlers import answers
from handlers.openapi31 import Answer
from handlers.serializers import deployments as serialize_deployments
from handlers.serializers import events as serialize_events
from handlers.waiting import wait_for_change

_HEARTBEAT = 15  # seconds of silence
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def log(ports: Ports, accept: str, revalidate: Callable[[], None], read: Callable[[int], Log], after: int) -> Answer:
    """The lines after a number, in the form that `Accept` asks for; a stream ends when the credentials do."""

    def read_on(start: int) -> Log:
        revalidate()
        return read(start)

    first = read(after)
    if "text/event-stream" not in accept:
        return answers.ok(first, serialize_deployments.deployment_log)
    return Answer(200, _events(ports, read_on, first), _HEADERS, "text/event-stream")


async def _events(ports: Ports, read: Callable[[int], Log], first: Log) -> AsyncIterator[bytes]:
    """Without `end` at its end, the client is to come back: then it is told what is wrong."""
    with suppress(Refusal):
        try:
            async for line in _lines(ports, read, first):
                text = orjson.dumps(serialize_deployments.log_line(line)).decode()
                yield ServerSentEvent(text, event="line", id=str(line.number)).encode()
        except NotFound:
            pass  # deleted meanwhile: nothing more will come
        yield ServerSentEvent("{}", event="end").encode()


async def _lines(ports: Ports, read: Callable[[int], Log], log: Log) -> AsyncIterator[LogLine]:
    while True:
        for line in log.lines:
            yield line
        if log.complete:
            return
        mark = ports.notifier.version()
        following = await run_in_threadpool(read, log.next_after)
        if not following.lines and not following.complete:
            await wait_for_change(ports, mark)
            following = await run_in_threadpool(read, log.next_after)
        log = following


def events(
    ports: Ports,
    accept: str,
    revalidate: Callable[[], None],
    read: Callable[[int | None], Batch],
    after: int | None,
) -> Answer:
    """Events after a number: a page of JSON, or a stream that begins now when no number is given."""
    if "text/event-stream" not in accept:
        return answers.ok(read(after), serialize_events.event_page)

    def read_on(start: int) -> Batch:
        revalidate()
        return read(start)

    first = read(latest(ports) if after is None else after)
    return Answer(200, _told(ports, read_on, first), _HEADERS, "text/event-stream")


async def _told(ports: Ports, read: Callable[[int], Batch], batch: Batch) -> AsyncIterator[bytes]:
    """A comment now and then shows both sides that the other is there; a refusal ends the stream."""
    quiet = 0
    with suppress(Refusal):
        while True:
            for event in batch.events:
                text = orjson.dumps(serialize_events.event(event)).decode()
                yield ServerSentEvent(text, event=event.type, id=str(event.sequence)).encode()
            mark = ports.notifier.version()
            quiet = 0 if batch.events else quiet + 1
            batch = await run_in_threadpool(read, batch.next_after)
            if batch.events:
                continue
            if quiet % _HEARTBEAT == 1:
                yield ServerSentEvent(comment="listening").encode()
            await wait_for_change(ports, mark)
            batch = await run_in_threadpool(read, batch.next_after)
