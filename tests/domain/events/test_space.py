"""What services that are created, deployed twice and deleted leave in the database."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from domain import events
from domain.adapters.sql import event_blocks
from domain.events import stream
from domain.ports import Ports
from tests.flow import Flow

ROUNDS = 20
MAX_BYTES = 8000  # a round: 2,200 over many rounds, and pages that are partly filled; uncompressed, it is 18,800


def test_a_deleted_service_leaves_little_in_the_database(ports: Ports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stream, "_UNCOMPRESSED", 1)
    _run_rounds(ports)
    monkeypatch.setattr(event_blocks, "SIZE", events.latest(ports) - 1)
    assert events.compress_old(ports)
    before = _used_bytes(tmp_path / "panel.db")
    _run_rounds(ports)
    assert events.compress_old(ports)
    assert (_used_bytes(tmp_path / "panel.db") - before) / ROUNDS < MAX_BYTES


def _run_rounds(ports: Ports) -> None:
    flow = Flow(ports)
    for _ in range(ROUNDS):
        service_id = flow.running()
        flow.redeploy(service_id)
        flow.delete(service_id)
        flow.work()


def _used_bytes(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - free) * size)
