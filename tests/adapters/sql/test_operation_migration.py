"""Migration 0007: operations of the release before it keep their place in the queue, on both databases."""

from collections.abc import Callable, Iterator

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, text

from domain.adapters.sql.engines import connect
from domain.adapters.sql.schema import upgrade
from domain.ports.store import Store
from tests.adapters.sql.entities import NOW, after

COLUMNS = (
    "id, kind, service_id, created_at, status, options, progress, steps, cancel_requested, past_return, attempts,"
    " revision, lease_owner, lease_until"
)
STEPS = '[{"name":"pulling","started_at":"2026-11-23T12:00:00Z","finished_at":null}]'


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engines = connect(url)
    yield engines.write
    engines.close()


def _migrate_to_0006(engine: Engine) -> None:
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", "domain.adapters.sql:migrations")
        command.upgrade(config, "0006")


def _insert(engine: Engine, **row: object) -> None:
    known: dict[str, object] = {
        "kind": "deploy",
        "service_id": "svc_1",
        "created_at": NOW.replace(tzinfo=None),
        "status": "queued",
        "options": "{}",
        "progress": 0,
        "steps": "[]",
        "cancel_requested": False,
        "past_return": False,
        "attempts": 0,
        "revision": 1,
        "lease_owner": None,
        "lease_until": None,
    }
    names = COLUMNS.split(", ")
    values = ", ".join(f":{name}" for name in names)
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO operations ({COLUMNS}) VALUES ({values})"), known | row)


def test_queued_running_and_ended_operations_keep_their_place_and_their_options(
    engine: Engine, open_again: Callable[[], Store]
):
    _migrate_to_0006(engine)
    _insert(engine, id="op_1", status="failed", options='{"owes_undo":true,"before":"running"}')
    running = '{"touched_old":true,"before":"running"}'
    lapsed = after(seconds=-5).replace(tzinfo=None)
    fields = {"steps": STEPS, "lease_owner": "worker", "lease_until": lapsed, "past_return": True, "attempts": 1}
    _insert(engine, id="op_2", status="running", options=running, **fields)
    _insert(engine, id="op_3", kind="stop", options='{"grace":2.5}')
    _insert(engine, id="op_4", kind="delete", service_id="svc_2", options='{"volumes":"keep"}')
    upgrade(engine)
    store = open_again()
    with store.read() as work:
        ended, interrupted, stop = (work.operations.get(each) for each in ("op_1", "op_2", "op_3"))
    assert ended
    assert interrupted
    assert stop
    assert ended.options == {"undo_pending": True, "status_before": "running"}
    assert interrupted.options == {"old_version_stopped": True, "status_before": "running"}
    assert (interrupted.irreversible, [step.name for step in interrupted.steps]) == (True, ["pulling"])
    assert (stop.resource_type, stop.resource_id, stop.lock_key) == ("service", "svc_1", "svc_1")
    assert stop.options == {"grace": 2.5}
    with store.begin() as work:
        claimed = [work.operations.claim("new", NOW, after(seconds=10)) for _ in range(3)]
    assert [each and each.id for each in claimed] == ["op_2", "op_4", None]
