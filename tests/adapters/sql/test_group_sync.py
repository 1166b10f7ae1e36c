"""Commits share syncs of the write-ahead log, and none returns before one that began after it."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Lock

import pytest

from domain.adapters.sql.group_sync import GroupSync


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Disk":
    disk = Disk(tmp_path / "log")
    monkeypatch.setattr(os, "fdatasync", disk.sync)
    return disk


class Disk:
    """A disk whose syncs take until `finish` is set."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.touch()
        self.begun, self.finish = Event(), Event()
        self.syncs = 0
        self.fault: OSError | None = None
        self._lock = Lock()

    def sync(self, file: int) -> None:
        if Path(f"/proc/self/fd/{file}").resolve() != self.path:
            return  # the folder
        with self._lock:
            self.syncs += 1
        self.begun.set()
        assert self.finish.wait(10)
        if self.fault:
            raise self.fault


def test_calls_during_a_sync_share_the_next_one(disk: Disk):
    group = GroupSync(str(disk.path))
    with ThreadPoolExecutor(21) as pool:
        first = pool.submit(group.sync)
        assert disk.begun.wait(10)
        later = [pool.submit(group.sync) for _ in range(20)]
        assert not first.done()
        assert not any(call.done() for call in later)
        disk.finish.set()
        for call in (first, *later):
            call.result(10)
    assert 2 <= disk.syncs < 21, "those that came before the first had ended share one"


def test_the_name_of_a_new_log_is_synced_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    synced: list[Path] = []
    monkeypatch.setattr(os, "fdatasync", lambda file: synced.append(Path(f"/proc/self/fd/{file}").resolve()))
    log = tmp_path / "log"
    log.touch()
    group = GroupSync(str(log))
    group.sync()
    group.sync()
    assert synced == [log, tmp_path, log]


def test_all_calls_that_share_a_failed_sync_fail(disk: Disk):
    group = GroupSync(str(disk.path))
    disk.fault = OSError(errno.EIO, "Input/output error")
    with ThreadPoolExecutor(5) as pool:
        calls = [pool.submit(group.sync) for _ in range(5)]
        disk.finish.set()
        for call in calls:
            with pytest.raises(OSError, match="Input/output error"):
                call.result(10)


def test_a_log_that_sqlite_has_removed_needs_no_sync(disk: Disk):
    disk.path.unlink()
    GroupSync(str(disk.path)).sync()
    assert disk.syncs == 0
