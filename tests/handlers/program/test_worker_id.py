"""Worker IDs: they show whether the process has died, and never report a running one as dead."""

import os
import subprocess
import sys

import pytest

from handlers.program import worker_id


def _start_owner() -> tuple[subprocess.Popen[str], str]:
    script = "from handlers.program import worker_id; print(worker_id.new_owner(), flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout
    return child, child.stdout.readline().strip()


def test_worker_ids_are_unique():
    assert worker_id.new_owner() != worker_id.new_owner()


def test_a_worker_is_dead_when_its_process_has_exited():
    assert not worker_id.is_dead(worker_id.new_owner())
    child, owner = _start_owner()
    assert not worker_id.is_dead(owner)
    child.communicate("\n")
    assert worker_id.is_dead(owner)


@pytest.mark.parametrize("owner", ["", "worker-1", "a-b-c", "other-boot-4026531836-999999999-wrk_1"])
def test_workers_of_other_machines_are_never_reported_as_dead(owner: str):
    assert not worker_id.is_dead(owner)


def test_a_machine_without_a_boot_id_reports_no_worker_as_dead(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> str:
        raise OSError

    monkeypatch.setattr("pathlib.Path.read_text", refuse)
    owner = worker_id.new_owner()
    assert str(os.getpid()) in owner
    assert not worker_id.is_dead(owner)
