"""Questions that may take long, asked aside: a slow answer holds up nobody else's."""

from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import Generic, TypeVar

T = TypeVar("T")


class Aside(Generic[T]):
    """One question at a time for each key. What fails has no answer, and is asked again when it is due."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="watch")
        self._asked: dict[str, Future[T]] = {}
        self._at: dict[str, datetime] = {}

    def ask(self, key: str, now: datetime, every: timedelta, question: Callable[[], T]) -> None:
        """Ask, unless the last time is too short ago or the answer still to come."""
        if key in self._asked or (key in self._at and now - self._at[key] < every):
            return
        self._at[key] = now
        self._asked[key] = self._pool.submit(question)

    def answers(self, seconds: float) -> dict[str, T]:
        """What has come by now, or comes within so many seconds; each answer is told once."""
        wait(self._asked.values(), timeout=seconds)
        done = {key: future for key, future in self._asked.items() if future.done()}
        self._asked = {key: future for key, future in self._asked.items() if key not in done}
        return {key: future.result() for key, future in done.items() if future.exception() is None}

    def keep(self, keys: Collection[str]) -> None:
        """Forget when all others were asked."""
        self._at = {key: at for key, at in self._at.items() if key in keys}

    def close(self) -> None:
        """Ask nothing more; what is being asked ends by its own time limit."""
        self._pool.shutdown(wait=False, cancel_futures=True)
