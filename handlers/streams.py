"""Logs as a page of JSON, or as an event stream that follows the work to its end."""

from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import orjson
from sse_starlette import ServerSentEvent
from starlette.concurrency import run_in_threadpool

from domain.deployments import Log
from domain.errors import NotFound, Refusal
from domain.model import LogLine
from domain.ports import Ports
from handlers import answers
from handlers.openapi31 import Answer
from handlers.shapes import log_line
from handlers.waiting import news

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def log(ports: Ports, accept: str, look_again: Callable[[], None], read: Callable[[int], Log], after: int) -> Answer:
    """The lines after a number, in the form that `Accept` asks for; a stream ends when the credentials do."""

    def read_on(start: int) -> Log:
        look_again()
        return read(start)

    first = read(after)
    if "text/event-stream" not in accept:
        return answers.ok(first)
    return Answer(200, _events(ports, read_on, first), _HEADERS, "text/event-stream")


async def _events(ports: Ports, read: Callable[[int], Log], first: Log) -> AsyncIterator[bytes]:
    """Without `end` at its end, the client is to come back: then it is told what is wrong."""
    with suppress(Refusal):
        try:
            async for line in _lines(ports, read, first):
                text = orjson.dumps(log_line(line)).decode()
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
        mark = ports.feed.mark()
        following = await run_in_threadpool(read, log.next_after)
        if not following.lines and not following.complete:
            await news(ports, mark)
            following = await run_in_threadpool(read, log.next_after)
        log = following
