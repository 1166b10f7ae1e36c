"""A clock that moves only by `sleep`."""

from datetime import UTC, datetime, timedelta
from threading import Lock


class Clock:
    """Starts at a given time. `sleep` returns at once and moves the clock."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._lock = Lock()
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        with self._lock:
            return self._now.replace(microsecond=self._now.microsecond // 1000 * 1000)

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._now += timedelta(seconds=seconds)
