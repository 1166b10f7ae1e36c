"""Send chunks from a blocking iterator. Each stream has a thread, so that none occupies the pool of the requests."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from threading import BoundedSemaphore, Semaphore, Thread

from domain.errors import Refusal, Unavailable

_log = logging.getLogger(__name__)
_MAX_STREAMS = 400
_MAX_QUEUED = 2  # chunks that wait for a slow client; then the source is slowed down
_REFRESH_INTERVAL = 1.0  # seconds
_slots = BoundedSemaphore(_MAX_STREAMS)


class ChunkStream(AsyncIterator[bytes]):
    """Occupies one of a limited number of slots until the chunks end or the client disconnects.

    `chunks` must yield at least twice a second, so that a disconnect is noticed; empty chunks are not sent.
    `revalidate` is called while a chunk waits for the client. A Refusal that it or `chunks` raises ends the stream.
    `close` is called at the end. Raise Unavailable if all slots are taken.
    """

    def __init__(self, chunks: Iterator[bytes], revalidate: Callable[[], None], close: Callable[[], None]) -> None:
        if not _slots.acquire(blocking=False):
            close()
            raise Unavailable(
                "Too many streams are open", details=f"This process serves {_MAX_STREAMS} at once; come back later"
            )
        self._source, self._revalidate, self._close = chunks, revalidate, close
        self._thread: Thread | None = None
        self._loop: asyncio.AbstractEventLoop
        self._chunks: deque[bytes] = deque()
        self._space = Semaphore(_MAX_QUEUED)
        self._changed = asyncio.Event()
        self._ended = False
        self._disconnected = False

    async def __anext__(self) -> bytes:
        if self._thread is None:
            self._loop = asyncio.get_running_loop()
            self._thread = Thread(target=self._run, name="chunk stream", daemon=True)
            self._thread.start()
        while True:
            ended = self._ended  # read before the queue: the last chunk is added before the flag is set
            if self._chunks:
                self._space.release()
                return self._chunks.popleft()
            if ended:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()

    async def aclose(self) -> None:
        """End the stream. The thread ends within half a second; this call does not wait for it."""
        if self._thread is None and not self._disconnected:
            self._end()
        self._disconnected = True
        self._space.release()

    def _run(self) -> None:
        try:
            with suppress(Refusal):
                for chunk in self._source:
                    if self._disconnected:
                        return
                    if chunk:
                        self._enqueue(chunk)
        except Exception:  # noqa: BLE001 - a thread's exception reaches no caller
            _log.exception("a stream failed unexpectedly")
        finally:
            self._ended = True
            self._end()
            self._wake()

    def _enqueue(self, chunk: bytes) -> None:
        while not self._space.acquire(timeout=_REFRESH_INTERVAL):
            self._revalidate()
        self._chunks.append(chunk)
        self._wake()

    def _end(self) -> None:
        self._close()
        _slots.release()

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the loop is closed: the process is shutting down
            self._loop.call_soon_threadsafe(self._changed.set)
