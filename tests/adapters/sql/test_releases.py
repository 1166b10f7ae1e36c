"""A database of every earlier release migrates, and everything in it works on: `releases/` has them, as SQL text."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from anyio.from_thread import start_blocking_portal
from sqlalchemy import Connection, MetaData, create_engine, insert, inspect, select

from domain.adapters import memory
from domain.adapters.sql.engines import connect, lock_schema
from domain.identity.authenticator import Authenticator
from domain.settings import Settings
from handlers import routing, server
from handlers.program.worker import Worker
from tests import fake_ports
from tests.conformance import READ_DOCUMENT
from tests.panel import ORIGIN, Panel

pytestmark = pytest.mark.filterwarnings("ignore:.*expression-based index")  # which reflection does not need

RELEASES = Path(__file__).parent / "releases"
NOT_STORED = {"last_used_at", "last_used_ip", "request_count"}
"""Fields that reading itself changes."""


@pytest.fixture(params=sorted(path.stem for path in RELEASES.glob("*.sql")))
def release(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def known(release: str) -> dict[str, Any]:
    """The release's credentials, ids and responses."""
    return dict(json.loads((RELEASES / f"{release}.json").read_text()))


@pytest.fixture
def panel(url: str, release: str, known: dict[str, Any], tmp_path: Path) -> Iterator[Panel]:
    """A panel of this revision on the database of the release, at the time that it was made."""
    key_file = tmp_path / "secrets.key"
    key_file.write_text((RELEASES / f"{release}.key").read_text())
    key_file.chmod(0o600)
    _load(url, release, tmp_path)
    settings = Settings(data_dir=tmp_path, database_url=url, runtime="memory")
    permissions = routing.operations_by_permission(READ_DOCUMENT)
    clock = memory.Clock(datetime.fromisoformat(known["at"]))
    with (
        fake_ports.open_ports(settings, clock=clock, operations_by_permission=permissions) as ports,
        start_blocking_portal() as portal,
    ):
        yield Panel(ports, server.create(ports), portal, Worker(ports), known["admin"])


def _load(url: str, release: str, folder: Path) -> None:
    if url.startswith("sqlite"):
        _load_sqlite(folder / "panel.db", release)
    else:
        _load_sqlite(folder / "release.db", release)
        _copy_to_postgresql(folder / "release.db", url)


def _load_sqlite(file: Path, release: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript((RELEASES / f"{release}.sql").read_text())


def _copy_to_postgresql(file: Path, url: str) -> None:
    """Migrate to the revision of the file, then insert its rows."""
    source = create_engine(f"sqlite:///{file}")
    with closing(connect(url)) as engines, engines.write.begin() as target, source.connect() as connection:
        lock_schema(target)
        config = Config(attributes={"connection": target})
        config.set_main_option("script_location", "domain.adapters.sql:migrations")
        command.upgrade(config, str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()))
        tables = MetaData()
        tables.reflect(target)
        for table in tables.sorted_tables:
            rows = _rows(connection, table.name) if table.name != "alembic_version" else []
            if rows:
                target.execute(insert(table), rows)
    source.dispose()


def _rows(connection: Connection, table: str) -> list[dict[str, Any]]:
    reflected = MetaData()
    reflected.reflect(connection, only=[table])
    assert inspect(connection).has_table(table)
    rows = connection.execute(select(reflected.tables[table])).mappings()
    return [{name: _with_zone(value) for name, value in row.items()} for row in rows]


def _with_zone(value: object) -> object:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def _stored(response: Any) -> Any:
    """The response without the fields that reading changes."""
    if isinstance(response, dict):
        return {name: _stored(value) for name, value in response.items() if name not in NOT_STORED}
    return [_stored(item) for item in response] if isinstance(response, list) else response


def _known_fields(response: Any, before: Any) -> Any:
    """The fields of a response that the response of the release has: later versions add others."""
    if isinstance(response, dict) and isinstance(before, dict):
        return {name: _known_fields(response[name], before[name]) for name in _stored(before) if name in response}
    if isinstance(response, list) and isinstance(before, list) and len(response) == len(before):
        return [_known_fields(item, known) for item, known in zip(response, before, strict=True)]
    return response


def _rename(fields: Any, names: dict[str, str]) -> Any:
    """The fields with the names that they have since 0.2.0, at any depth."""
    if isinstance(fields, dict):
        return {names.get(name, name): _rename(value, names) for name, value in fields.items()}
    return [_rename(item, names) for item in fields] if isinstance(fields, list) else fields


def test_every_response_of_the_release_is_the_same_after_migration(panel: Panel, known: dict[str, Any]):
    for path, response in known["responses"].items():
        renamed = {"health_check": "healthcheck", **({"failure": "failure_code"} if path.startswith("/events") else {})}
        before = _rename(response, renamed)
        assert _known_fields(panel.get(path).json(), before) == _stored(before), path


def test_secrets_are_decrypted_with_the_key_file_of_the_release(panel: Panel):
    service = panel.get("/services?search=compose").json()["data"][0]
    revealed = panel.post(f"/services/{service['id']}/env/reveal", {"names": ["PASSWORD"]}).json()
    assert revealed["values"] == {"PASSWORD": "s3cret"}


def test_keys_sessions_and_tickets_still_authenticate(panel: Panel, known: dict[str, Any]):
    roles = [panel.get("/auth/me", key=known[name]).json()["role"] for name in ("admin", "viewer", "customer")]
    assert roles == ["admin", "viewer", "customer"]
    assert panel.get("/auth/me", key=None, headers=known["session"]).status_code == 200
    _, topics = Authenticator(panel.ports).by_ticket(known["ticket"], ORIGIN, "127.0.0.1", "req_1")
    assert topics == (f"service:{known['running']}",)


def test_a_request_with_an_idempotency_key_of_the_release_gets_its_response(panel: Panel, known: dict[str, Any]):
    """The response is that of the release: it lacks fields that its document did not have."""
    idempotent = known["idempotent"]
    headers = {"Authorization": f"Bearer {panel.admin}", **idempotent["headers"]}
    repeated = panel.portal.call(panel._send, "POST", "/api/services", headers, {"json": idempotent["body"]})
    assert (repeated.status_code, repeated.json()) == (201, idempotent["response"])


def test_samples_are_still_there(panel: Panel, known: dict[str, Any]):
    with panel.ports.store.read() as work:
        samples = work.samples.between(known["running"], datetime(2026, 1, 1, tzinfo=UTC), panel.ports.clock.now())
    assert [(sample.cpu, sample.memory_mb) for sample in samples] == [(12.5, 64)] * 3


def _keep_images(panel: Panel, known: dict[str, Any]) -> None:
    """Let the engine have the images that the release pulled, by their digests."""
    for path, response in known["responses"].items():
        for image in response.get("images") or () if path.startswith("/deployments/") else ():
            panel.ports.runtime._local[image["digest"]] = memory.Behaviour(ports=(8080,))


def test_a_worker_ends_queued_and_interrupted_operations(panel: Panel, known: dict[str, Any]):
    last = panel.get("/events?after=0&limit=500").json()["latest"]
    _keep_images(panel, known)
    panel.ports.clock.sleep(60)
    panel.work()
    for operation_id in [known["crashed"], *known["queued"]]:
        operation = panel.get(f"/operations/{operation_id}").json()
        assert operation["status"] == "succeeded", operation["failure"]
    statuses = {service["name"]: service["status"] for service in panel.get("/services?per_page=100").json()["data"]}
    assert {statuses[name] for name in ("crashed", "running", "stopped")} == {"running"}
    added = panel.get(f"/events?after={last}&limit=500").json()["data"]
    assert [event["seq"] for event in added] == list(range(last + 1, last + 1 + len(added)))
