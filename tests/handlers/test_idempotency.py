"""Idempotency-Key over HTTP: every operation that takes one has one effect and one response, even after a crash."""

import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from handlers.openapi31.operations import Operation
from tests.calls import OPERATIONS, Targets, body, error, operations_with_parameter, prepare_targets, tables
from tests.conformance import CANARY
from tests.operation_data import declared_operations, operation_data
from tests.panel import Panel, start_panel

WITH_IDEMPOTENCY_KEY = operations_with_parameter("Idempotency-Key", "header")
# Logout has no effect for a key, and a session that logs out cannot repeat the request.
REPEATABLE = [operation for operation in WITH_IDEMPOTENCY_KEY if operation.operation_id != "logout"]
NEW = {"name": "web", "deploy_method": "image", "image": "ai-admin-panel/hello:1"}


def _key(text: str) -> dict[str, dict[str, str]]:
    return {"headers": {"Idempotency-Key": text}}


def _comparable(response: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    varying = {"x-request-id", "x-ratelimit-remaining", "x-ratelimit-reset"}
    headers = {name: value for name, value in response.headers.items() if name not in varying}
    return response.status_code, response.content, headers


def _without_claims(panel: Panel) -> dict[str, list[str]]:
    return {name: rows for name, rows in tables(panel).items() if name != "idempotency"}


def test_every_post_with_an_effect_takes_a_key() -> None:
    without = {operation.operation_id for operation in OPERATIONS if operation.method == "POST"} - {
        operation.operation_id for operation in WITH_IDEMPOTENCY_KEY
    }
    assert without == {name for name, data in declared_operations().items() if not data.has_effect}
    assert {operation.method for operation in WITH_IDEMPOTENCY_KEY} == {"POST"}


def _example(panel: Panel, operation: Operation) -> tuple[Targets, dict[str, object]]:
    example = body(operation, panel)
    return prepare_targets(panel, operation), {} if example is None else {"json": example}


@pytest.mark.parametrize("operation", REPEATABLE, ids=lambda operation: operation.operation_id)
def test_a_repeated_request_gets_the_same_response_and_has_one_effect(panel: Panel, operation: Operation) -> None:
    made, sent = _example(panel, operation)
    first = made.send(panel, operation, **_key("k"), **sent)
    assert first.is_success, first.text
    after = _without_claims(panel)
    assert _comparable(made.send(panel, operation, **_key("k"), **sent)) == _comparable(first)
    assert _without_claims(panel) == after
    panel.work()
    later = _without_claims(panel)
    assert _comparable(made.send(panel, operation, **_key("k"), **sent)) == _comparable(first)
    assert _without_claims(panel) == later


@pytest.mark.parametrize("operation", REPEATABLE, ids=lambda operation: operation.operation_id)
def test_twenty_parallel_requests_get_one_response_and_have_one_effect(panel: Panel, operation: Operation) -> None:
    made, sent = _example(panel, operation)
    before = {name: len(rows) for name, rows in tables(panel).items()}
    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(made.send, panel, operation, **_key("k"), **sent) for _ in range(20)]
        answers = [one.result() for one in asked]
    assert {answer.status_code for answer in answers} <= {200, 201, 202}, answers[0].text
    assert len({repr(_comparable(answer)) for answer in answers}) == 1
    grown = {name: len(rows) - before[name] for name, rows in tables(panel).items() if len(rows) > before[name]}
    assert grown.pop("idempotency") == 1
    progress = 5 if operation_data(operation.operation_id).needs_worker else 0
    assert grown.pop("events", 0) <= len(("service", "operation", "deployment")) + progress, (
        "each change is reported once"
    )
    assert set(grown.values()) <= {1}, grown


@pytest.mark.parametrize("operation", REPEATABLE, ids=lambda operation: operation.operation_id)
def test_the_same_key_for_another_request_is_refused(panel: Panel, operation: Operation) -> None:
    made, sent = _example(panel, operation)
    assert made.send(panel, operation, **_key("k"), **sent).is_success
    after = tables(panel)
    other: list[httpx.Response] = []
    other_body = operation_data(operation.operation_id).other_body
    if other_body is not None:
        other.append(made.send(panel, operation, **_key("k"), json=other_body))
    if "dry_run" in {parameter.name for parameter in operation.parameters}:
        other.append(made.send(panel, operation, query="dry_run=true", **_key("k"), **sent))
    another = next(one for one in REPEATABLE if one is not operation)
    other.append(made.send(panel, another, **_key("k")))
    refused = {(one.status_code, error(one)["code"]) for one in other}
    assert refused == {(409, "idempotency_mismatch")}
    assert tables(panel) == after


@pytest.mark.parametrize("operation", WITH_IDEMPOTENCY_KEY, ids=lambda operation: operation.operation_id)
def test_a_key_of_another_operation_is_refused(panel: Panel, operation: Operation) -> None:
    other, key = next(one for one in REPEATABLE if one is not operation), _key(f"not-of-{operation.operation_id}")
    assert prepare_targets(panel, other).send(panel, other, **key).is_success
    refused = prepare_targets(panel, operation).send(panel, operation, **key)
    assert (refused.status_code, error(refused)["code"]) == (409, "idempotency_mismatch")


def test_the_same_key_on_another_resource_is_another_request(panel: Panel) -> None:
    one, two = panel.service("one"), panel.service("two")
    assert panel.post(f"/services/{one['id']}/stop", **_key("k")).status_code == 202
    assert error(panel.post(f"/services/{two['id']}/stop", **_key("k")))["code"] == "idempotency_mismatch"


def test_the_order_of_fields_and_white_space_do_not_change_a_request(panel: Panel) -> None:
    first = panel.post("/services", NEW, **_key("k"))
    raw = b'{ "image":"ai-admin-panel/hello:1",\n "deploy_method":"image", "name":"\\u0077eb" }'
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json; charset=utf-8"}
    assert _comparable(panel.post("/services", content=raw, headers=headers)) == _comparable(first)


def test_two_keys_are_two_requests(panel: Panel) -> None:
    new = {"name": "twin", "role": "viewer"}
    one, two = (panel.post("/v1/api-keys", new, **_key(key)).json() for key in ("k", "K"))
    assert one["id"] != two["id"]


def test_an_idempotency_key_belongs_to_its_caller(panel: Panel) -> None:
    callers = [panel.admin, panel.key("admin"), panel.key("customer", "cust_a"), panel.key("customer", "cust_a")]
    made = [
        panel.post("/services", {**NEW, "name": f"web-{number}"}, key=key, **_key("k"))
        for number, key in enumerate(callers)
    ]
    assert [one.status_code for one in made] == [201] * 4
    assert len({one.json()["id"] for one in made}) == 4


def test_a_rotated_api_key_keeps_its_idempotency_keys(panel: Panel) -> None:
    old = panel.key("admin")
    first = panel.post("/services", NEW, key=old, **_key("k"))
    me = panel.get("/auth/me", key=old).json()["id"]
    new = panel.post(f"/v1/api-keys/{me}/rotate").json()["key"]
    assert _comparable(panel.post("/services", NEW, key=new, **_key("k"))) == _comparable(first)


def test_a_refused_request_is_not_stored(panel: Panel) -> None:
    taken = panel.service("taken")
    for refused in (
        panel.post("/services", {**NEW, "name": "taken"}, **_key("k")),
        panel.post("/services", {**NEW, "compose": "x"}, **_key("k")),
        panel.post("/services", {"name": 5}, **_key("k")),
        panel.post("/services?nonsense=1", NEW, **_key("k")),
        panel.post("/services/svc_nowhere/stop", **_key("k")),
    ):
        assert refused.status_code in {400, 404, 409, 422}
    assert panel.post("/services", {**NEW, "name": "free"}, **_key("k")).status_code == 201
    panel.post(f"/services/{taken['id']}/stop", key=panel.key("viewer"), **_key("k"))


def test_a_refused_request_is_evaluated_again_when_repeated(panel: Panel) -> None:
    panel.service("web")
    assert error(panel.post("/services", NEW, **_key("k")))["code"] == "name_taken"
    (existing,) = panel.get("/services").json()["data"]
    panel.delete(f"/services/{existing['id']}")
    assert panel.post("/services", NEW, **_key("k")).status_code == 201


def test_a_stored_response_requires_the_permission_when_repeated(panel: Panel) -> None:
    key = panel.key("admin")
    me = panel.get("/auth/me", key=key).json()["id"]
    assert panel.post("/v1/api-keys", {"name": "x", "role": "viewer"}, key=key, **_key("k")).status_code == 201
    panel.patch(f"/v1/api-keys/{me}", {"deniedPermissions": ["api_keys.write"]})
    assert panel.post("/v1/api-keys", {"name": "x", "role": "viewer"}, key=key, **_key("k")).status_code == 403
    panel.delete(f"/v1/api-keys/{me}")
    assert panel.post("/v1/api-keys", {"name": "x", "role": "viewer"}, key=key, **_key("k")).status_code == 401


def test_a_response_is_repeated_after_its_resource_was_deleted(panel: Panel) -> None:
    first = panel.post("/services", NEW, **_key("k"))
    panel.work()
    panel.delete(f"/services/{first.json()['id']}")
    assert _comparable(panel.post("/services", NEW, **_key("k"))) == _comparable(first)
    assert panel.get("/services").json()["total"] == 0


def test_a_created_key_is_repeated_in_full_and_not_stored_in_plain_text(panel: Panel) -> None:
    new = {"name": "script", "role": "viewer"}
    made = [panel.post("/v1/api-keys", new, **_key("k")).json()["key"] for _ in range(2)]
    made += [panel.post("/v1/api-keys", new, **_key("other")).json()["key"]]
    assert made[0] == made[1] != made[2]
    assert panel.get("/roles", key=made[0]).status_code == 200
    folder = panel.ports.settings.data_dir
    stored = b"".join(file.read_bytes() for file in folder.iterdir() if file.name.startswith("panel.db"))
    for text in made:
        assert text.encode() not in stored
        assert text.partition("_")[2].partition("_")[2].encode() not in stored


def test_secrets_of_a_request_are_not_stored_with_its_idempotency_key(panel: Panel) -> None:
    assert panel.post("/services", {**NEW, "secrets": {"TOKEN": CANARY}}, **_key("k")).status_code == 201
    assert CANARY not in str(tables(panel, audit=True))


# ── Dying between effect and answer ──────────────────────────────────────────────────────────────

CRASHING_PANEL = """
import os, signal, sys
from pathlib import Path
from domain import services
from handlers import idempotency
from tests.panel import start_panel

def crash_around(inner, before):
    def act(*given, **named):
        if not before:
            inner(*given, **named)
        os.kill(os.getpid(), signal.SIGKILL)
    return act

where = {where!r}
with start_panel(Path({folder!r})) as panel:
    print(panel.admin, flush=True)
    if where == "after the effect, before the answer":
        services.create_service = crash_around(services.create_service, before=False)
    else:
        idempotency._unpack = crash_around(idempotency._unpack, before=True)
    panel.post("/services", {new!r}, headers={{"Idempotency-Key": "k"}})
"""


def _run_until_crash(folder: Path, where: str) -> str:
    root = Path(__file__).parents[2]
    code = CRASHING_PANEL.format(folder=str(folder), where=where, new=NEW)
    died = subprocess.run([sys.executable, "-c", code], check=False, cwd=root, capture_output=True, text=True)
    assert died.returncode == -signal.SIGKILL, died.stderr
    return died.stdout.strip()


@pytest.mark.parametrize(
    ("where", "found"), [("after the effect, before the answer", 0), ("after the answer was kept, before it left", 1)]
)
def test_repeating_after_the_panel_was_killed_has_one_effect(tmp_path: Path, where: str, found: int) -> None:
    key = _run_until_crash(tmp_path, where)
    with start_panel(tmp_path) as panel:
        assert panel.get("/services").json()["total"] == found
        answers = [panel.post("/services", NEW, key=key, **_key("k")) for _ in range(2)]
        assert answers[0].status_code == 201
        assert _comparable(answers[0]) == _comparable(answers[1])
        panel.work()
        (service,) = panel.get("/services").json()["data"]
        assert (service["id"], service["status"]) == (answers[0].json()["id"], "running")
        assert panel.get("/operations").json()["total"] == panel.get("/deployments").json()["total"] == 1
        with sqlite3.connect(tmp_path / "panel.db") as raw:
            assert raw.execute("SELECT count(*) FROM idempotency").fetchone() == (1,)
        raw.close()
