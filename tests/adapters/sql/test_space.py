"""The file of SQLite gets smaller when rows are removed."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from domain.adapters.sql.store import open_store
from domain.model.definition import Definition
from domain.model.service import DeployMethod, Service
from tests.adapters.sql.conftest import FakeVault

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_pages_of_removed_rows_are_returned_to_the_file_system(tmp_path: Path, sqlite_url: str, vault: FakeVault):
    ids = [f"svc_{number}" for number in range(200)]
    with closing(open_store(sqlite_url, vault)) as store:
        with store.begin() as work:
            for number, service_id in enumerate(ids):
                definition = Definition("x" * 20_000)
                work.services.add(Service(service_id, f"web{number}", DeployMethod.COMPOSE, definition, NOW, NOW))
        with store.begin() as work:
            for service_id in ids:
                work.services.remove(service_id)
        store.release_space()
    assert (tmp_path / "panel.db").stat().st_size < 1_000_000
