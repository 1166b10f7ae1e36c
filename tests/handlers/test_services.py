"""Services over HTTP: create, list, read, validate and export."""

from typing import Any

import pytest

from tests.conformance import CANARY
from tests.panel import Panel

COMPOSE = """\
services:
  db:
    image: shop/db:1
    environment: {PASSWORD: "${PASSWORD:-none}"}
    volumes: [data:/data]
    deploy: {resources: {limits: {cpus: "0.1", memory: 64M}}}
  web:
    image: shop/web:1
    expose: [8080, 9090]
    depends_on: [db]
    deploy: {replicas: 3, resources: {limits: {cpus: "0.1", memory: 32M}}}
volumes: {data: }
"""
IMAGE = {"name": "web", "deploy_method": "image", "image": "shop/web:1"}


def _compose(panel: Panel, name: str = "shop", text: str = COMPOSE, **fields: Any) -> dict[str, Any]:
    created = panel.post("/services", {"name": name, "deploy_method": "compose", "compose": text, **fields})
    assert created.status_code == 201, created.text
    panel.work()
    return dict(panel.get(f"/services/{created.json()['id']}").json())


def _names(panel: Panel, query: str, **options: Any) -> list[str]:
    page = panel.get(f"/services?{query}", **options).json()
    names = [item["name"] for item in page["data"]]
    assert "page=" in query or page["total"] == len(names)
    return names


# ── create ───────────────────────────────────────────────────────────────────────────────────────


def test_a_new_service_is_deploying_and_runs_when_its_operation_has_ended(panel: Panel) -> None:
    created = panel.post("/services", {**IMAGE, "port": 80})
    assert (created.status_code, created.json()["status"]) == (201, "deploying")
    assert created.headers["location"] == f"/api/operations/{created.json()['operation_id']}"
    panel.work()
    service = panel.get(f"/services/{created.json()['id']}").json()
    assert (service["status"], service["pending_changes"], service["operation_id"]) == ("running", False, None)
    assert service["deployment_id"] == created.json()["deployment_id"]
    assert service["url"].startswith("http://localhost:")
    assert service["deployed_at"] >= service["created_at"]


def test_a_created_service_has_the_fields_of_the_request(panel: Panel) -> None:
    asked: dict[str, Any] = {
        **IMAGE,
        "port": 8080,
        "command": ["serve", "$HOME"],
        "customer_id": "cust_a",
        "variables": {"B": "2", "A": "1"},
        "labels": {"team": "sales"},
        "healthcheck": {"path": "/healthz", "timeout": 2},
        "deploy_timeout": 30,
        "resources": {"cpu_limit": 0.5, "memory_limit_mb": 64},
    }
    service = panel.service(**asked)
    assert {name: service[name] for name in ("image", "port", "customer_id", "labels", "deploy_timeout")} == {
        name: asked[name] for name in ("image", "port", "customer_id", "labels", "deploy_timeout")
    }
    assert service["variables"] == [
        {"name": "A", "value": "1", "secret": False},
        {"name": "B", "value": "2", "secret": False},
    ]
    assert service["healthcheck"] == {"path": "/healthz", "port": None, "interval": 10, "timeout": 2}
    assert (service["resources"]["cpu_limit"], service["resources"]["memory_limit_mb"]) == (0.5, 64)
    assert "serve" in service["compose"]
    assert (service["template"], service["custom_domains"], service["customer_name"]) == (None, [], None)


def test_limits_are_the_sum_over_all_replicas_of_all_components(panel: Panel) -> None:
    service = _compose(panel)
    assert service["resources"]["cpu_limit"] == 0.4
    assert service["resources"]["memory_limit_mb"] == 160


def test_resources_are_limits_of_the_public_component(panel: Panel) -> None:
    service = _compose(panel, resources={"memory_limit_mb": 100})
    assert service["resources"]["memory_limit_mb"] == 3 * 100 + 64
    assert panel.get(f"/services/{service['id']}/export").json()["resources"] == {
        "web": {"replicas": None, "cpu_limit": None, "memory_limit_mb": 100}
    }


def test_a_name_is_unique_within_a_customer(panel: Panel) -> None:
    assert panel.post("/services", IMAGE).status_code == 201
    taken = panel.post("/services", IMAGE)
    assert (taken.status_code, taken.json()["error"]["code"]) == (409, "name_taken")
    assert panel.post("/services?dry_run=true", IMAGE).json()["error"]["code"] == "name_taken"
    for customer in ("cust_a", "cust_b"):
        assert panel.post("/services", {**IMAGE, "customer_id": customer}).status_code == 201
    assert panel.post("/services", {**IMAGE, "customer_id": "cust_a"}).status_code == 409


def test_a_caller_with_a_customer_creates_services_for_that_customer_only(panel: Panel) -> None:
    key = panel.key("customer", "cust_a")
    for name, customer in (("one", {}), ("two", {"customer_id": "cust_a"}), ("three", {"customer_id": None})):
        created = panel.post("/services", {**IMAGE, "name": name, **customer}, key=key)
        assert created.json()["customer_id"] == "cust_a"
    refused = panel.post("/services", {**IMAGE, "name": "four", "customer_id": "cust_b"}, key=key)
    assert (refused.status_code, list(refused.json()["error"]["fields"])) == (422, ["customer_id"])
    assert panel.get("/services").json()["total"] == 3


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"deploy_method": "template", "template": "nothing"}, "template"),
        ({"deploy_method": "template", "template": "hello", "variables": {"NOPE": "1"}}, "variables.NOPE"),
        ({"deploy_method": "compose", "compose": "services: {web: {image: a, privileged: true}}"}, "compose"),
        ({"deploy_method": "compose", "compose": "services: {web: {image: '${NOPE}'}}"}, "compose"),
        ({"deploy_method": "compose", "compose": COMPOSE, "port": 80}, "port"),
        ({**IMAGE, "variables": {"A": "1"}, "secrets": {"A": "2"}}, "secrets.A"),
        ({**IMAGE, "secrets": {"A": "\0"}}, "secrets.A"),
        ({**IMAGE, "image": None}, "image"),
    ],
)
def test_a_field_that_breaks_a_rule_is_named_and_nothing_is_created(
    panel: Panel, body: dict[str, Any], field: str
) -> None:
    for query in ("", "?dry_run=true"):
        refused = panel.post(f"/services{query}", {"name": "web", **body})
        assert (refused.status_code, list(refused.json()["error"]["fields"])) == (422, [field]), refused.text
    assert panel.get("/services").json()["total"] == 0
    assert panel.get("/operations").json()["total"] == 0


def test_a_refused_compose_text_names_line_and_code(panel: Panel) -> None:
    text = "services:\n  web:\n    image: a\n    restart: on-failure:3\n    privileged: true\n"
    refused = panel.post("/services", {"name": "web", "deploy_method": "compose", "compose": text})
    message = refused.json()["error"]["fields"]["compose"]
    assert "line 5" in message
    assert "privileged_refused" in message
    assert "not_kept" not in message, "a warning is no reason for a refusal"


def test_a_dry_run_of_create_service_describes_the_changes_and_makes_none(panel: Panel) -> None:
    tried = panel.post("/services?dry_run=true", IMAGE)
    service = tried.json()
    assert (tried.status_code, service["name"], service["status"]) == (201, IMAGE["name"], "deploying")
    assert (service["deployment_id"], service["operation_id"]) == (None, None), "they do not exist"
    assert panel.get(f"/services/{service['id']}").status_code == 404
    assert service["dry_run"]["dry_run"] is True
    assert [(change["action"], change["resource"], change["id"]) for change in service["dry_run"]["changes"]] == [
        ("create", "service", None),
        ("deploy", "deployment", None),
    ]
    assert "beside" not in str(tried.json()), "there is nothing yet for it to start beside"
    assert "location" not in tried.headers
    for noun in ("services", "deployments", "operations"):
        assert panel.get(f"/{noun}").json()["total"] == 0


# ── read ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_secret_is_masked_wherever_the_service_is_shown(panel: Panel) -> None:
    service = panel.service(secrets={"TOKEN": CANARY})
    assert service["variables"] == [{"name": "TOKEN", "value": "********", "secret": True}]
    panel.get(f"/services/{service['id']}/export")
    panel.get(f"/services/{service['id']}/env")


def test_a_service_of_another_customer_is_not_found(panel: Panel) -> None:
    service = panel.service(customer_id="cust_a")
    stranger, nobody = panel.key("customer", "cust_b"), "svc_01aaaaaaaaaaaaaaaaaaaaaaaa"
    for method, path, body in (
        ("GET", "", None),
        ("GET", "/export", None),
        ("PATCH", "", {"name": "mine"}),
        ("DELETE", "", None),
        ("DELETE", "?dry_run=true", None),
    ):
        options = {} if body is None else {"json": body}
        theirs = panel.request(method, f"/services/{service['id']}{path}", key=stranger, **options)
        never = panel.request(method, f"/services/{nobody}{path}", key=stranger, **options)
        assert (theirs.status_code, never.status_code) == (404, 404)
        assert theirs.text.replace(service["id"], nobody).split("request_id")[0] == never.text.split("request_id")[0]
    assert panel.get(f"/services/{service['id']}", key=panel.key("customer", "cust_a")).status_code == 200


def test_the_operation_of_a_service_is_the_oldest_unfinished_one(panel: Panel) -> None:
    service = panel.service()
    first = panel.post(f"/services/{service['id']}/stop").json()["id"]
    panel.post(f"/services/{service['id']}/start")
    assert panel.get(f"/services/{service['id']}").json()["operation_id"] == first


def test_each_filter_of_the_list_narrows_it(panel: Panel) -> None:
    panel.service("alpha", customer_id="cust_a")
    panel.service("beta", customer_id="cust_b")
    panel.post("/templates/hello/deploy", {"name": "gamma-1"})
    stopped = _compose(panel, "gamma-2")
    panel.post(f"/services/{stopped['id']}/stop")
    panel.work()
    assert _names(panel, "sort=name&order=asc") == ["alpha", "beta", "gamma-1", "gamma-2"]
    assert _names(panel, "customer_id=cust_a") == ["alpha"]
    assert _names(panel, "template=hello") == ["gamma-1"]
    assert _names(panel, "deploy_method=compose") == ["gamma-2"]
    assert _names(panel, "status=stopped") == ["gamma-2"]
    assert _names(panel, "status=failed") == []
    assert _names(panel, "search=GAMMA&sort=name&order=asc") == ["gamma-1", "gamma-2"]
    assert _names(panel, "search=gamma&status=running") == ["gamma-1"]
    assert _names(panel, "search=%25") == []


def test_the_list_is_sorted_and_paged(panel: Panel) -> None:
    made = [panel.service(name)["id"] for name in ("bravo", "alpha", "charlie")]
    panel.patch(f"/services/{made[0]}", {"labels": {"a": "b"}})
    panel.post(f"/services/{made[1]}/stop")
    panel.work()
    assert _names(panel, "") == ["charlie", "alpha", "bravo"]
    assert _names(panel, "sort=created_at&order=asc") == ["bravo", "alpha", "charlie"]
    assert _names(panel, "sort=name&order=asc") == ["alpha", "bravo", "charlie"]
    assert _names(panel, "sort=name") == ["charlie", "bravo", "alpha"]
    assert _names(panel, "sort=updated_at")[0] == "bravo"
    assert _names(panel, "sort=status&order=desc")[0] == "alpha"
    page = panel.get("/services?sort=name&order=asc&page=2&per_page=2").json()
    assert ([item["name"] for item in page["data"]], page["total"], page["page"]) == (["charlie"], 3, 2)
    beyond = panel.get("/services?page=9&per_page=2").json()
    assert (beyond["data"], beyond["total"], beyond["page"]) == ([], 3, 9)


def test_a_list_has_services_of_the_callers_customer_only(panel: Panel) -> None:
    panel.service("alpha", customer_id="cust_a")
    panel.service("beta", customer_id="cust_b")
    panel.service("gamma")
    key = panel.key("viewer", "cust_a")
    assert _names(panel, "", key=key) == ["alpha"]
    assert _names(panel, "customer_id=cust_a", key=key) == ["alpha"]
    assert _names(panel, "customer_id=cust_b", key=key) == []
    assert _names(panel, "search=beta", key=key) == []
