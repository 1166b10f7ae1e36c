"""Notify threads and processes that something in the database changed."""

from typing import Protocol


class Notifier(Protocol):
    """Tells waiting threads to read the database again. A lost notification only delays them."""

    def version(self) -> int:
        """Return the number of notifications so far.

        Take it before you read the database: one between the read and `wait(…, since)` ends the wait at once.
        """

    def notify(self) -> None: ...
    def wait(self, seconds: float, since: int | None = None) -> None:
        """Return at the next notification after `since` (by default: after the call), or after so many seconds."""

    def ping(self) -> None:
        """Raise Unavailable if notifications do not reach the other processes."""

    def close(self) -> None:
        """Close the connection to other processes. Threads of this process still notify each other."""
