"""Chunks that are waited for, brought to the event loop by a thread of their own: the pool is for those who leave."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from threading import BoundedSemaphore, Semaphore, Thread

from domain.errors import Refusal, Unavailable

_log = logging.getLogger(__name__)
_MOST = 200
_AHEAD = 2  # chunks that wait for a slow client; then its source is slowed
_REFRESH_INTERVAL = 1.0
_places = BoundedSemaphore(_MOST)


class Follower(AsyncIterator[bytes]):
    """Takes one of few places, until the chunks end or the client leaves. A refusal on the way ends it in silence.

    Something must come at least twice a second, be it an empty chunk, which is not sent.
    """

    def __init__(self, chunks: Iterator[bytes], revalidate: Callable[[], None], close: Callable[[], None]) -> None:
        if not _places.acquire(blocking=False):
            close()
            raise Unavailable(
                "Too many streams are open", details=f"This process serves {_MOST} at once; come back later"
            )
        self._read, self._revalidate, self._close = chunks, revalidate, close
        self._thread: Thread | None = None
        self._loop: asyncio.AbstractEventLoop
        self._chunks: deque[bytes] = deque()
        self._room = Semaphore(_AHEAD)
        self._news = asyncio.Event()
        self._over = False
        self._left = False

    async def __anext__(self) -> bytes:
        if self._thread is None:
            self._loop = asyncio.get_running_loop()
            self._thread = Thread(target=self._run, name="follower", daemon=True)
            self._thread.start()
        while True:
            over = self._over  # looked at first: the last chunk comes before it
            if self._chunks:
                self._room.release()
                return self._chunks.popleft()
            if over:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()

    async def aclose(self) -> None:
        """The thread ends within half a second; nobody waits for it."""
        if self._thread is None and not self._left:
            self._end()
        self._left = True
        self._room.release()

    def _run(self) -> None:
        try:
            with suppress(Refusal):
                for chunk in self._read:
                    if self._left:
                        return
                    if chunk:
                        self._hand_over(chunk)
        except Exception:  # noqa: BLE001 - nobody else would hear of it
            _log.exception("unforeseen")
        finally:
            self._over = True
            self._end()
            self._tell()

    def _hand_over(self, chunk: bytes) -> None:
        while not self._room.acquire(timeout=_REFRESH_INTERVAL):
            self._revalidate()
        self._chunks.append(chunk)
        self._tell()

    def _end(self) -> None:
        self._close()
        _places.release()

    def _tell(self) -> None:
        with suppress(RuntimeError):  # the loop is closed: the whole program ends
            self._loop.call_soon_threadsafe(self._news.set)
