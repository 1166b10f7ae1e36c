"""The response of a handler, and how it is sent: as JSON, bytes, or a stream that ends when the client disconnects."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
import orjson
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

RawHeaders = list[tuple[bytes, bytes]]
BODILESS = {204, 304}


@dataclass(slots=True)
class Answer:
    """A status and a content: None, bytes, an iterator of bytes (async or not), or a value that orjson can serialize.

    A header with several values is sent as several headers.
    """

    status: int = 200
    content: Any = None
    headers: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    media_type: str = "application/json"


async def send_answer(answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
    """Send an answer; for HEAD without its body."""
    content = answer.content
    if isinstance(content, AsyncIterator | Iterator) and answer.status not in BODILESS:
        await _stream(answer, scope, receive, send)
        return
    body, headers = rendered(answer)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def rendered(answer: Answer) -> tuple[bytes, RawHeaders]:
    """Return the body and headers of an answer that is not a stream."""
    headers = raw_headers(answer.headers)
    if answer.content is None or answer.status in BODILESS:
        return b"", headers if answer.status in BODILESS else [*headers, (b"content-length", b"0")]
    body = encoded(answer)
    headers.append((b"content-type", answer.media_type.encode("latin-1")))
    headers.append((b"content-length", b"%d" % len(body)))
    return body, headers


def encoded(answer: Answer) -> bytes:
    """Return the content as bytes."""
    content = answer.content
    if isinstance(content, bytes):
        return content
    if isinstance(content, str) and "json" not in answer.media_type:
        return content.encode()
    return orjson.dumps(content, option=orjson.OPT_UTC_Z)


def raw_headers(headers: Mapping[str, str | Sequence[str]]) -> RawHeaders:
    """Return headers in ASGI's form. Raise ValueError for a line break, which would start another header."""
    raw: RawHeaders = []
    for name, values in headers.items():
        for value in (values,) if isinstance(values, str) else values:
            if not value.isprintable():
                raise ValueError(f"the value of header {name} is not printable")
            raw.append((name.lower().encode("latin-1"), value.encode("latin-1")))
    return raw


async def _stream(answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
    chunks: Any = answer.content if isinstance(answer.content, AsyncIterator) else _from_thread(answer.content)
    headers = [*raw_headers(answer.headers), (b"content-type", answer.media_type.encode("latin-1"))]
    try:
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        if scope["method"] != "HEAD":
            await _until_either_ends(chunks, receive, send)
            return
        await send({"type": "http.response.body", "body": b""})
    finally:
        with anyio.CancelScope(shield=True):
            await _close(chunks)
            await _close(answer.content)


async def _until_either_ends(chunks: AsyncIterator[bytes], receive: Receive, send: Send) -> None:
    """Send chunks until they end or the client disconnects."""
    failures: list[Exception] = []

    async def forward() -> None:
        try:
            async for chunk in chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        except Exception as failure:  # noqa: BLE001 - raised again below, outside of the task group
            failures.append(failure)
        group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(forward)
        while (await receive())["type"] != "http.disconnect":
            pass
        group.cancel_scope.cancel()
    if failures:
        raise failures[0]


async def _from_thread(iterator: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Read a blocking iterator in the thread pool; a cancellation waits for the current step."""
    while (chunk := await run_in_threadpool(next, iterator, None)) is not None:
        yield chunk


async def _close(iterator: Any) -> None:  # noqa: ANN401 - not every iterator has a close method
    if hasattr(iterator, "aclose"):
        await iterator.aclose()
    elif hasattr(iterator, "close"):
        await run_in_threadpool(iterator.close)
