"""ETag, If-None-Match and If-Match over HTTP, and dry runs."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from domain import services
from domain.identity.authenticator import Authenticator
from domain.model.service import Health, ServiceStatus, Usage
from domain.work import queue
from handlers.openapi31.operations import Operation
from tests.calls import (
    OPERATIONS,
    READS,
    Targets,
    body,
    create_targets,
    error,
    find_operation,
    operations_with_parameter,
    prepare_targets,
    tables,
)
from tests.panel import Panel

READING = operations_with_parameter("If-None-Match", "header")
CHANGING = operations_with_parameter("If-Match", "header")
TRYING = operations_with_parameter("dry_run")
STALE = '"999"'


def _if_none_match(tag: str) -> dict[str, dict[str, str]]:
    return {"headers": {"If-None-Match": tag}}


def _if_match(tag: str) -> dict[str, dict[str, str]]:
    return {"headers": {"If-Match": tag}}


# ── If-None-Match ────────────────────────────────────────────────────────────────────────────────


def test_every_single_read_and_no_other_carries_an_etag(panel: Panel) -> None:
    made, tagged = create_targets(panel), set()
    for operation in (one for one in OPERATIONS if one.method == "GET"):
        if "etag" in made.send(panel, operation).headers:
            tagged.add(operation.operation_id)
    assert tagged == {one.operation_id for one in READING}


def test_a_representation_that_the_client_has_returns_304(panel: Panel) -> None:
    made = create_targets(panel)
    for operation in READING:
        tag = made.send(panel, operation).headers["etag"]
        for given in (tag, f"W/{tag}", f'"other", {tag}', f'"a",W/{tag}, "b"', "*"):
            for method in ("GET", "HEAD"):
                unchanged = made.send(panel, operation, method=method, **_if_none_match(given))
                assert (unchanged.status_code, unchanged.content) == (304, b""), f"{operation.operation_id} {given}"
                assert unchanged.headers["etag"] == tag
                assert "content-type" not in unchanged.headers


def test_every_other_representation_is_sent(panel: Panel) -> None:
    made = create_targets(panel)
    for operation in READING:
        tag = made.send(panel, operation).headers["etag"]
        for given in ('""', '"other"', f'"x{tag[1:]}', f'{tag[:-1]}x"', 'W/"other"', '"*"'):
            assert made.send(panel, operation, **_if_none_match(given)).status_code == 200, operation.operation_id


def test_a_malformed_if_none_match_matches_nothing(panel: Panel) -> None:
    made = create_targets(panel)
    for operation in READING:
        bare = made.send(panel, operation).headers["etag"].strip('"')
        for given in ("0", bare, f"W/{bare}", f'"{bare}', f'{bare}"', "W/", "**", '*, "7"', "*,"):
            assert made.send(panel, operation, **_if_none_match(given)).status_code == 200, (
                f"{operation.operation_id} {given}"
            )


def test_an_etag_reveals_nothing_to_callers_without_permission(panel: Panel) -> None:
    made = create_targets(panel, "cust_a")
    stranger, nobody = panel.key("customer", "cust_b"), panel.key("viewer", denied_permissions=("services.read",))
    assert made.send(panel, find_operation("get_service"), key=stranger, **_if_none_match("*")).status_code == 404
    assert made.send(panel, find_operation("get_service"), key=nobody, **_if_none_match("*")).status_code == 403
    assert Targets().send(panel, find_operation("get_service"), **_if_none_match("*")).status_code == 404


LIVE = ("resources", "health")


def _responses(panel: Panel, made: Targets) -> dict[str, tuple[str, Any]]:
    """Return what a caller sees now and its ETag, by operation, without live metrics."""
    seen = {}
    for name in READS:
        answered = made.send(panel, find_operation(name))
        if answered.is_success:
            shown = {field: value for field, value in answered.json().items() if field not in LIVE}
            seen[name] = (answered.headers["etag"], shown)
    return seen


def _assert_etags_follow_changes(panel: Panel, made: Targets, acts: list[Callable[[], object]]) -> None:
    known: dict[tuple[str, str], Any] = {}
    for act in acts:
        act()
        for name, (tag, shown) in _responses(panel, made).items():
            assert known.setdefault((name, tag), shown) == shown, f"{name} changed under its tag {tag}"


def test_every_visible_change_changes_the_etag(panel: Panel) -> None:
    made = create_targets(panel)
    service, key = f"/services/{made.ids['service_id']}", f"/v1/api-keys/{made.ids['api_key_id']}"
    acts: list[Callable[[], object]] = [
        lambda: panel.patch(service, {"labels": {"team": "sales"}}),
        lambda: panel.patch(f"{service}/env", {"variables": {"A": "1"}}),
        lambda: panel.post(f"{service}/deploy"),
        panel.work,
        lambda: panel.post(f"{service}/stop"),
        panel.work,
        lambda: panel.post(f"{service}/start"),
        panel.work,
        lambda: panel.post(f"{service}/restart"),
        panel.work,
        lambda: panel.put(f"{service}/scale", {"replicas": 2}),
        panel.work,
        lambda: panel.post(f"{service}/rollback"),
        panel.work,
        lambda: panel.patch(service, {"image": "shop/web:2"}),
        lambda: panel.post(f"{service}/deploy"),
        lambda: panel.post(f"/operations/{panel.get('/operations').json()['data'][0]['id']}/cancel"),
        panel.work,
        lambda: panel.put(f"{service}/env", {"variables": {"B": "1"}}),
        lambda: panel.post(f"{service}/rollback"),
        panel.work,
        lambda: panel.patch(key, {"name": "renamed"}),
        lambda: panel.post(f"{key}/rotate", {"overlapSeconds": 60}),
        lambda: _request_deletion(panel, made),
    ]
    _assert_etags_follow_changes(panel, made, acts)


def _request_deletion(panel: Panel, made: Targets) -> None:
    caller = Authenticator(panel.ports).by_api_key(panel.admin, "", "")
    services.delete_service(panel.ports, caller, made.ids["service_id"])


def test_the_end_of_an_operation_changes_the_etag_of_its_service(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    made, seen = create_targets(panel), []
    finish = queue.finish

    def finish_and_read(*given: Any) -> None:
        finish(*given)
        with ThreadPoolExecutor(1) as elsewhere:
            seen.append(elsewhere.submit(made.send, panel, find_operation("get_service")).result())

    panel.post(f"/services/{made.ids['service_id']}/restart")
    with monkeypatch.context() as watched:
        watched.setattr(queue, "finish", finish_and_read)
        panel.work()
    after = made.send(panel, find_operation("get_service"))
    assert seen[0].json()["operation_id"] is not None
    assert after.json()["operation_id"] is None
    assert after.headers["etag"] != seen[0].headers["etag"]


def test_the_progress_of_a_deployment_changes_its_etag_and_its_operations(panel: Panel) -> None:
    made = create_targets(panel)
    queued = panel.post(f"/services/{made.ids['service_id']}/deploy").json()
    made.ids |= {"deployment_id": queued["id"], "operation_id": queued["operation_id"]}
    steps: list[Callable[[], object]] = [
        lambda: None,
        lambda: panel.post(f"/services/{made.ids['service_id']}/deploy"),
        panel.work,
    ]
    _assert_etags_follow_changes(panel, made, steps)


def test_live_figures_do_not_change_an_etag(panel: Panel) -> None:
    made = create_targets(panel)
    before = made.send(panel, find_operation("get_service"))
    health = Health("healthy", panel.ports.clock.now(), 3)
    with panel.ports.store.begin() as work:
        work.services.observe(made.ids["service_id"], ServiceStatus.RUNNING, health, Usage(1.5, 99, 7))
    after = made.send(panel, find_operation("get_service"))
    assert after.json()["resources"]["memory_usage_mb"] == 99
    assert after.json()["health"]["consecutive_failures"] == 3
    assert after.headers["etag"] == before.headers["etag"]


def test_using_a_key_does_not_change_its_etag(panel: Panel) -> None:
    made = panel.post("/v1/api-keys", {"name": "used", "role": "viewer"})
    path = f"/v1/api-keys/{made.json()['id']}"
    panel.get("/roles", key=made.json()["key"])
    with panel.ports.store.begin() as work:
        work.api_keys.record_use(made.json()["id"], panel.ports.clock.now(), "192.0.2.1", 5)
    read = panel.get(path)
    assert (read.json()["requestCount"], read.headers["etag"]) == (5, made.headers["etag"])


# ── If-Match ─────────────────────────────────────────────────────────────────────────────────────

READER = {
    operation.operation_id: f"get_{operation.operation_id.partition('_')[2].removeprefix('customer_')}"
    for operation in CHANGING
} | {"upload_certificate": "get_domain", "update_volume": "update_volume", "delete_volume": "update_volume"}
"""The operation that returns what an operation changes: `get_plan` for `update_plan` and `get_user` for a customer's.

No operation reads a single volume: its ETag comes with each response to an update.
"""


def _current_etag(panel: Panel, made: Targets, name: str) -> str:
    """Return the ETag of what the operation with this name changes."""
    options = {"json": {"read_only": True}} if READER[name] == "update_volume" else {}
    return str(made.send(panel, find_operation(READER[name]), **options).headers["etag"])


def test_every_change_in_place_takes_if_match() -> None:
    changing = {operation.operation_id for operation in OPERATIONS if operation.method in {"PUT", "PATCH", "DELETE"}}
    # What changes by nothing but its use has no ETag.
    unread = {"revoke_session", "revoke_other_sessions", "delete_deploy_hook"}
    assert READER.keys() == changing - unread


@pytest.mark.parametrize("operation", CHANGING, ids=lambda one: one.operation_id)
def test_a_change_with_a_stale_etag_is_refused(panel: Panel, operation: Operation) -> None:
    made = create_targets(panel)
    current = _current_etag(panel, made, operation.operation_id)
    before = tables(panel)
    other = (STALE, '""', f"W/{current}", f'W/{current}, "x"', f'{STALE}, "998"', f'"{current[1:-1]}0"')
    malformed = ("0", current[1:-1], current[:-1], f"{current} {current}", f"{current},", f"*, {current}", "**")
    for stale in (*other, *malformed):
        refused = made.send(panel, operation, **_if_match(stale))
        assert (refused.status_code, error(refused)["code"]) == (412, "stale"), stale
    assert tables(panel) == before


@pytest.mark.parametrize("operation", CHANGING, ids=lambda one: one.operation_id)
@pytest.mark.parametrize("given", ["{}", "*", '"x", {}', '{},"y"'])
def test_a_change_with_the_current_etag_is_made(panel: Panel, operation: Operation, given: str) -> None:
    made = create_targets(panel)
    current = _current_etag(panel, made, operation.operation_id)
    changed = made.send(panel, operation, **_if_match(given.format(current)))
    assert changed.is_success, changed.text
    if operation.method == "PATCH":
        assert made.send(panel, operation, **_if_match(current)).status_code == 412
        assert made.send(panel, operation, **_if_match(changed.headers["etag"])).is_success


def test_if_match_on_an_unknown_resource_returns_404(panel: Panel) -> None:
    for operation in CHANGING:
        for given in ("*", STALE):
            assert Targets().send(panel, operation, **_if_match(given)).status_code == 404, operation.operation_id


@pytest.mark.parametrize("name", ["update_api_key", "update_environment", "update_service", "replace_environment"])
def test_of_two_changes_of_one_revision_one_is_refused(panel: Panel, name: str) -> None:
    made, operation = create_targets(panel), find_operation(name)
    for _ in range(4):
        tag = _current_etag(panel, made, name)
        with ThreadPoolExecutor(4) as pool:
            asked = [pool.submit(made.send, panel, operation, **_if_match(tag)) for _ in range(4)]
            statuses = sorted(one.result().status_code for one in asked)
        assert statuses == [200, 412, 412, 412]


def test_a_rollback_gives_the_environment_a_new_etag(panel: Panel) -> None:
    service = f"/services/{panel.service(variables={'A': '1'})['id']}"
    panel.patch(f"{service}/env", {"variables": {"A": "2"}})
    panel.post(f"{service}/deploy")
    panel.work()
    seen = panel.get(f"{service}/env")
    panel.post(f"{service}/rollback")
    now = panel.get(f"{service}/env")
    assert now.json()["variables"] == [{"name": "A", "value": "1", "secret": False}]
    assert now.json()["version"] > seen.json()["version"]
    lost = panel.patch(f"{service}/env", {"variables": {"B": "1"}}, **_if_match(seen.headers["etag"]))
    assert lost.status_code == 412


# ── dry_run ──────────────────────────────────────────────────────────────────────────────────────


def _world(panel: Panel) -> tuple[object, ...]:
    runtime: Any = panel.ports.runtime
    engine = (runtime.containers({}), runtime.networks({}), runtime.volumes({}), dict(runtime._local))
    return tables(panel), engine, panel.ports.router.routes()


def test_operations_that_create_deploy_or_change_have_dry_runs() -> None:
    assert {one.operation_id for one in TRYING} == {
        "create_domain",
        "create_registry",
        "create_service",
        "create_subscription",
        "create_template",
        "delete_service",
        "deploy_service",
        "deploy_template",
        "replace_environment",
        "restart_service",
        "rollback_service",
        "scale_service",
        "start_service",
        "stop_service",
        "update_environment",
        "update_plan",
        "update_service",
        "update_subscription",
    }


@pytest.mark.parametrize("operation", TRYING, ids=lambda one: one.operation_id)
def test_a_dry_run_describes_its_changes_and_leaves_everything_as_it_was(panel: Panel, operation: Operation) -> None:
    made, example = prepare_targets(panel, operation), body(operation, panel)
    options, before = {} if example is None else {"json": example}, _world(panel)
    keys = {"Idempotency-Key": "k"} if operation.method == "POST" else {}
    for headers in ({}, keys, keys):
        answered = made.send(panel, operation, query="dry_run=true", headers=headers, **options)
        assert answered.status_code in _successes(operation), answered.text
        assert "location" not in answered.headers
        assert answered.json()["dry_run"]["dry_run"] is True
        assert answered.json()["dry_run"]["changes"]
    panel.work()
    assert _world(panel) == before
    example = body(operation, panel)
    real = made.send(panel, operation, headers=keys, **({} if example is None else {"json": example}))
    assert real.status_code in _successes(operation)
    assert not real.content or answered.json().keys() - real.json().keys() == {"dry_run"}, "the same schema"
    assert _world(panel) != before


def _successes(operation: Operation) -> list[int]:
    """Return the statuses of the request itself; a deletion that is not awaited returns 202."""
    documented = [int(status) for status in operation.responses if status.startswith("2")]
    return documented if operation.method == "DELETE" else documented[:1]


@pytest.mark.parametrize("operation", TRYING, ids=lambda one: one.operation_id)
def test_a_request_and_its_dry_run_have_one_success_with_a_body(operation: Operation) -> None:
    bodies = [status for status, response in operation.responses.items() if status[0] == "2" and response.content]
    assert len(bodies) == 1, "generated clients return the type of the first"


def test_an_accepted_dry_run_of_a_scaled_service_names_no_deployment(panel: Panel) -> None:
    path = f"/services/{panel.service()['id']}"
    assert panel.put(f"{path}/scale?dry_run=1", {"replicas": 2}).json()["deployment_id"] is None


@pytest.mark.parametrize("value", ["true", "True", "TRUE", "1"])
@pytest.mark.parametrize("off", ["false", "False", "FALSE", "0"])
def test_dry_run_takes_the_spellings_of_every_language(panel: Panel, value: str, off: str) -> None:
    new = {"name": "web", "deploy_method": "image", "image": "ai-admin-panel/hello:1"}
    assert "dry_run" in panel.post(f"/services?dry_run={value}", new).json()
    assert "dry_run" not in panel.post(f"/services?dry_run={off}", new).json()


@pytest.mark.parametrize("operation", TRYING, ids=lambda one: one.operation_id)
def test_a_dry_run_is_refused_as_the_request_itself_would_be(panel: Panel, operation: Operation) -> None:
    made, viewer = prepare_targets(panel, operation), panel.key("viewer")
    assert made.send(panel, operation, query="dry_run=true", key=viewer).status_code == 403
    if "service_id" in operation.path or "template_id" in operation.path:
        assert Targets().send(panel, operation, query="dry_run=true").status_code == 404
    if operation.body:
        refused = made.send(panel, operation, query="dry_run=true", json={"nonsense": 1})
        assert refused.status_code == 422
    if operation in CHANGING:
        assert made.send(panel, operation, query="dry_run=true", **_if_match(STALE)).status_code == 412


def test_a_dry_run_refuses_a_taken_name(panel: Panel) -> None:
    panel.service("web")
    new = {"name": "web", "deploy_method": "image", "image": "ai-admin-panel/hello:1"}
    for dry_run in ("true", "false"):
        refused = panel.post(f"/services?dry_run={dry_run}", new)
        assert (refused.status_code, error(refused)["code"]) == (409, "name_taken")
