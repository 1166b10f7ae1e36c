"""Fixtures for tests of the store, which run on a new SQLite database and in a new PostgreSQL schema."""

import base64
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest

from domain.adapters.sql.store import open_store
from domain.ports.store import Store


class FakeVault:
    """A vault with a trivial encoding instead of encryption."""

    def encrypt(self, plain: str) -> str:
        return base64.b85encode(plain.encode()[::-1]).decode()

    def decrypt(self, sealed: str) -> str:
        return base64.b85decode(sealed)[::-1].decode()


@pytest.fixture
def vault() -> FakeVault:
    return FakeVault()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/panel.db"


def postgres_server() -> str:
    """Return the URL of a server on which tests may create databases and schemas."""
    server = os.environ.get("PANEL_TEST_POSTGRES", "")
    assert server, "PANEL_TEST_POSTGRES is not set: scripts/postgres starts a server and prints its URL"
    return server


@pytest.fixture
def postgres_url() -> Iterator[str]:
    server = postgres_server()
    schema = f"test_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        yield f"{server}&application_name={schema}&options={quote(f'-csearch_path={schema}')}"
        connection.execute(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def open_again(url: str, vault: FakeVault) -> Iterator[Callable[..., Store]]:
    """Open the same database as another process would."""
    stores: list[Store] = []

    def open_another(notify: Callable[[], None] = lambda: None) -> Store:
        stores.append(open_store(url, vault, notify))
        return stores[-1]

    yield open_another
    for store in stores:
        store.close()


@pytest.fixture
def store(open_again: Callable[[], Store]) -> Store:
    return open_again()
