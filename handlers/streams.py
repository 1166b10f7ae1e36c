"""Logs as a page of JSON, or as an event stream that follows the work to its end."""

from collections.abc import AsyncIterator, Callable

import orjson
from sse_starlette import ServerSentEvent
from starlette.concurrency import run_in_threadpool

from domain.deployments import Log
from domain.ports import Ports
from handlers import answers
from handlers.openapi31 import Answer
from handlers.shapes import log_line
from handlers.waiting import news

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def log(ports: Ports, accept: str, read: Callable[[int], Log], after: int) -> Answer:
    """The lines after a number, in the form that `Accept` asks for."""
    first = read(after)
    if "text/event-stream" not in accept:
        return answers.ok(first)
    return Answer(200, _followed(ports, read, first), _HEADERS, "text/event-stream")


async def _followed(ports: Ports, read: Callable[[int], Log], log: Log) -> AsyncIterator[bytes]:
    while True:
        for line in log.lines:
            yield ServerSentEvent(orjson.dumps(log_line(line)).decode(), event="line", id=str(line.number)).encode()
        if log.complete:
            break
        mark = ports.feed.mark()
        next_log = await run_in_threadpool(read, log.next_after)
        if not next_log.lines and not next_log.complete:
            await news(ports, mark)
            next_log = await run_in_threadpool(read, log.next_after)
        log = next_log
    yield ServerSentEvent("{}", event="end").encode()
