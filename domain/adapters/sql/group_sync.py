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
        self._inode = 0  # of the file whose name is on the disk too
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
            except BaseException as error:  # noqa: BLE001 - the calls that share it must not wait for ever
                shared.set_exception(error)
            else:
                shared.set_result(None)

    def _sync_file(self) -> None:
        # SQLite syncs its database, and removes the log, when the last connection closes. It locks the database and the
        # shared memory, never the log, so that no lock of this process is lost when the log is closed here.
        with suppress(FileNotFoundError):
            inode = _sync(self._path, os.O_RDWR)
            if inode != self._inode:
                _sync(os.path.dirname(self._path) or ".", os.O_RDONLY)
                self._inode = inode


def _sync(path: str, flags: int) -> int:
    """Sync a file or a folder, and return its inode."""
    file = os.open(path, flags)
    try:
        os.fdatasync(file)
        return os.fstat(file).st_ino
    finally:
        os.close(file)
