"""Make the fixture of a release: the database of a panel that has some of everything, as SQL text.

Run it in a checkout of the release, before the next migration is written:

    PYTHONPATH=. .venv/bin/python tests/adapters/sql/releases/make.py tests/adapters/sql/releases 0.2.0

It writes `0.2.0.sql` (the SQLite database: schema and rows), `0.2.0.key` (the key of its secrets) and `0.2.0.json`
(credentials, the time, and what the API answered about it). `test_releases.py` loads every fixture in this folder.
Never change a fixture: it is what users have. To dump a database of another panel, use `dump(path)` alone.
"""

import json
import re
import shutil
import sqlite3
import sys
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from domain.adapters.memory import Behaviour
from domain.model.sample import Sample
from tests import panel as panels
from tests.panel import Panel

MISSING = "ai-admin-panel/missing:1"
IMAGE = {"deploy_method": "image", "image": "ai-admin-panel/hello:1", "port": 8080}
COMPOSE = """services:
  web:
    image: ai-admin-panel/hello:1
    environment:
      PASSWORD: ${PASSWORD}
"""
MADE_BY_SQLITE = re.compile("sqlite_|service_trigrams_")  # among them the tables behind a virtual table
FILLED_BY_TRIGGERS = {"service_names", "service_trigrams"}


class Crash(BaseException):
    """Ends a worker in the middle of an operation, as a kill would."""


def _fill(panel: Panel) -> dict[str, Any]:
    """Make some of everything; return the credentials that clients hold."""
    viewer, tenant = panel.key("viewer"), panel.key("customer", "cust_1", expires_at=None)
    running = panel.service("running", labels={"team": "shop"})
    _expect(panel.patch(f"/services/{running['id']}", {"resources": {"memory_limit_mb": 128}}))
    panel.work()
    compose = {"name": "compose", "deploy_method": "compose", "compose": COMPOSE, "port": 8080}
    _expect(panel.post("/services", {**compose, "variables": {"LANGUAGE": "en"}, "secrets": {"PASSWORD": "s3cret"}}))
    panel.work()
    stopped = panel.service("stopped")
    _expect(panel.post(f"/services/{stopped['id']}/stop"))
    panel.work()
    panel.ports.runtime.images[MISSING] = Behaviour(exists=False)  # type: ignore[attr-defined]
    panel.service("failed", image=MISSING)
    panel.service("tenants", key=tenant)
    removed = panel.service("removed")
    _expect(panel.delete(f"/services/{removed['id']}"))
    _add_samples(panel, running["id"])
    key = {"Idempotency-Key": "create-once"}
    created = _expect(panel.post("/services", {"name": "once", **IMAGE}, headers=key))
    panel.work()
    crashed = _crash(panel, "crashed")
    queued = [
        _expect(panel.post(f"/services/{running['id']}/deploy")),
        _expect(panel.post(f"/services/{stopped['id']}/deploy")),
    ]
    session = panel.session()
    topics = {"topics": [f"service:{running['id']}"]}
    ticket = _expect(panel.post("/ws/tickets", topics, headers=session, key=None))
    return {
        "admin": panel.admin,
        "viewer": viewer,
        "customer": tenant,
        "session": session,
        "running": running["id"],
        "ticket": ticket.json()["ticket"],
        "idempotent": {"body": {"name": "once", **IMAGE}, "headers": key, "response": created.json()},
        "crashed": crashed,
        "queued": [answer.json()["operation_id"] for answer in queued],
    }


def _expect(response: httpx.Response) -> httpx.Response:
    assert response.is_success, response.text
    return response


def _add_samples(panel: Panel, service_id: str) -> None:
    now = panel.ports.clock.now()
    with panel.ports.store.begin() as work:
        work.samples.add([Sample(service_id, now - timedelta(minutes=age), 12.5, 64, 256) for age in (3, 2, 1)])


def _crash(panel: Panel, name: str) -> str:
    """Begin to deploy a service and crash while its container starts; return the operation's id."""
    created = _expect(panel.post("/services", {"name": name, **IMAGE}))

    def crash(*_: object) -> None:
        raise Crash

    start = panel.ports.runtime.start
    panel.ports.runtime.start = crash  # type: ignore[method-assign]
    with suppress(Crash):
        panel.work()
    panel.ports.runtime.start = start  # type: ignore[method-assign]
    return str(created.json()["operation_id"])


def _responses(panel: Panel) -> dict[str, Any]:
    """Return what the API answers about everything that is stored, by path."""
    paths = ["/services?per_page=100&sort=name", "/deployments?per_page=100", "/operations?per_page=100"]
    listed = {path: panel.get(path).json() for path in paths}
    services, deployments, _ = ([item["id"] for item in page["data"]] for page in listed.values())
    paths = ["/v1/api-keys?per_page=100", "/events?after=0&limit=500"]
    paths += [f"/services/{service_id}/export" for service_id in services]
    paths += [f"/services/{service_id}/env" for service_id in services]
    paths += [f"/deployments/{deployment_id}" for deployment_id in deployments]
    paths += [f"/deployments/{deployment_id}/logs" for deployment_id in deployments]
    return listed | {path: panel.get(path).json() for path in paths}


def dump(database: Path) -> str:
    """Return the SQL text of a SQLite database: its schema, and its rows in the order of their keys."""
    with closing(sqlite3.connect(database)) as connection:
        # Which machine a worker ran on belongs to no fixture.
        connection.execute("UPDATE operations SET lease_owner = 'worker-1' WHERE lease_owner IS NOT NULL")
        objects = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")
        schema = [(kind, name, sql) for kind, name, sql in objects if not MADE_BY_SQLITE.match(name)]
        tables = [name for kind, name, _ in schema if kind == "table" and name not in FILLED_BY_TRIGGERS]
        rows = [row for table in tables for row in _rows(connection, table)]
    return "".join(f"{statement};\n" for statement in [*(sql for _, _, sql in schema), *rows])


def _rows(connection: sqlite3.Connection, table: str) -> list[str]:
    columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
    key = ", ".join(column[1] for column in columns if column[5]) or columns[0][1]
    values = " || ', ' || ".join(f'quote("{column[1]}")' for column in columns)
    rows = connection.execute(f"SELECT {values} FROM {table} ORDER BY {key}").fetchall()
    return [f"INSERT INTO {table} VALUES ({row})" for (row,) in rows]


def main(folder: Path, release: str) -> None:
    """Write the fixture of a release into a folder."""
    with TemporaryDirectory() as data:
        with panels.running(Path(data)) as panel:
            known = _fill(panel)
            known = {"at": panel.ports.clock.now().isoformat(), **known, "responses": _responses(panel)}
        (folder / f"{release}.sql").write_text(dump(Path(data) / "panel.db"))
        shutil.copyfile(Path(data) / "secrets.key", folder / f"{release}.key")
    (folder / f"{release}.json").write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
