"""By its name a worker's death is seen at once, and nobody alive is taken for dead."""

import os
import subprocess
import sys

import pytest

from handlers.program import worker_id


def _elsewhere() -> tuple[subprocess.Popen[str], str]:
    script = "from handlers.program import worker_id; print(worker_id.new_owner(), flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout
    return child, child.stdout.readline().strip()


def test_no_two_workers_have_one_name():
    assert worker_id.new_owner() != worker_id.new_owner()


def test_a_worker_is_alive_as_long_as_its_process():
    assert not worker_id.is_dead(worker_id.new_owner())
    child, owner = _elsewhere()
    assert not worker_id.is_dead(owner)
    child.communicate("\n")
    assert worker_id.is_dead(owner)


@pytest.mark.parametrize("owner", ["", "worker-1", "a-b-c", "other-boot-4026531836-999999999-wrk_1"])
def test_workers_of_other_machines_are_judged_by_their_lease(owner: str):
    assert not worker_id.is_dead(owner)


def test_a_machine_without_a_boot_id_takes_no_worker_for_dead(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> str:
        raise OSError

    monkeypatch.setattr("pathlib.Path.read_text", refuse)
    owner = worker_id.new_owner()
    assert str(os.getpid()) in owner
    assert not worker_id.is_dead(owner)
