"""Searches of services find what has the text in its name, and nothing else, however the database gets there."""

import random
from collections.abc import Iterator
from contextlib import closing
from uuid import uuid4

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import insert, text

from domain import errors
from domain.adapters.sql import search
from domain.adapters.sql.engines import connect
from domain.adapters.sql.repositories.services import services
from domain.adapters.sql.store import open_store
from domain.model.service import Service
from domain.ports.store import Query, Store
from domain.ports.vault import Vault
from tests.adapters.sql.conftest import postgres_server
from tests.adapters.sql.entities import service


def _found(store: Store, asked: str) -> list[str]:
    with store.read() as work:
        page = work.services.page(Query(search=asked, sort="name", descending=False, per_page=1000))
    assert page.total == len(page.items)
    return [each.name for each in page.items]


def _add(store: Store, *services: Service) -> None:
    with store.begin() as work:
        for each in services:
            work.services.add(each)


def _remove(store: Store, *services: Service) -> None:
    with store.begin() as work:
        for each in services:
            work.services.remove(each.id)


def _rename(store: Store, service_id: str, name: str) -> None:
    with store.begin() as work:
        known = work.services.get(service_id)
        assert known is not None
        known.name = name
        work.services.save(known)


@pytest.mark.parametrize("most", [0, 3, 2000])
def test_every_search_finds_what_has_it_whether_few_or_many_do(
    store: Store, monkeypatch: pytest.MonkeyPatch, most: int
):
    monkeypatch.setattr(search, "_MAX_CANDIDATES", most)
    chance = random.Random(7)
    names = sorted({"".join(chance.choices("abC-2%/\"'é", k=chance.randint(1, 9))) for _ in range(80)})
    _add(store, *map(service, names))
    for asked in {name[start : start + chance.randint(1, 6)] for name in names for start in range(len(name))}:
        for spelled in (asked, asked.upper()):
            assert _found(store, spelled) == [name for name in names if asked.lower() in name.lower()], spelled


def test_a_service_is_found_by_the_name_that_it_has_now(store: Store):
    known = service("old-shop")
    _add(store, known)
    _rename(store, known.id, "new-store")
    assert (_found(store, "shop"), _found(store, "store")) == ([], ["new-store"])


def test_namesakes_are_found_until_the_last_of_them_is_removed(store: Store):
    twins = [service("twin-shop", customer_id=f"cust_{number}") for number in (1, 2)]
    _add(store, *twins)
    for left in (1, 0):
        _remove(store, twins[left])
        assert _found(store, "twin") == ["twin-shop"] * left
    _add(store, twins[0])
    assert _found(store, "twin") == ["twin-shop"]


def test_what_was_refused_or_only_tried_is_not_found(store: Store):
    _add(store, service("shop"))
    with pytest.raises(errors.Conflict):
        _add(store, service("shop-two"), service("shop"))
    with store.begin(dry_run=True) as work:
        work.services.add(service("shop-three"))
    assert _found(store, "shop") == ["shop"]


def test_names_that_nothing_has_any_more_are_forgotten(sqlite_url: str, vault: Vault):
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


def test_a_database_is_searched_after_it_was_packed_anew(sqlite_url: str, vault: Vault):
    made = [service(f"shop-{number}") for number in range(9)]
    with closing(open_store(sqlite_url, vault)) as store:
        _add(store, *made)
        _remove(store, *made[:5])
        with closing(connect(sqlite_url)) as engines, engines.write.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("VACUUM")
        assert _found(store, "hop-") == [f"shop-{number}" for number in range(5, 9)]
        assert _found(store, "hop-6") == ["shop-6"]


def test_services_from_before_there_was_an_index_are_found(url: str, vault: Vault):
    known = service("veteran")
    with closing(connect(url)) as engines, engines.write.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", "domain.adapters.sql:migrations")
        command.upgrade(config, "0004")
        row = {column.name: getattr(known, column.name) for column in services.columns}
        connection.execute(insert(services), row)
    with closing(open_store(url, vault)) as store:
        assert _found(store, "veter") == ["veteran"]


@pytest.fixture
def database() -> Iterator[str]:
    """A PostgreSQL database of its own, whose owner is an ordinary role of the same name."""
    server, name = postgres_server(), f"test_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN")
        connection.execute(f"CREATE DATABASE {name} OWNER {name}")
        yield server.replace("postgres@/postgres", f"{name}@/{name}")
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        connection.execute(f"DROP ROLE {name}")


@pytest.mark.postgres
@pytest.mark.parametrize("place", ["", "Else where"], ids=["installed by the panel", "put somewhere by its owner"])
def test_an_ordinary_owner_of_a_database_has_its_services_found(database: str, vault: Vault, place: str):
    if place:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(f'CREATE SCHEMA "{place}"')
            connection.execute(f'CREATE EXTENSION pg_trgm SCHEMA "{place}"')
    with closing(open_store(database, vault)) as store:
        _add(store, service("shop"))
        assert _found(store, "hop") == ["shop"]


@pytest.mark.postgres
def test_who_cannot_install_the_extension_is_told_what_to_do(database: str, vault: Vault):
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ALTER SCHEMA public RENAME TO panel")
    with pytest.raises(errors.Unavailable, match=r'"public" does not exist; .* CREATE EXTENSION pg_trgm'):
        open_store(f"{database}&options=-csearch_path=panel", vault)
