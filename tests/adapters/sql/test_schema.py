"""Migrations: they create the schema of the tables, once, even if processes start in parallel."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, text

from domain import errors
from domain.adapters.sql.engines import connect
from domain.adapters.sql.schema import upgrade
from domain.adapters.sql.store import open_store
from domain.adapters.sql.tables import metadata
from domain.ports.vault import Vault


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engines = connect(url)
    yield engines.write
    engines.close()


# Created by migrations only. They are not part of the tables and differ between the databases.
SEARCH = re.compile("service_names|service_trigrams|services_by_trigrams")


@pytest.mark.filterwarnings("ignore:.*expression-based index")
def test_migrations_create_the_schema_of_the_tables(engine: Engine):
    upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_name": lambda name, *_: name is None or not SEARCH.match(name)}
        )
        assert compare_metadata(context, metadata) == []


def test_migrations_create_the_exact_definitions_of_the_tables(engine: Engine):
    """Compare also what compare_metadata ignores: collations, conditions and expressions of indexes, cascades."""
    with engine.begin() as connection:
        metadata.create_all(connection)
    said = _describe(engine)
    with engine.begin() as connection:
        metadata.drop_all(connection)
    upgrade(engine)
    made = [line for line in _describe(engine) if "alembic_version" not in line and not SEARCH.search(line)]
    assert len(said) > 100
    assert made == said


def _describe(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        ask = _sqlite if engine.dialect.name == "sqlite" else _postgresql
        return sorted(ask(connection))


def _sqlite(connection: Connection) -> Iterator[str]:
    for table in connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'")).all():
        for column in connection.execute(text(f"PRAGMA table_info({table})")):
            yield f"{table}: {column[1:]}"
        for key in connection.execute(text(f"PRAGMA foreign_key_list({table})")):
            yield f"{table}: {key}"
    yield from connection.scalars(text("SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"))


def _postgresql(connection: Connection) -> Iterator[str]:
    for query in (
        "SELECT table_name, column_name, data_type, character_maximum_length, collation_name, is_nullable"
        " FROM information_schema.columns WHERE table_schema = current_schema()",
        "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema()",
        "SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = current_schema()::regnamespace",
    ):
        yield from (str(tuple(row)) for row in connection.execute(text(query)))


def test_migrating_a_second_time_changes_nothing(engine: Engine):
    first = upgrade(engine)
    before = _describe(engine)
    assert upgrade(engine) == first
    assert _describe(engine) == before


def test_a_database_of_a_newer_panel_is_refused_and_not_changed(engine: Engine, url: str, vault: Vault):
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(errors.Unavailable, match=r"newer panel made it.*9999"):
        open_store(url, vault)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"


def test_a_failed_migration_is_rolled_back(engine: Engine, url: str, vault: Vault):
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE idempotency (id integer)"))
    before = _describe(engine)
    with pytest.raises(errors.Unavailable, match="idempotency"):
        open_store(url, vault)
    assert _describe(engine) == before


_STARTS = """
import sys
sys.path[:0] = {paths!r}
from tests.adapters.sql.conftest import FakeVault
from domain.adapters.sql.store import open_store
print("ready", flush=True)
sys.stdin.readline()
print(open_store({url!r}, FakeVault()).instance)
"""


def test_processes_that_start_in_parallel_migrate_once(url: str):
    root = Path(__file__).parents[3]
    code = _STARTS.format(paths=[str(root)], url=url)
    started = [
        subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1, stderr=-1, text=True) for _ in range(3)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    ended = [process.communicate(timeout=60) for process in started]
    assert [process.returncode for process in started] == [0] * 3, ended
    assert len({answer for answer, _ in ended}) == 1
