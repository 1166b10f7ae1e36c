"""The open streams of the API: bounds on their number, and their end when the process stops."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from threading import Event as Flag
from typing import Any

from domain.errors import Unavailable
from domain.identity.access import Caller
from domain.settings import Settings
from handlers.edge.stream_limits import StreamLimits

_LOGS_PER_CALLER, _LOGS_PER_CUSTOMER = 60, 100  # each of them occupies threads


class OpenStreams:
    """All open streams of one application."""

    def __init__(self, settings: Settings) -> None:
        self._limits = StreamLimits("streams", settings.streams_per_key, settings.streams_per_customer)
        self._log_limits = StreamLimits("followed logs", _LOGS_PER_CALLER, _LOGS_PER_CUSTOMER)
        self._open: set[OpenStream] = set()
        self._stopping = False

    def open(self, caller: Caller, chunks: Callable[[], AsyncIterator[bytes]]) -> "OpenStream":
        """Return a stream. Raise TooMany if the caller has too many, Unavailable if the process stops."""
        return self._counted(self._limits, caller, chunks)

    def open_log(self, caller: Caller, chunks: Callable[[], AsyncIterator[bytes]]) -> "OpenStream":
        """Return a stream of followed logs, whose bounds are lower. Raise as `open` does."""
        return self._counted(self._log_limits, caller, chunks)

    def stop(self) -> None:
        """End all streams after their current chunk. It may be called in any thread."""
        self._stopping = True
        for stream in list(self._open):
            stream.stop()

    def _counted(
        self, limits: StreamLimits, caller: Caller, chunks: Callable[[], AsyncIterator[bytes]]
    ) -> "OpenStream":
        if self._stopping:
            raise Unavailable("The panel is stopping", details="Connect again in a few seconds")
        limits.acquire(caller)

        def release() -> None:
            self._open.discard(stream)
            limits.release(caller)

        try:
            stream = OpenStream(chunks(), release)
        except BaseException:
            limits.release(caller)
            raise
        self._open.add(stream)
        return stream


class OpenStream(AsyncIterator[bytes]):
    """The chunks of one stream. `stop` ends it as if it had no more chunks, so that its response is complete."""

    def __init__(self, chunks: AsyncIterator[bytes], release: Callable[[], None]) -> None:
        self._chunks: Any = chunks
        self._release = release
        self._closed = False
        self._stopping = Flag()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: asyncio.Task[Any] | None = None

    async def __anext__(self) -> bytes:
        self._loop, self._waiting = asyncio.get_running_loop(), asyncio.current_task()
        if self._stopping.is_set():
            raise StopAsyncIteration
        try:
            chunk: bytes = await self._chunks.__anext__()
        except asyncio.CancelledError:
            if self._waiting is None or not self._stopping.is_set():
                raise
            self._waiting.uncancel()
            raise StopAsyncIteration from None
        finally:
            self._waiting = None
        return chunk

    def stop(self) -> None:
        """End the stream, in any thread."""
        self._stopping.set()
        if self._loop:
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._interrupt)

    def _interrupt(self) -> None:
        if self._waiting:
            self._waiting.cancel()

    async def aclose(self) -> None:
        """Close the source, and count the stream as closed."""
        if not self._closed:
            self._closed = True
            self._release()
            await self._chunks.aclose()
