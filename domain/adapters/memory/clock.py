"""A clock that moves only by `sleep` and `set_back`."""

from datetime import UTC, datetime, timedelta
from threading import Lock


class Clock:
    """Starts at a given time. `sleep` returns at once and moves the clock."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._lock = Lock()
        self._now = start.astimezone(UTC)
        self._passed = 0.0

    def now(self) -> datetime:
        with self._lock:
            return self._now.replace(microsecond=self._now.microsecond // 1000 * 1000)

    def monotonic(self) -> float:
        return self._passed

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._now += timedelta(seconds=seconds)
            self._passed += seconds

    def set_back(self, seconds: float) -> None:
        """Set the clock back, as an administrator or NTP does."""
        with self._lock:
            self._now -= timedelta(seconds=seconds)
