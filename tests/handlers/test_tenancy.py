"""Resources of other tenants, and resources that a caller cannot see, are refused like unknown ones."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from domain.identity.permissions import ALL_PERMISSIONS, role_permissions
from domain.model.role import Role
from handlers.openapi31.operations import Operation
from tests.calls import (
    OPERATIONS,
    PUBLIC,
    UNKNOWN_IDS,
    WITH_ID,
    Targets,
    body,
    create_targets,
    error,
    find_operation,
    json_options,
    operations_with_parameter,
    permission,
    tables,
)
from tests.panel import Panel

MINE, OTHERS = "cust_mine", "cust_others"


# ── Roles and operations ─────────────────────────────────────────────────────────────────────────────


def test_every_operation_declares_its_permission() -> None:
    assert {permission(operation) for operation in OPERATIONS} <= ALL_PERMISSIONS | {None}
    assert {one.operation_id for one in OPERATIONS if one.raw["x-permission"] == "public"} == PUBLIC


def test_a_forbidden_request_changes_nothing(panel: Panel) -> None:
    made, key = create_targets(panel), panel.key("viewer", denied_permissions=tuple(role_permissions(Role.VIEWER)))
    bodies, before = json_options(panel), tables(panel)
    for operation in filter(permission, OPERATIONS):
        options = bodies[operation.operation_id]
        if operation.method == "POST":
            options["headers"] = {"Idempotency-Key": "k"}
        assert made.send(panel, operation, key=key, with_worker=False, **options).status_code in {400, 403}
    assert tables(panel) == before


def test_a_key_without_a_permission_cannot_find_out_what_exists(panel: Panel) -> None:
    made, key = create_targets(panel), panel.key("viewer", denied_permissions=tuple(role_permissions(Role.VIEWER)))
    for operation in WITH_ID:
        real, unreal = (ids.send(panel, operation, key=key, with_worker=False) for ids in (made, Targets()))
        assert real.status_code == 403
        assert _comparable(real) == _comparable(unreal), operation.operation_id


# ── Resources of other tenants ──────────────────────────────────────────────────────────────────────


def _comparable(response: httpx.Response, *names: str) -> tuple[int, Any, dict[str, str]]:
    varying = {"x-request-id", "x-ratelimit-remaining", "x-ratelimit-reset"}
    text = response.text
    for name in (*names, response.headers["x-request-id"]):
        text = text.replace(name, "…")
    headers = {name: value for name, value in response.headers.items() if name not in varying}
    return response.status_code, json.loads(text) if text else None, headers


@pytest.mark.parametrize("role", ["customer", "operator", "admin", "viewer"])
def test_an_id_of_another_tenant_is_refused_like_an_unknown_one(panel: Panel, role: str) -> None:
    key, others, nobodys = panel.key(role, MINE), create_targets(panel, OTHERS), create_targets(panel)
    before = tables(panel)
    for operation in WITH_ID:
        unreal = Targets().send(panel, operation, key=key, with_worker=False)
        for theirs in (others, nobodys):
            real = theirs.send(panel, operation, key=key, with_worker=False)
            assert _comparable(real, *theirs.ids.values()) == _comparable(unreal, *UNKNOWN_IDS.values()), (
                operation.operation_id
            )
            assert real.status_code in {403, 404}
    assert tables(panel) == before


def test_conditions_waits_dry_runs_and_keys_reveal_nothing_of_another_tenant(panel: Panel) -> None:
    key, others = panel.key("customer", MINE), create_targets(panel, OTHERS)
    variants: dict[str, dict[str, Any]] = {
        "dry_run": {"query": "dry_run=true"},
        "wait": {"query": "wait=5"},
        "If-Match": {"headers": {"If-Match": '"999"'}},
        "If-None-Match": {"headers": {"If-None-Match": "*"}},
        "Idempotency-Key": {"headers": {"Idempotency-Key": "k"}},
        "Last-Event-ID": {"headers": {"Last-Event-ID": "1", "Accept": "text/event-stream"}},
        "follow": {"query": "follow=true", "headers": {"Last-Event-ID": "2026-01-01T00:00:00Z"}},
    }
    asked = 0
    for operation in WITH_ID:
        names = {parameter.name for parameter in operation.parameters} & variants.keys()
        for name in names - ({"Last-Event-ID"} if "follow" in names else set()):  # there it is a time, not a number
            options = {"key": key, "with_worker": False, **variants[name]}
            real, unreal = (ids.send(panel, operation, **options) for ids in (others, Targets()))
            assert _comparable(real, *others.ids.values()) == _comparable(unreal, *UNKNOWN_IDS.values()), (
                operation.operation_id
            )
            assert real.status_code == 404
            asked += 1
    assert asked > 30


def test_a_wrong_body_is_refused_alike_for_existing_and_unknown_resources(panel: Panel) -> None:
    key, others = panel.key("customer", MINE), create_targets(panel, OTHERS)
    for operation in (one for one in WITH_ID if one.body):
        real, unreal = (ids.send(panel, operation, key=key, json={"nonsense": 1}) for ids in (others, Targets()))
        assert _comparable(real, *others.ids.values()) == _comparable(unreal, *UNKNOWN_IDS.values())


def test_an_id_of_another_tenant_in_a_body_is_refused_like_an_unknown_one(panel: Panel) -> None:
    key, mine, others = panel.key("customer", MINE), create_targets(panel, MINE), create_targets(panel, OTHERS)
    theirs, never = others.ids["deployment_id"], UNKNOWN_IDS["deployment_id"]
    path = f"/services/{mine.ids['service_id']}/rollback"
    real, unreal = (panel.post(path, {"deployment_id": one}, key=key) for one in (theirs, never))
    assert real.status_code == 404
    assert _comparable(real, theirs) == _comparable(unreal, never)


def test_a_deployment_of_another_service_of_the_caller_is_not_found(panel: Panel) -> None:
    one, two = create_targets(panel, MINE), create_targets(panel, MINE)
    path = f"/services/{one.ids['service_id']}/rollback"
    assert panel.post(path, {"deployment_id": two.ids["deployment_id"]}).status_code == 404


@pytest.mark.parametrize("field", ["customer_id", "customerId"])
def test_a_caller_can_name_its_own_customer_and_no_other(panel: Panel, field: str) -> None:
    key = panel.key("customer", MINE)
    operations = ["create_api_key"] if field == "customerId" else ["create_service", "deploy_template"]
    for operation in map(find_operation, operations):
        new = {**(body(operation, panel) or {}), **({"role": "customer"} if field == "customerId" else {})}
        ids = Targets({"template_id": "hello"})
        for other in (OTHERS, "cust_nobody", None):
            refused = ids.send(panel, operation, key=key, json={**new, field: other})
            if other is None and refused.status_code == 201:
                made = refused.json()
                assert made[field] == MINE
                new["name"] = f"{new['name']}-2"
                continue
            assert (refused.status_code, list(refused.json()["error"]["fields"])) == (422, [field]), refused.text
        assert ids.send(panel, operation, key=key, json={**new, field: MINE}).json()[field] == MINE


def test_a_name_that_another_tenant_uses_is_free(panel: Panel) -> None:
    new = {"name": "shop", "deploy_method": "image", "image": "ai-admin-panel/hello:1"}
    for key in (panel.key("customer", MINE), panel.key("customer", OTHERS), panel.admin):
        assert panel.post("/services", new, key=key).status_code == 201
        assert error(panel.post("/services", new, key=key))["code"] == "name_taken"


# ── Lists ────────────────────────────────────────────────────────────────────────────────────────


def _ids(response: httpx.Response) -> set[str]:
    return {item["id"] for item in response.json()["data"]}


OWNED = [*map(find_operation, ("list_services", "list_deployments", "list_operations", "list_api_keys"))]


def _worlds(panel: Panel) -> Iterator[tuple[Operation, str, set[str]]]:
    key = panel.key("customer", MINE)
    create_targets(panel, MINE)
    owned = {}
    for operation in OWNED:
        field = "customerId" if operation.operation_id == "list_api_keys" else "customer_id"
        everything = panel.get(f"{operation.path}?per_page=100").json()["data"]
        owned[operation.operation_id] = {one["id"] for one in everything if one[field] == MINE}
    for customer_id in (OTHERS, None):
        create_targets(panel, customer_id)
    for operation in OWNED:
        yield operation, key, owned[operation.operation_id]


def test_lists_have_only_the_callers_resources_with_any_filter(panel: Panel) -> None:
    for operation, key, own in _worlds(panel):
        response = panel.get(f"{operation.path}?per_page=100", key=key)
        assert _ids(response) == own != set()
        assert response.json()["total"] == len(own)
        for query in _filters(operation):
            response = panel.get(f"{operation.path}?per_page=100&{query}", key=key)
            if response.status_code == 200:
                assert _ids(response) <= own, f"{operation.operation_id}?{query}"
                assert response.json()["total"] == len(_ids(response))
            else:
                assert response.status_code == 400, f"{operation.operation_id}?{query}"


def _filters(operation: Operation) -> Iterator[str]:
    for value in (OTHERS, f"{OTHERS}&customer_id={MINE}", "", "null", "*", "%25", f"{MINE},{OTHERS}", "cust_%00"):
        yield f"customer_id={value}"
    yield from (
        f"customer_id%5B%5D={OTHERS}",
        f"customer_id%5B0%5D={OTHERS}",
        f"customerId={OTHERS}",
        f"CUSTOMER_ID={OTHERS}",
    )
    for parameter in operation.parameters:
        if parameter.name in {"search", "service_id", "resource_id", "actor_id"}:
            yield from (f"{parameter.name}={value}" for value in ("shop", "%25", "_", "' OR 1=1 --", "svc_1", "key_1"))
        if parameter.name == "sort":
            yield from ("sort=created_at&order=asc", "sort=createdAt&order=asc", "sort=customer_id", "sort=name;drop")


def test_a_filter_by_an_id_of_another_tenant_returns_nothing(panel: Panel) -> None:
    key, others = panel.key("customer", MINE), create_targets(panel, OTHERS)
    actor = panel.get("/auth/me").json()["id"]
    for query in (
        f"/deployments?service_id={others.ids['service_id']}",
        f"/operations?resource_id={others.ids['service_id']}",
        f"/operations?actor_id={actor}",
        f"/deployments?actor_id={actor}",
        f"/services?customer_id={OTHERS}",
    ):
        empty = panel.get(query, key=key).json()
        assert (empty["data"], empty["total"]) == ([], 0), query


def test_a_customer_filter_narrows_the_lists_of_callers_without_a_customer(panel: Panel) -> None:
    mine, others = create_targets(panel, MINE), create_targets(panel, OTHERS)
    assert set(OWNED[:3]) <= set(operations_with_parameter("customer_id"))
    assert _ids(panel.get(f"/services?customer_id={MINE}")) == {mine.ids["service_id"]}
    assert _ids(panel.get("/services")) == {mine.ids["service_id"], others.ids["service_id"]}
    assert panel.get("/services?customer_id=cust_nobody").json()["total"] == 0


# ── Keys make no greater keys ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "fields",
    [
        {"role": "admin"},
        {"role": "operator"},
        {"role": "customer", "customerId": OTHERS},
        {"role": "viewer", "customerId": None, "deniedPermissions": ["services.readd"]},
    ],
)
def test_a_key_cannot_create_a_key_with_more_than_its_own_grant(panel: Panel, fields: dict[str, Any]) -> None:
    refused = panel.post("/v1/api-keys", {"name": "more", **fields}, key=panel.key("customer", MINE))
    assert refused.status_code == 422


def test_a_key_cannot_raise_its_own_role(panel: Panel) -> None:
    key = panel.key("customer", MINE, denied_permissions=("env.reveal",))
    path = f"/v1/api-keys/{panel.get('/auth/me', key=key).json()['id']}"
    panel.patch(path, {"role": "admin"}, key=key)
    panel.patch(path, {"deniedPermissions": []}, key=key)
    me = panel.get("/auth/me", key=key).json()
    assert (me["role"], "env.reveal" in me["permissions"], me["customer_id"]) == ("customer", False, MINE)
