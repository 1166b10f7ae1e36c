"""Searches return exactly the services whose name contains the text, with and without the index."""

import random
from collections.abc import Iterator
from contextlib import closing
from uuid import uuid4

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import insert, inspect, text

from domain import errors
from domain.adapters.sql import search
from domain.adapters.sql.engines import connect
from domain.adapters.sql.repositories.services import services
from domain.adapters.sql.store import open_store
from domain.model.service import Service
from domain.ports.repository import Query
from domain.ports.store import Store
from domain.ports.vault import Vault
from tests.adapters.sql.conftest import postgres_server
from tests.adapters.sql.entities import service


def _search(store: Store, part: str) -> list[str]:
    with store.read() as work:
        page = work.services.page(Query(search=part, sort="name", descending=False, per_page=1000))
    assert page.total == len(page.items)
    return [found.name for found in page.items]


def _add(store: Store, *services: Service) -> None:
    with store.begin() as work:
        for new in services:
            work.services.add(new)


def _remove(store: Store, *services: Service) -> None:
    with store.begin() as work:
        for old in services:
            work.services.remove(old.id)


def _rename(store: Store, service_id: str, name: str) -> None:
    with store.begin() as work:
        known = work.services.get(service_id)
        assert known is not None
        known.name = name
        work.services.save(known)


@pytest.mark.parametrize("max_candidates", [0, 3, 2000])
def test_a_search_returns_every_match_whether_they_are_few_or_many(
    store: Store, monkeypatch: pytest.MonkeyPatch, max_candidates: int
):
    monkeypatch.setattr(search, "_MAX_CANDIDATES", max_candidates)
    rng = random.Random(7)
    names = sorted({"".join(rng.choices("abC-2%/\"'é", k=rng.randint(1, 9))) for _ in range(80)})
    _add(store, *map(service, names))
    for part in {name[start : start + rng.randint(1, 6)] for name in names for start in range(len(name))}:
        for spelling in (part, part.upper()):
            assert _search(store, spelling) == [name for name in names if part.lower() in name.lower()], spelling


def test_a_renamed_service_is_found_by_its_new_name_only(store: Store):
    known = service("old-shop")
    _add(store, known)
    _rename(store, known.id, "new-store")
    assert (_search(store, "shop"), _search(store, "store")) == ([], ["new-store"])


def test_services_with_the_same_name_are_found_until_they_are_removed(store: Store):
    namesakes = [service("twin-shop", customer_id=f"cust_{number}") for number in (1, 2)]
    _add(store, *namesakes)
    for left in (1, 0):
        _remove(store, namesakes[left])
        assert _search(store, "twin") == ["twin-shop"] * left
    _add(store, namesakes[0])
    assert _search(store, "twin") == ["twin-shop"]


def test_a_refused_change_and_a_dry_run_leave_nothing_to_find(store: Store):
    _add(store, service("shop"))
    with pytest.raises(errors.Conflict):
        _add(store, service("shop-two"), service("shop"))
    with store.begin(dry_run=True) as work:
        work.services.add(service("shop-three"))
    assert _search(store, "shop") == ["shop"]


def test_names_that_no_service_has_are_removed_from_the_index(sqlite_url: str, vault: Vault):
    made = [service(f"shop-{number}") for number in range(3)]
    with closing(open_store(sqlite_url, vault)) as store:
        _add(store, *made)
        _rename(store, made[0].id, "store")
        _remove(store, *made)
    with closing(connect(sqlite_url)) as engines, engines.write.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM service_names")) == 0
        connection.exec_driver_sql(
            "INSERT INTO service_trigrams (service_trigrams, rank) VALUES ('integrity-check', 1)"
        )


def test_searches_work_after_vacuum(sqlite_url: str, vault: Vault):
    made = [service(f"shop-{number}") for number in range(9)]
    with closing(open_store(sqlite_url, vault)) as store:
        _add(store, *made)
        _remove(store, *made[:5])
        with closing(connect(sqlite_url)) as engines, engines.write.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("VACUUM")
        assert _search(store, "hop-") == [f"shop-{number}" for number in range(5, 9)]
        assert _search(store, "hop-6") == ["shop-6"]


def test_services_that_are_older_than_the_index_are_found(url: str, vault: Vault):
    known = service("veteran")
    with closing(connect(url)) as engines, engines.write.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", "domain.adapters.sql:migrations")
        command.upgrade(config, "0004")
        columns = [column["name"] for column in inspect(connection).get_columns("services")]
        row = {name: getattr(known, name) for name in columns}
        connection.execute(insert(services), row)
    with closing(open_store(url, vault)) as store:
        assert _search(store, "veter") == ["veteran"]


@pytest.fixture
def database() -> Iterator[str]:
    """Create a PostgreSQL database whose owner is an ordinary role of the same name, and return the owner's URL."""
    server, name = postgres_server(), f"test_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN")
        connection.execute(f"CREATE DATABASE {name} OWNER {name}")
        yield server.replace("postgres@/postgres", f"{name}@/{name}")
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        connection.execute(f"DROP ROLE {name}")


@pytest.mark.postgres
@pytest.mark.parametrize(
    "place", ["", "Else where"], ids=["installed by the panel", "installed by the owner in another schema"]
)
def test_searches_work_if_the_database_owner_is_no_superuser(database: str, vault: Vault, place: str):
    if place:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(f'CREATE SCHEMA "{place}"')
            connection.execute(f'CREATE EXTENSION pg_trgm SCHEMA "{place}"')
    with closing(open_store(database, vault)) as store:
        _add(store, service("shop"))
        assert _search(store, "hop") == ["shop"]


@pytest.mark.postgres
def test_an_extension_that_cannot_be_installed_is_reported_with_the_next_step(database: str, vault: Vault):
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ALTER SCHEMA public RENAME TO panel")
    with pytest.raises(errors.Unavailable, match=r'"public" does not exist; .* CREATE EXTENSION pg_trgm'):
        open_store(f"{database}&options=-csearch_path=panel", vault)
