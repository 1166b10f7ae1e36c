"""Responses: JSON, bytes, empty ones, and streams that end when the client disconnects."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.openapi31 import Answer

from .conftest import Client, Json

SSE = "text/event-stream"


@dataclass
class Pet:
    name: str
    born: datetime


ANSWERS: list[tuple[Answer, int, bytes, str | None]] = [
    (Answer(200, {"a": "ü"}), 200, '{"a":"ü"}'.encode(), "application/json"),
    (
        Answer(200, Pet("Rex", datetime(2026, 1, 2, tzinfo=UTC))),
        200,
        b'{"name":"Rex","born":"2026-01-02T00:00:00Z"}',
        "application/json",
    ),
    (Answer(200, "text"), 200, b'"text"', "application/json"),
    (Answer(200, "text", media_type="text/plain"), 200, b"text", "text/plain"),
    (Answer(200, b"\xff", media_type="image/png"), 200, b"\xff", "image/png"),
    (Answer(200, b"{}"), 200, b"{}", "application/json"),
    (Answer(200, []), 200, b"[]", "application/json"),
    (Answer(202), 202, b"", None),
    (Answer(204, {"a": 1}), 204, b"", None),
    (Answer(304, "x", {"ETag": '"7"'}), 304, b"", None),
]


@pytest.mark.parametrize(("answer", "status", "body", "media_type"), ANSWERS)
def test_an_answer_is_sent(
    serve: Callable[..., Client], answer: Answer, status: int, body: bytes, media_type: str | None
) -> None:
    got = serve({"list_pets": lambda: answer})("GET", "/shop/pets")
    assert (got.status_code, got.content, got.headers.get("content-type")) == (status, body, media_type)
    assert got.headers.get("content-length") == (None if status in {204, 304} else str(len(body)))


def test_headers_are_sent_including_repeated_names(serve: Callable[..., Client]) -> None:
    answer = Answer(204, headers={"ETag": '"7"', "Set-Cookie": ["a=1", "b=2"]})
    got = serve({"list_pets": lambda: answer})("GET", "/shop/pets")
    assert got.headers["etag"] == '"7"'
    assert got.headers.get_list("set-cookie") == ["a=1", "b=2"]


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b=1", "a\nb", "a\0b", "☃"])
def test_a_header_with_a_line_break_is_an_error(serve: Callable[..., Client], value: str) -> None:
    got = serve({"list_pets": lambda: Answer(200, headers={"Location": value})})("GET", "/shop/pets")
    assert got.status_code == 500
    assert "set-cookie" not in got.headers


class AsgiClient:
    """An ASGI client that reads messages as they are sent and disconnects when `disconnected` is set."""

    def __init__(self, app: Json) -> None:
        self.app = app
        self.sent: asyncio.Queue[Any] = asyncio.Queue()
        self.disconnected = asyncio.Event()
        self._requested = False

    async def receive(self) -> Json:
        if not self._requested:
            self._requested = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.disconnected.wait()
        return {"type": "http.disconnect"}

    def call(self, method: str = "GET") -> asyncio.Task[None]:
        scope = {"type": "http", "method": method, "path": "/shop/events", "query_string": b"", "headers": []}
        return asyncio.ensure_future(self.app(scope, self.receive, self.sent.put))

    async def chunk(self) -> bytes:
        async with asyncio.timeout(5):
            message = await self.sent.get()
        return message.get("body", b"") if message["type"] == "http.response.body" else b"start"


def drive(client: Client, scenario: Callable[[AsgiClient], Awaitable[None]]) -> None:
    async def run_with_timeout() -> None:
        async with asyncio.timeout(20):
            await scenario(AsgiClient(client.app))

    asyncio.run(run_with_timeout())


def test_a_stream_is_sent_in_chunks_and_closed_when_the_client_disconnects(serve: Callable[..., Client]) -> None:
    closed: list[bool] = []
    going_on = asyncio.Event()

    async def events() -> AsyncIterator[bytes]:
        try:
            yield b"data: 1\n\n"
            await going_on.wait()
            yield b"data: 2\n\n"
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    async def scenario(caller: AsgiClient) -> None:
        task = caller.call()
        assert [await caller.chunk(), await caller.chunk()] == [b"start", b"data: 1\n\n"]
        assert not task.done()
        going_on.set()
        assert await caller.chunk() == b"data: 2\n\n"
        assert not closed
        caller.disconnected.set()
        await task
        assert closed == [True]

    async def follow_events() -> Answer:
        return Answer(200, events(), media_type=SSE)

    drive(serve({"follow_events": follow_events}), scenario)


def test_a_blocking_stream_is_read_in_a_thread_and_closed_when_the_client_disconnects(
    serve: Callable[..., Client],
) -> None:
    closed: list[bool] = []
    going_on = threading.Event()

    def events() -> Iterator[bytes]:
        try:
            yield b"1"
            going_on.wait(5)
            while True:
                yield b"2"
        finally:
            closed.append(threading.current_thread() is not threading.main_thread())

    async def scenario(caller: AsgiClient) -> None:
        task = caller.call()
        assert [await caller.chunk(), await caller.chunk()] == [b"start", b"1"]
        caller.disconnected.set()
        going_on.set()
        await task
        assert closed == [True]

    drive(serve({"follow_events": lambda: Answer(200, events(), media_type=SSE)}), scenario)


def test_a_stream_that_ends_ends_the_response(serve: Callable[..., Client]) -> None:
    got = serve({"follow_events": lambda: Answer(200, iter([b"a", b"b"]), media_type=SSE)})("GET", "/shop/events")
    assert (got.content, got.headers["content-type"]) == (b"ab", SSE)
    assert "content-length" not in got.headers


def test_head_of_a_stream_closes_it_unread(serve: Callable[..., Client]) -> None:
    class Events:
        closed = False

        def __iter__(self) -> Iterator[bytes]:
            return self

        def __next__(self) -> bytes:
            raise AssertionError("read")

        def close(self) -> None:
            self.closed = True

    events = Events()
    got = serve({"follow_events": lambda: Answer(200, events, media_type=SSE)})("HEAD", "/shop/events")
    assert (got.status_code, got.content, events.closed) == (200, b"", True)


def test_a_stream_that_fails_closes_the_connection(serve: Callable[..., Client]) -> None:
    told: list[str] = []

    async def events() -> AsyncIterator[bytes]:
        yield b"1"
        raise OSError("the engine is gone")

    async def follow_events() -> Answer:
        return Answer(200, events(), media_type=SSE)

    def errors(_scope: Json, error: Exception) -> Answer:
        told.append(repr(error.__cause__ or error))
        return Answer(500)

    async def scenario(caller: AsgiClient) -> None:
        task = caller.call()
        assert [await caller.chunk(), await caller.chunk()] == [b"start", b"1"]
        with pytest.raises(RuntimeError, match="already started"):
            await task
        assert caller.sent.empty()
        assert told == ["OSError('the engine is gone')"]

    drive(serve({"follow_events": follow_events}, errors=errors), scenario)
