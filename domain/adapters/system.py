"""Time and news of this very process: the operating system's clock, and a notifier between threads."""

import time
from datetime import UTC, datetime
from threading import Condition


class Clock:
    """The real time."""

    def now(self) -> datetime:
        """Cut, not rounded, so that what is read now never lies in the future."""
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Notifier:
    """Reaches the threads of this process; other processes find the same news in the database a moment later."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._nudges = 0

    def version(self) -> int:
        return self._nudges

    def notify(self) -> None:
        with self._changed:
            self._nudges += 1
            self._changed.notify_all()

    def wait(self, seconds: float, since: int | None = None) -> None:
        with self._changed:
            seen = self._nudges if since is None else since
            self._changed.wait_for(lambda: self._nudges != seen, seconds)

    def ping(self) -> None:
        """There are no others that it promises to reach."""

    def close(self) -> None:
        """It holds nothing."""
