"""Slow calls in threads: a slow answer about one service delays no other service."""

from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import Generic, TypeVar

T = TypeVar("T")


class BackgroundCalls(Generic[T]):
    """At most one call at a time for each key. A call that fails has no result and is repeated when it is due."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="observer")
        self._running: dict[str, Future[T]] = {}
        self._started_at: dict[str, datetime] = {}

    def submit(self, key: str, now: datetime, every: timedelta, call: Callable[[], T]) -> None:
        """Start a call, unless one is running or the last one was started less than `every` ago."""
        if key in self._running or (key in self._started_at and now - self._started_at[key] < every):
            return
        self._started_at[key] = now
        self._running[key] = self._pool.submit(call)

    def results(self, seconds: float) -> dict[str, T]:
        """Return the results that are there within so many seconds; each result is returned once."""
        wait(self._running.values(), timeout=seconds)
        done = {key: future for key, future in self._running.items() if future.done()}
        self._running = {key: future for key, future in self._running.items() if key not in done}
        return {key: future.result() for key, future in done.items() if future.exception() is None}

    def keep(self, keys: Collection[str]) -> None:
        """Forget when calls for other keys were started."""
        self._started_at = {key: at for key, at in self._started_at.items() if key in keys}

    def close(self) -> None:
        """Start no more calls; running ones end by their own timeouts."""
        self._pool.shutdown(wait=False, cancel_futures=True)
