"""The operating system's clock, and a notifier for the threads of this process."""

import time
from datetime import UTC, datetime
from threading import Condition


class Clock:
    """The real time."""

    def now(self) -> datetime:
        """Return the time, truncated to milliseconds so that it is never in the future."""
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Notifier:
    """Notifies the threads of this process. Other processes read the database again after a moment anyway."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._version = 0

    def version(self) -> int:
        return self._version

    def notify(self) -> None:
        with self._changed:
            self._version += 1
            self._changed.notify_all()

    def wait(self, seconds: float, since: int | None = None) -> None:
        with self._changed:
            seen = self._version if since is None else since
            self._changed.wait_for(lambda: self._version != seen, seconds)

    def ping(self) -> None:
        """Do nothing: it reaches no other processes."""

    def close(self) -> None:
        """Do nothing: it has no connection."""
