"""Quotas, features and the status of tenants over HTTP: what a plan refuses, and what it never takes away."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from domain.model.customer import Customer, TenantStatus
from tests.operation_data import Resources
from tests.operations.organizations import create_organization
from tests.operations.plans import create_plan
from tests.panel import Panel

CUSTOMER = "cust_tenant"
IMAGE = {"deploy_method": "image", "image": "ai-admin-panel/hello:1", "port": 8080}


@dataclass
class Tenant:
    """A customer with a subscription, and a key of that customer."""

    panel: Panel
    key: str
    subscription_id: str
    plan_id: str

    def create(self, name: str, cpu: float = 1, memory_mb: int = 100, **fields: Any) -> httpx.Response:
        """Ask for a service of this size."""
        source = {} if "compose" in fields else {**IMAGE, "resources": {"cpu_limit": cpu, "memory_limit_mb": memory_mb}}
        body = {"name": name, "customer_id": CUSTOMER, **source, **fields}
        return self.panel.post("/services", body, key=self.key)

    def running(self, name: str, **fields: Any) -> str:
        """Return the path of a new service that runs."""
        created = self.create(name, **fields)
        assert created.status_code == 201, created.text
        self.panel.work()
        return f"/services/{created.json()['id']}"

    def post(self, path: str, json: Any = None) -> httpx.Response:
        return self.panel.post(path, json, key=self.key)

    def scale(self, path: str, json: Any) -> httpx.Response:
        return self.panel.put(f"{path}/scale", json, key=self.key)

    def set_quotas(self, **quotas: float | None) -> None:
        assert self.panel.patch(f"/plans/{self.plan_id}", {"quotas": quotas}).status_code == 200

    def set_status(self, status: TenantStatus) -> None:
        """Set the status of the customer."""
        with self.panel.ports.store.begin() as work:
            customer = work.customers.get(CUSTOMER)
            assert customer
            work.customers.save(replace(customer, status=status))


@pytest.fixture
def tenant(panel: Panel) -> Tenant:
    """A tenant with two cores, 1,000 MiB and three services."""
    now = panel.ports.clock.now()
    with panel.ports.store.begin() as work:
        work.customers.add(Customer(CUSTOMER, "Tenant", now, now))
    quotas = {"services": 3, "cpu": 2, "memory_mb": 1000, "storage_mb": 2048}
    plan_id = create_plan(Resources(panel), quotas=quotas)
    subscribed = panel.post("/subscriptions", {"customer_id": CUSTOMER, "plan_id": plan_id}).json()
    return Tenant(panel, panel.key("customer", CUSTOMER), subscribed["id"], plan_id)


def _excess(response: httpx.Response) -> tuple[str, float, float, float]:
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (409, "quota_exceeded"), response.text
    return tuple(error["excess"][name] for name in ("quota", "limit", "used", "asked"))  # type: ignore[return-value]


def _code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, "" if response.is_success else str(response.json()["error"]["code"])


def test_each_quota_refuses_what_exceeds_it_and_names_the_numbers(tenant: Tenant) -> None:
    tenant.running("first", cpu=1.5, memory_mb=600)
    assert _excess(tenant.create("cores", cpu=1)) == ("cpu", 2, 1.5, 1)
    assert _excess(tenant.create("memory", cpu=0.1, memory_mb=401)) == ("memory_mb", 1000, 600, 401)
    volumes = "services: {a: {image: a, volumes: ['x:/x', 'y:/y', 'z:/z']}}\nvolumes: {x: , y: , z: }\n"
    body = {
        "name": "disk",
        "deploy_method": "compose",
        "compose": volumes,
        "resources": {"cpu_limit": 0.1, "memory_limit_mb": 6},
    }
    assert _excess(tenant.post("/services", body)) == ("storage_mb", 2048, 0, 3072)
    tenant.running("second", cpu=0.1)
    tenant.running("third", cpu=0.1)
    assert _excess(tenant.create("fourth", cpu=0.1)) == ("services", 3, 3, 1)
    assert tenant.panel.get("/services", key=tenant.key).json()["total"] == 3


def test_limits_hold_for_staff_too_and_a_dry_run_is_refused_alike(tenant: Tenant) -> None:
    body = {"name": "big", **IMAGE, "customer_id": CUSTOMER, "resources": {"cpu_limit": 3}}
    assert _excess(tenant.panel.post("/services", body))[0] == "cpu"
    assert _excess(tenant.panel.post("/services?dry_run=true", body))[0] == "cpu"


def test_containers_without_limits_get_those_of_the_plan(tenant: Tenant) -> None:
    created = tenant.post("/services", {"name": "open", **IMAGE})
    resources = created.json()["resources"]
    assert (resources["cpu_limit"], resources["memory_limit_mb"]) == (0.5, 512)
    tenant.panel.work()
    (container,) = tenant.panel.ports.runtime.containers({})
    assert container
    assert _excess(tenant.post("/services", {"name": "other", **IMAGE})) == ("memory_mb", 1000, 512, 512)


def test_a_stopped_service_counts_as_a_service_but_frees_cores_and_memory(tenant: Tenant) -> None:
    first = tenant.running("first", cpu=2)
    assert _excess(tenant.create("second", cpu=2))[0] == "cpu"
    tenant.post(f"{first}/stop")
    assert _excess(tenant.create("second", cpu=2))[0] == "cpu", "it still runs until a worker has stopped it"
    tenant.panel.work()
    second = tenant.running("second", cpu=2)
    for action in ("start", "restart", "deploy"):
        assert _excess(tenant.post(f"{first}/{action}"))[0] == "cpu", action
    tenant.post(f"{second}/stop")
    tenant.panel.work()
    assert tenant.post(f"{first}/start").status_code == 202


def test_every_way_to_grow_a_service_is_judged(tenant: Tenant) -> None:
    path = tenant.running("first", cpu=1)
    assert _excess(tenant.scale(path, {"replicas": 3})) == ("cpu", 2, 1, 2)
    assert _excess(tenant.scale(path, {"cpu_limit": 2.5}))[0] == "cpu"
    changed = tenant.panel.patch(path, {"resources": {"cpu_limit": 2.5}}, key=tenant.key)
    assert _excess(changed) == ("cpu", 2, 1, 1.5)
    tenant.scale(path, {"cpu_limit": 0.5})
    tenant.panel.work()
    tenant.running("second", cpu=1.5)
    assert _excess(tenant.post(f"{path}/rollback")) == ("cpu", 2, 2, 0.5)


def test_variables_that_change_a_size_are_judged(tenant: Tenant) -> None:
    text = "services: {a: {image: a, expose: [80], cpus: '${CORES}', mem_limit: 100m}}\n"
    path = tenant.running("first", deploy_method="compose", compose=text, variables={"CORES": "1"})
    changed = tenant.panel.patch(f"{path}/env", {"variables": {"CORES": "3"}}, key=tenant.key)
    assert _excess(changed) == ("cpu", 2, 1, 2)


def test_a_smaller_definition_counts_only_when_it_is_live(tenant: Tenant) -> None:
    """Else a tenant could have more: deploy something small that fails, and the large one keeps running."""
    path = tenant.running("first", cpu=2)
    tenant.scale(path, {"cpu_limit": 1})
    assert _excess(tenant.create("second", cpu=1))[0] == "cpu"
    tenant.panel.work()
    tenant.running("second", cpu=1)


def test_a_tenant_over_its_limits_keeps_what_runs_and_can_shrink(tenant: Tenant) -> None:
    path = tenant.running("first", cpu=2)
    tenant.set_quotas(cpu=1, services=0)
    tenant.panel.work()
    assert tenant.panel.get(path, key=tenant.key).json()["status"] == "running"
    assert _excess(tenant.scale(path, {"cpu_limit": 2.5}))[0] == "cpu"
    for cpu in (1.5, 1):
        assert tenant.scale(path, {"cpu_limit": cpu}).status_code == 202
        tenant.panel.work()
    assert tenant.post(f"{path}/deploy").status_code == 202, "what does not grow can be deployed"
    tenant.panel.work()
    assert tenant.panel.delete(path, key=tenant.key).status_code == 204


def test_a_feature_outside_of_the_plan_refuses_its_deployments(tenant: Tenant) -> None:
    path = tenant.running("first")
    tenant.panel.patch(f"/plans/{tenant.plan_id}", {"features": {"compose_deploy": False}})
    forbidden = (403, "feature_not_in_plan")
    assert _code(tenant.create("second")) == forbidden
    assert _code(tenant.post(f"{path}/deploy")) == forbidden
    assert _code(tenant.panel.patch(path, {"deploy_timeout": 7}, key=tenant.key)) == forbidden
    assert _code(tenant.panel.patch(path, {"labels": {"a": "b"}}, key=tenant.key)) == (200, "")
    assert _code(tenant.scale(path, {"cpu_limit": 0.5})) == (202, "")
    assert _code(tenant.post("/templates/hello/deploy", {"name": "hello"})) == (201, "")
    tenant.panel.patch(f"/plans/{tenant.plan_id}", {"features": {"template_deploy": False}})
    assert _code(tenant.post("/templates/hello/deploy", {"name": "greeter"})) == forbidden


def test_an_organization_limits_the_sum_of_its_customers(panel: Panel) -> None:
    organization_id, now = create_organization(Resources(panel)), panel.ports.clock.now()
    plan_id = create_plan(Resources(panel), "resource", quotas={"services": 2})
    panel.post("/subscriptions", {"organization_id": organization_id, "plan_id": plan_id})
    with panel.ports.store.begin() as work:
        for name in ("a", "b"):
            work.customers.add(Customer(f"cust_{name}", name, now, now, organization_id=organization_id))
    statuses = [
        panel.post("/services", {"name": f"web-{number}", **IMAGE, "customer_id": f"cust_{name}"}).status_code
        for number, name in enumerate("aba")
    ]
    assert statuses == [201, 201, 409]
    panel.patch(f"/organizations/{organization_id}", {"status": "suspended"})
    panel.patch(f"/plans/{plan_id}", {"quotas": {"services": None}})
    refused = panel.post("/services", {"name": "web", **IMAGE, "customer_id": "cust_b"})
    assert _code(refused) == (409, "subscription_suspended")


def test_a_customer_without_a_subscription_has_no_limits(panel: Panel) -> None:
    now = panel.ports.clock.now()
    with panel.ports.store.begin() as work:
        work.customers.add(Customer(CUSTOMER, "Tenant", now, now))
    created = panel.post("/services", {"name": "web", **IMAGE, "customer_id": CUSTOMER})
    assert created.json()["resources"]["cpu_limit"] is None


ACTIONS: dict[str, Callable[[Tenant, str, str], httpx.Response]] = {
    "create": lambda tenant, running, stopped: tenant.create("new", cpu=0.1),
    "deploy": lambda tenant, running, stopped: tenant.post(f"{running}/deploy"),
    "grow": lambda tenant, running, stopped: tenant.scale(running, {"cpu_limit": 1.1}),
    "start": lambda tenant, running, stopped: tenant.post(f"{stopped}/start"),
    "shrink": lambda tenant, running, stopped: tenant.scale(running, {"cpu_limit": 0.5}),
    "restart": lambda tenant, running, stopped: tenant.post(f"{running}/restart"),
    "rename": lambda tenant, running, stopped: tenant.panel.patch(running, {"name": "other"}, key=tenant.key),
    "read": lambda tenant, running, stopped: tenant.panel.get(running, key=tenant.key),
    "stop": lambda tenant, running, stopped: tenant.post(f"{running}/stop"),
    "delete": lambda tenant, running, stopped: tenant.panel.delete(running, key=tenant.key),
}
ALWAYS_ALLOWED = {"shrink", "restart", "rename", "read", "stop", "delete"}


@pytest.mark.parametrize("customer", list(TenantStatus))
@pytest.mark.parametrize("subscription", ["active", "suspended", "expired"])
def test_the_statuses_of_customer_and_subscription_have_independent_effects(
    tenant: Tenant, customer: TenantStatus, subscription: str
) -> None:
    running, stopped = tenant.running("first", cpu=1), tenant.running("second", cpu=0.5)
    tenant.post(f"{stopped}/stop")
    tenant.panel.work()
    verb = {"active": "resume", "suspended": "suspend", "expired": "expire"}[subscription]
    tenant.panel.post(f"/subscriptions/{tenant.subscription_id}/{verb}")
    tenant.set_status(customer)
    if customer is TenantStatus.SUSPENDED:
        assert _code(tenant.panel.get(running, key=tenant.key)) == (401, "unauthenticated")
        tenant.key = tenant.panel.admin
    code = f"subscription_{subscription}" if subscription != "active" else ""
    code = "customer_suspended" if customer is TenantStatus.SUSPENDED else code
    for name, act in ACTIONS.items():
        status, got = _code(act(tenant, running, stopped))
        assert got == ("" if name in ALWAYS_ALLOWED else code), f"{name}: {status}"


def _quotas(response: httpx.Response) -> dict[str, tuple[float, float, float]]:
    assert response.is_success, response.text
    shown = response.json().get("dry_run", response.json())["quotas"]
    return {use["quota"]: (use["limit"], use["used"], use["asked"]) for use in shown}


def test_dry_runs_and_validation_show_what_a_request_would_use_of_each_quota(tenant: Tenant) -> None:
    path = tenant.running("first", cpu=1, memory_mb=100)
    body = {"name": "second", **IMAGE, "resources": {"cpu_limit": 0.5, "memory_limit_mb": 64}}
    asked = {"services": (3, 1, 1), "cpu": (2, 1, 0.5), "memory_mb": (1000, 100, 64), "storage_mb": (2048, 0, 0)}
    assert _quotas(tenant.post("/services?dry_run=true", body)) == asked
    assert _quotas(tenant.panel.put(f"{path}/scale?dry_run=true", {"cpu_limit": 1.5}, key=tenant.key)) == {
        **asked,
        "services": (3, 1, 0),
        "memory_mb": (1000, 100, 0),
    }
    assert _quotas(tenant.post(f"{path}/stop?dry_run=true"))["memory_mb"] == (1000, 100, -100)
    text = "services: {a: {image: a, cpus: 0.25, volumes: ['x:/x']}}\nvolumes: {x: }\n"
    valid = tenant.post("/services/validate", {"compose": text})
    assert _quotas(valid) == {
        "services": (3, 1, 1),
        "cpu": (2, 1, 0.25),
        "memory_mb": (1000, 100, 512),
        "storage_mb": (2048, 0, 1024),
    }
    assert tenant.panel.post("/services/validate", {"compose": text}).json()["quotas"] == []


def test_the_plan_with_less_left_counts_in_a_dry_run(panel: Panel, tenant: Tenant) -> None:
    organization_id = create_organization(Resources(panel))
    plan_id = create_plan(Resources(panel), "resource", quotas={"services": 2})
    panel.post("/subscriptions", {"organization_id": organization_id, "plan_id": plan_id})
    with panel.ports.store.begin() as work:
        customer = work.customers.get(CUSTOMER)
        assert customer
        work.customers.save(replace(customer, organization_id=organization_id))
    shown = _quotas(tenant.post("/services?dry_run=true", {"name": "web", **IMAGE}))
    assert (shown["services"], shown["cpu"]) == ((2, 0, 1), (2, 0, 0.5))


def _overruns(response: httpx.Response) -> list[tuple[str, float, float, str | None]]:
    assert response.is_success, response.text
    shown = response.json()["dry_run"]["overruns"]
    return [(each["quota"], each["limit"], each["used"], each["customer_id"]) for each in shown]


def test_a_dry_run_of_a_plan_lists_who_would_have_more_than_it_allows(tenant: Tenant) -> None:
    panel, path = tenant.panel, f"/plans/{tenant.plan_id}?dry_run=true"
    tenant.running("first", cpu=1.5, memory_mb=600)
    assert _overruns(panel.patch(path, {"quotas": {"cpu": 1.5, "memory_mb": None}})) == []
    over = panel.patch(path, {"quotas": {"cpu": 1, "services": 0, "memory_mb": 700}})
    assert _overruns(over) == [("services", 0, 1, CUSTOMER), ("cpu", 1, 1.5, CUSTOMER)]
    plan = panel.get(f"/plans/{tenant.plan_id}")
    assert (plan.json()["quotas"]["cpu"], plan.headers["etag"]) == (2, over.headers["etag"])
    panel.post(f"/subscriptions/{tenant.subscription_id}/expire")
    assert _overruns(panel.patch(path, {"quotas": {"cpu": 1}})) == [], "an expired subscription has no limits"


def test_a_dry_run_of_a_downgrade_says_what_would_be_over(tenant: Tenant) -> None:
    panel = tenant.panel
    tenant.running("first", cpu=1.5, memory_mb=600)
    small = create_plan(Resources(panel), quotas={"cpu": 1})
    path = f"/subscriptions/{tenant.subscription_id}"
    before = panel.get(path)
    over = panel.patch(f"{path}?dry_run=true", {"plan_id": small}, headers={"If-Match": before.headers["etag"]})
    assert _overruns(over) == [("cpu", 1, 1.5, CUSTOMER)]
    assert panel.get(path).headers["etag"] == over.headers["etag"] == before.headers["etag"]
    panel.post(f"{path}/expire")
    body = {"customer_id": CUSTOMER, "plan_id": small}
    assert _overruns(panel.post("/subscriptions?dry_run=true", body)) == [("cpu", 1, 1.5, CUSTOMER)]
    assert panel.get(f"/subscriptions?customer_id={CUSTOMER}").json()["total"] == 1


def test_a_dry_run_of_an_organizations_plan_sums_up_its_customers(panel: Panel) -> None:
    organization_id, now = create_organization(Resources(panel)), panel.ports.clock.now()
    plan_id = create_plan(Resources(panel), "resource")
    panel.post("/subscriptions", {"organization_id": organization_id, "plan_id": plan_id})
    with panel.ports.store.begin() as work:
        for name in ("a", "b"):
            work.customers.add(Customer(f"cust_{name}", name, now, now, organization_id=organization_id))
    for name in ("a", "b"):
        panel.service(customer_id=f"cust_{name}")
    over = panel.patch(f"/plans/{plan_id}?dry_run=true", {"quotas": {"services": 1, "cpu": 1}})
    (overrun,) = over.json()["dry_run"]["overruns"]
    assert overrun == {
        "quota": "services",
        "limit": 1,
        "used": 2,
        "customer_id": None,
        "organization_id": organization_id,
    }
