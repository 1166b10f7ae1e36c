"""Subscriptions over HTTP: owners, plans, expiry, and changes of status."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from domain.model.customer import Customer
from tests.operation_data import Resources
from tests.operations.organizations import create_organization
from tests.operations.plans import create_plan
from tests.panel import Panel

CUSTOMER = "cust_tenant"


@pytest.fixture
def customer_id(panel: Panel) -> str:
    """A customer."""
    now = panel.ports.clock.now()
    with panel.ports.store.begin() as work:
        work.customers.add(Customer(CUSTOMER, "Tenant", now, now))
    return CUSTOMER


def _subscribe(panel: Panel, **fields: Any) -> httpx.Response:
    return panel.post("/subscriptions", fields)


def _subscription(panel: Panel, **fields: Any) -> dict[str, Any]:
    resources = Resources(panel)
    owner = {} if "customer_id" in fields else {"organization_id": create_organization(resources)}
    kind = "customer" if "customer_id" in fields else "resource"
    response = _subscribe(panel, **{"plan_id": create_plan(resources, kind), **owner, **fields})
    assert response.status_code == 201, response.text
    return dict(response.json())


def _statuses(subscription: dict[str, Any]) -> list[str]:
    return [transition["status"] for transition in subscription["transitions"]]


def _fields(response: httpx.Response) -> list[str]:
    assert response.status_code == 422, response.text
    return sorted(response.json()["error"]["fields"])


def test_a_customer_has_a_plan_for_customers_and_an_organization_one_for_resources(
    panel: Panel, customer_id: str
) -> None:
    plans = {kind: create_plan(Resources(panel), kind) for kind in ("customer", "resource")}
    organization_id = create_organization(Resources(panel))
    assert _fields(_subscribe(panel, customer_id=customer_id, plan_id=plans["resource"])) == ["plan_id"]
    assert _fields(_subscribe(panel, organization_id=organization_id, plan_id=plans["customer"])) == ["plan_id"]
    for owner, kind in (({"customer_id": customer_id}, "customer"), ({"organization_id": organization_id}, "resource")):
        created = _subscribe(panel, **owner, plan_id=plans[kind]).json()
        assert (created["status"], _statuses(created)) == ("active", ["active"])
        assert panel.get(f"/subscriptions/{created['id']}").json() == created
        assert panel.get(f"/plans/{plans[kind]}").json()["subscribers"] == 1


def test_owner_plan_and_expiry_must_exist_and_fit(panel: Panel, customer_id: str) -> None:
    plan_id, organization_id = create_plan(Resources(panel)), create_organization(Resources(panel))
    owners = ["customer_id", "organization_id"]
    assert _fields(_subscribe(panel, plan_id=plan_id)) == owners
    assert (
        _fields(_subscribe(panel, plan_id=plan_id, customer_id=customer_id, organization_id=organization_id)) == owners
    )
    for unknown in (
        {"plan_id": plan_id, "customer_id": "cust_none"},
        {"plan_id": plan_id, "organization_id": "org_none"},
        {"plan_id": "plan_none", "customer_id": customer_id},
    ):
        refused = _subscribe(panel, **unknown)
        assert (refused.status_code, "_none" in refused.json()["error"]["details"]) == (404, True), refused.text
    for expiry in ("2020-01-01T00:00:00Z", "2099-02-30T00:00:00Z"):
        refused = _subscribe(panel, plan_id=plan_id, customer_id=customer_id, expires_at=expiry)
        assert _fields(refused) == ["expires_at"]
    assert panel.get("/subscriptions").json()["total"] == 0


def test_an_owner_has_one_active_subscription(panel: Panel, customer_id: str) -> None:
    first = _subscription(panel, customer_id=customer_id)
    refused = _subscribe(panel, customer_id=customer_id, plan_id=first["plan_id"])
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "already_subscribed")
    panel.post(f"/subscriptions/{first['id']}/suspend")
    second = _subscription(panel, customer_id=customer_id)
    refused = panel.post(f"/subscriptions/{first['id']}/resume")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "already_subscribed")
    panel.post(f"/subscriptions/{second['id']}/expire")
    assert panel.post(f"/subscriptions/{first['id']}/resume").json()["status"] == "active"


def test_transitions_are_recorded_and_repeating_one_changes_nothing(panel: Panel) -> None:
    path = f"/subscriptions/{_subscription(panel)['id']}"
    me = panel.get("/auth/me").json()["id"]
    for verb, status in (("suspend", "suspended"), ("resume", "active"), ("expire", "expired"), ("resume", "active")):
        for _ in range(2):
            changed = panel.post(f"{path}/{verb}")
            assert (changed.status_code, changed.json()["status"]) == (200, status)
    assert _statuses(changed.json()) == ["active", "suspended", "active", "expired", "active"]
    assert {transition["actor_id"] for transition in changed.json()["transitions"]} == {me}


def test_an_expired_subscription_is_not_suspended(panel: Panel) -> None:
    path = f"/subscriptions/{_subscription(panel)['id']}"
    panel.post(f"{path}/expire")
    refused = panel.post(f"{path}/suspend")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "wrong_state")


def test_only_the_latest_transitions_are_kept(panel: Panel) -> None:
    path = f"/subscriptions/{_subscription(panel)['id']}"
    for _ in range(30):
        panel.post(f"{path}/suspend")
        panel.post(f"{path}/resume")
    assert _statuses(panel.get(path).json()) == ["suspended", "active"] * 25


def test_a_merge_patch_changes_what_it_names(panel: Panel) -> None:
    created = _subscription(panel, external_id="bill-1", metadata={"a": "1", "b": "2"})
    path, plan_id = f"/subscriptions/{created['id']}", create_plan(Resources(panel), "resource")
    changed = panel.patch(path, {"plan_id": plan_id, "metadata": {"a": None, "c": "3"}}).json()
    assert (changed["plan_id"], changed["external_id"]) == (plan_id, "bill-1")
    assert changed["metadata"] == {"b": "2", "c": "3"}
    assert _fields(panel.patch(path, {"plan_id": create_plan(Resources(panel), "customer")})) == ["plan_id"]
    many = {f"name-{number}": "x" for number in range(49)}
    assert _fields(panel.patch(path, {"metadata": many})) == ["metadata"]


def test_a_plan_with_subscriptions_is_not_deleted(panel: Panel) -> None:
    subscription = _subscription(panel)
    path, other = f"/plans/{subscription['plan_id']}", create_plan(Resources(panel), "resource")
    panel.post(f"/subscriptions/{subscription['id']}/expire")
    assert panel.get(path).json()["subscribers"] == 0
    refused = panel.delete(path)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "in_use")
    panel.patch(f"/subscriptions/{subscription['id']}", {"plan_id": other})
    assert panel.delete(path).status_code == 204


def test_subscriptions_are_filtered(panel: Panel, customer_id: str) -> None:
    soon = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"
    later = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}"
    of_customer = _subscription(panel, customer_id=customer_id, expires_at=soon)
    of_group = _subscription(panel)

    def ids(query: str) -> list[str]:
        return [row["id"] for row in panel.get(f"/subscriptions?{query}").json()["data"]]

    panel.post(f"/subscriptions/{of_group['id']}/suspend")
    assert ids(f"customer_id={customer_id}") == [of_customer["id"]]
    assert ids(f"organization_id={of_group['organization_id']}") == [of_group["id"]]
    assert ids(f"plan_id={of_customer['plan_id']}") == [of_customer["id"]]
    assert ids("status=suspended") == [of_group["id"]]
    assert ids(f"expiring_before={later}") == [of_customer["id"]]
    assert ids(f"expiring_before={soon}") == []
    assert panel.get("/subscriptions?expiring_before=2026-02-30T00:00:00Z").status_code == 400
