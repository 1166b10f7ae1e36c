"""A clock that only moves when told to sleep."""

from datetime import UTC, datetime, timedelta
from threading import Lock


class Clock:
    """Time that passes only by `sleep`, which returns at once."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._lock = Lock()
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        with self._lock:
            return self._now.replace(microsecond=self._now.microsecond // 1000 * 1000)

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._now += timedelta(seconds=seconds)
