"""Make commits of SQLite durable together: one sync of the write-ahead log for all that wait for it."""

import os
from concurrent.futures import Future
from contextlib import suppress
from threading import Lock


class GroupSync:
    """Syncs a file to the disk. It may be used by many threads.

    SQLite's own sync belongs to the commit: it holds the write lock, and each commit pays for one.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = Lock()
        self._running = Lock()
        self._next: Future[None] | None = None

    def sync(self) -> None:
        """Return when what was written before the call is on the disk. Raise OSError if that fails.

        Calls during a sync share the next one, since the one that runs may have missed what they wrote.
        """
        with self._lock:
            shared, leads = self._next or Future(), self._next is None
            self._next = shared
        if leads:
            self._run(shared)
        shared.result()

    def _run(self, shared: Future[None]) -> None:
        with self._running:
            with self._lock:
                self._next = None
            try:
                self._sync_file()
            except OSError as error:
                shared.set_exception(error)
            else:
                shared.set_result(None)

    def _sync_file(self) -> None:
        with suppress(
            FileNotFoundError
        ):  # SQLite syncs its database and removes the log when the last connection closes
            file = os.open(self._path, os.O_RDWR)
            try:
                os.fdatasync(file)
            finally:
                os.close(file)
