"""Notifications between threads and processes that something changed."""

from typing import Protocol


class Notifier(Protocol):
    """News that something changed. The database carries the truth: a lost notify only costs a moment."""

    def version(self) -> int:
        """Take it before looking at the database: news from between look and wait then ends the wait at once."""

    def notify(self) -> None: ...
    def wait(self, seconds: float, since: int | None = None) -> None:
        """Return when notified after the mark `since` (without one: from now on), or after so many seconds."""

    def ping(self) -> None:
        """Raise Unavailable when notifications do not reach the other processes now."""

    def close(self) -> None:
        """Let go of what brings news from other processes; threads of this one still hear each other."""
