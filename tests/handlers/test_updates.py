"""Updates of services over HTTP: what a merge patch changes and what it restarts."""

from typing import Any

import pytest

from tests.panel import Panel

COMPOSE = """\
services:
  db: {image: 'shop/db:1', volumes: ['data:/data']}
  web:
    image: shop/web:1
    expose: [8080]
    depends_on: [db]
    deploy: {resources: {limits: {memory: 32M}}}
volumes: {data: }
"""


def _compose(panel: Panel, **fields: Any) -> str:
    body = {"name": "shop", "deploy_method": "compose", "compose": COMPOSE, **fields}
    service_id: str = panel.post("/services", body).json()["id"]
    panel.work()
    return f"/services/{service_id}"


def _made(panel: Panel, **fields: Any) -> str:
    return f"/services/{panel.service(**fields)['id']}"


def _settled(panel: Panel, path: str) -> dict[str, Any]:
    panel.work()
    service = panel.get(path).json()
    assert (service["status"], service["pending_changes"], service["operation_id"]) == ("running", False, None)
    return dict(service)


def test_a_new_name_or_label_restarts_nothing(panel: Panel) -> None:
    path = _made(panel, labels={"team": "sales", "tier": "one"})
    before = panel.get(path).json()
    changed = panel.patch(path, {"name": "store", "labels": {"tier": None, "zone": "b"}})
    assert changed.status_code == 200
    assert "location" not in changed.headers
    after = changed.json()
    assert (after["name"], after["labels"]) == ("store", {"team": "sales", "zone": "b"})
    assert after["updated_at"] > before["updated_at"]
    assert (after["deployment_id"], after["pending_changes"]) == (before["deployment_id"], False)
    assert panel.get("/operations").json()["total"] == 1


def test_a_change_without_a_restart_has_no_location_of_another_operation(panel: Panel) -> None:
    path = _made(panel)
    going_on = panel.post(f"{path}/restart").json()["id"]
    changed = panel.patch(path, {"name": "store"})
    assert changed.json()["operation_id"] == going_on
    assert "location" not in changed.headers


def test_a_change_names_its_own_operation_behind_others(panel: Panel) -> None:
    path = _made(panel)
    going_on = panel.post(f"{path}/restart").json()["id"]
    changed = panel.patch(path, {"deploy_timeout": 5})
    assert changed.json()["operation_id"] == going_on
    deployment = panel.get(f"/deployments/{changed.json()['deployment_id']}").json()
    assert changed.headers["location"] == f"/api/operations/{deployment['operation_id']}"
    assert deployment["operation_id"] != going_on


def test_a_rename_to_a_taken_name_is_refused(panel: Panel) -> None:
    path = _made(panel, name="web", customer_id="cust_a")
    _made(panel, name="store", customer_id="cust_a")
    _made(panel, name="free", customer_id="cust_b")
    for query in ("", "?dry_run=true"):
        refused = panel.patch(f"{path}{query}", {"name": "store"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "name_taken")
    assert panel.patch(path, {"name": "free"}).status_code == 200
    assert panel.patch(path, {"name": "free"}).status_code == 200, "its own name is not taken"


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"image": "shop/web:2"}, {"image": "shop/web:2"}),
        ({"deploy_timeout": 7}, {"deploy_timeout": 7}),
        ({"healthcheck": {"path": "/up", "interval": 3}}, {"healthcheck.path": "/up", "healthcheck.interval": 3}),
        ({"resources": {"cpu_limit": 0.5, "memory_limit_mb": 64}}, {"resources.memory_limit_mb": 64}),
        ({"port": 9090}, {"port": 9090}),
    ],
)
def test_a_change_of_the_definition_is_deployed_at_once(
    panel: Panel, change: dict[str, Any], shown: dict[str, Any]
) -> None:
    path = _made(panel)
    panel.ports.runtime.images["ai-admin-panel/hello:1"] = panel.ports.runtime.images["ai-admin-panel/hello:1"]
    changed = panel.patch(path, change)
    assert changed.status_code == 200
    deployment = panel.get(f"/deployments/{changed.json()['deployment_id']}").json()
    assert (deployment["trigger"], deployment["status"]) == ("update", "queued")
    assert changed.headers["location"] == f"/api/operations/{deployment['operation_id']}"
    assert changed.json()["pending_changes"] is True
    service = _settled(panel, path)
    for field, value in shown.items():
        outer, _, inner = field.partition(".")
        assert (service[outer][inner] if inner else service[outer]) == value


def test_the_port_of_an_image_can_change(panel: Panel) -> None:
    """Its compose text is ours, so it must follow: nobody else could make it expose the new port."""
    path = _made(panel, image="shop/web:1", port=8080)
    for port in (9090, None, 8080):
        changed = panel.patch(path, {"port": port})
        assert changed.status_code == 200, changed.text
        assert ("expose" in changed.json()["compose"], changed.json()["port"]) == (port is not None, port)
        panel.work()
    assert _settled(panel, path)["url"].startswith("http://")


def test_a_port_that_a_text_does_not_expose_is_refused(panel: Panel) -> None:
    path = _compose(panel)
    refused = panel.patch(path, {"port": 9090})
    assert (refused.status_code, list(refused.json()["error"]["fields"])) == (422, ["port"])
    exposing = COMPOSE.replace("8080", "9090")
    assert panel.patch(path, {"port": 9090, "compose": exposing}).status_code == 200
    assert _settled(panel, path)["port"] == 9090
    assert panel.patch(path, {"port": None, "compose": COMPOSE}).status_code == 200


def test_a_health_check_is_merged_and_null_removes_it(panel: Panel) -> None:
    path = _made(panel, healthcheck={"path": "/", "port": 8080, "interval": 3, "timeout": 4})
    merged = panel.patch(path, {"healthcheck": {"path": "/up"}}).json()["healthcheck"]
    assert merged == {"path": "/up", "port": 8080, "interval": 3, "timeout": 4}
    merged = panel.patch(path, {"healthcheck": {"path": "/up", "port": None}}).json()["healthcheck"]
    assert merged == {"path": "/up", "port": None, "interval": 3, "timeout": 4}
    headers = {"Content-Type": "application/merge-patch+json"}
    removed = panel.request("PATCH", path, content=b'{"healthcheck": null}', headers=headers)
    assert removed.json()["healthcheck"] is None
    added = panel.patch(path, {"healthcheck": {"path": "/"}}).json()["healthcheck"]
    assert added == {"path": "/", "port": None, "interval": 10, "timeout": 5}


def test_resources_are_merged_and_null_removes_a_limit(panel: Panel) -> None:
    path = _made(panel, resources={"cpu_limit": 0.5, "memory_limit_mb": 64})
    assert _limits(panel.patch(path, {"resources": {"memory_limit_mb": 128}})) == (0.5, 128)
    assert _limits(panel.patch(path, {"resources": {"cpu_limit": None}})) == (None, 128)
    assert _limits(panel.patch(path, {"resources": {"memory_limit_mb": None}})) == (None, None)
    assert panel.get(f"{path}/export").json()["resources"] == {}


def _limits(response: Any) -> tuple[Any, Any]:
    resources = response.json()["resources"]
    return resources["cpu_limit"], resources["memory_limit_mb"]


@pytest.mark.parametrize("change", [{"resources": {}}, {"resources": {"cpu_limit": None}}, {"healthcheck": None}])
def test_a_change_to_the_current_values_restarts_nothing(panel: Panel, change: dict[str, Any]) -> None:
    path = _made(panel)
    changed = panel.patch(path, change)
    assert (changed.status_code, changed.json()["pending_changes"]) == (200, False)
    assert "location" not in changed.headers


def test_a_text_may_lose_a_component_that_was_scaled(panel: Panel) -> None:
    path = _compose(panel)
    panel.put(f"{path}/scale", {"component": "web", "replicas": 2})
    panel.put(f"{path}/scale", {"component": "db", "memory_limit_mb": 64})
    renamed = COMPOSE.replace("  web:", "  shop:")
    changed = panel.patch(path, {"compose": renamed})
    assert changed.status_code == 200, changed.text
    assert list(panel.get(f"{path}/export").json()["resources"]) == ["db"]
    assert panel.post(f"{path}/deploy", {"compose": "services: {one: {image: a}}"}).status_code == 202
    assert panel.get(f"{path}/export").json()["resources"] == {}
    _settled(panel, path)


def test_fields_of_another_deploy_method_are_all_refused_at_once(panel: Panel) -> None:
    template = f"/services/{panel.post('/templates/hello/deploy', {'name': 'hello'}).json()['id']}"
    refused = panel.patch(template, {"image": "a", "compose": COMPOSE})
    assert (refused.status_code, refused.json()["error"]["message"]) == (409, "Cannot change image, compose")
    for path, field, value in (
        (_made(panel), "compose", COMPOSE),
        (_compose(panel), "image", "a"),
        (template, "compose", COMPOSE),
    ):
        for answer in (panel.patch(path, {field: value}), panel.post(f"{path}/deploy", {field: value})):
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "wrong_state")
            assert answer.json()["error"]["message"] == f"Cannot change {field}"


def test_a_refused_text_changes_nothing(panel: Panel) -> None:
    path = _compose(panel)
    before = panel.get(path)
    refused = panel.patch(path, {"name": "other", "compose": "services: {web: {image: a, privileged: true}}"})
    assert (refused.status_code, list(refused.json()["error"]["fields"])) == (422, ["compose"])
    after = panel.get(path)
    assert (after.json(), after.headers["etag"]) == (before.json(), before.headers["etag"])


def test_a_stopped_service_keeps_a_change_until_it_is_deployed(panel: Panel) -> None:
    path = _made(panel)
    panel.post(f"{path}/stop")
    panel.work()
    changed = panel.patch(path, {"deploy_timeout": 7})
    assert "location" not in changed.headers
    panel.work()
    for _ in range(2):
        service = panel.get(path).json()
        assert (service["pending_changes"], service["deploy_timeout"]) == (True, 7)
        panel.post(f"{path}/start")
        panel.work()
    assert panel.get(path).json()["status"] == "running"
    panel.post(f"{path}/deploy")
    assert _settled(panel, path)["deploy_timeout"] == 7


def test_the_former_name_of_the_health_check_is_accepted(panel: Panel) -> None:
    path = _made(panel, health_check={"path": "/"})
    assert panel.get(path).json()["healthcheck"]["path"] == "/"
    assert panel.patch(path, {"health_check": {"path": "/up"}}).json()["healthcheck"]["path"] == "/up"
    assert "health_check" not in panel.get(path).json()
    refused = panel.patch(path, {"health_check": {"path": "x"}})
    assert list(refused.json()["error"]["fields"]) == ["healthcheck.path"]
    both = panel.patch(path, {"health_check": {"path": "/a"}, "healthcheck": {"path": "/b"}})
    assert (both.status_code, list(both.json()["error"]["fields"])) == (422, ["health_check"])
    for method, body in (("POST", '{"health_check": 1, "health_check": 2}'), ("PATCH", '[{"health_check": 1}]')):
        headers = {"Content-Type": "application/json"}
        broken = panel.request(method, path if method == "PATCH" else "/services", content=body, headers=headers)
        assert broken.status_code in {400, 422}


def test_a_dry_run_of_a_change_returns_the_service_as_it_would_be(panel: Panel) -> None:
    path = _made(panel)
    before = panel.get(path)
    tried = panel.patch(f"{path}?dry_run=true", {"name": "store", "deploy_timeout": 7})
    assert (tried.json()["name"], tried.json()["deploy_timeout"]) == ("store", 7)
    assert [change["action"] for change in tried.json()["dry_run"]["changes"]] == ["deploy"]
    for field in ("deployment_id", "operation_id"):
        assert tried.json()[field] == before.json()[field], f"{field} of what never was"
    assert "location" not in tried.headers, "there is nothing to follow"
    assert tried.headers["etag"] == before.headers["etag"], "what to match when the change is meant"
    quiet = panel.patch(f"{path}?dry_run=true", {"name": "store"}).json()["dry_run"]["changes"]
    assert [one["action"] for one in quiet] == ["update"]
    after = panel.get(path)
    assert (after.json(), after.headers["etag"]) == (before.json(), before.headers["etag"])


def test_a_service_that_is_being_deleted_cannot_be_changed(panel: Panel) -> None:
    path = _made(panel)
    _deletion_begun(panel, path)
    for answer in (
        panel.patch(path, {"deploy_timeout": 7}),
        panel.patch(f"{path}?dry_run=true", {"name": "store"}),
        panel.put(f"{path}/env", {"variables": {}}),
        panel.patch(f"{path}/env", {"variables": {"A": "1"}}),
        panel.put(f"{path}/scale", {"replicas": 2}),
        *(panel.post(f"{path}/{verb}") for verb in ("deploy", "start", "stop", "restart", "rollback")),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "wrong_state")
    assert [item["kind"] for item in panel.get("/operations").json()["data"]] == ["delete", "deploy"]


def _deletion_begun(panel: Panel, path: str) -> None:
    from domain import services
    from domain.identity.authenticator import Authenticator

    caller = Authenticator(panel.ports).by_api_key(panel.admin, "", "")
    services.delete_service(panel.ports, caller, path.rsplit("/", 1)[1])
