"""Organizations over HTTP."""

from typing import Any

from domain.model.customer import Customer
from domain.model.identifiers import new_id
from tests.operation_data import Resources
from tests.operations.plans import create_plan
from tests.panel import Panel


def _create(panel: Panel, **fields: Any) -> dict[str, Any]:
    response = panel.post("/organizations", {"name": "Acme", **fields})
    assert response.status_code == 201, response.text
    return dict(response.json())


def _add_customer(panel: Panel, organization_id: str) -> Customer:
    now = panel.ports.clock.now()
    customer = Customer(new_id("cust"), "member", now, now, organization_id=organization_id)
    with panel.ports.store.begin() as work:
        work.customers.add(customer)
    return customer


def test_an_organization_is_created_changed_and_deleted(panel: Panel) -> None:
    created = _create(panel, contact_email="it@acme.example", notes="call first")
    path = f"/organizations/{created['id']}"
    assert panel.get(path).json() == created
    assert (created["status"], created["plan_id"], created["customers"]) == ("active", None, 0)
    changed = panel.patch(path, {"status": "suspended", "contact_email": None}).json()
    assert (changed["status"], changed["contact_email"], changed["notes"]) == ("suspended", None, "call first")
    assert panel.delete(path).status_code == 204
    assert panel.get(path).status_code == 404


def test_an_organization_shows_its_plan_and_the_number_of_its_customers(panel: Panel) -> None:
    organization_id, plan_id = _create(panel)["id"], create_plan(Resources(panel), "resource")
    panel.post("/subscriptions", {"organization_id": organization_id, "plan_id": plan_id})
    _add_customer(panel, organization_id)
    (shown,) = panel.get("/organizations").json()["data"]
    assert (shown["plan_id"], shown["customers"]) == (plan_id, 1)
    assert panel.get(f"/organizations/{organization_id}").json() == shown


def test_an_organization_that_owns_anything_is_not_deleted(panel: Panel) -> None:
    organization_id, plan_id = _create(panel)["id"], create_plan(Resources(panel), "resource")
    path = f"/organizations/{organization_id}"
    customer = _add_customer(panel, organization_id)
    subscription = panel.post("/subscriptions", {"organization_id": organization_id, "plan_id": plan_id}).json()
    refused = panel.delete(path)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "in_use")
    assert "1 customers and 1 subscriptions" in refused.json()["error"]["message"]
    with panel.ports.store.begin() as work:
        work.customers.remove(customer.id)
    assert panel.delete(path).status_code == 409
    panel.post(f"/subscriptions/{subscription['id']}/expire")
    assert panel.delete(path).status_code == 204
    assert panel.get(f"/subscriptions/{subscription['id']}").status_code == 404


def test_organizations_are_filtered_searched_and_sorted(panel: Panel) -> None:
    for name, status in (("Beta", "active"), ("Alpha", "suspended")):
        panel.patch(f"/organizations/{_create(panel, name=name)['id']}", {"status": status})

    def names(query: str) -> list[str]:
        return [organization["name"] for organization in panel.get(f"/organizations?{query}").json()["data"]]

    assert names("sort=name&order=asc") == ["Alpha", "Beta"]
    assert names("status=suspended") == ["Alpha"]
    assert names("search=bet") == ["Beta"]


def test_only_staff_can_read_organizations(panel: Panel) -> None:
    organization_id = _create(panel)["id"]
    for role, customer_id, status in (("customer", "cust_a", 403), ("admin", "cust_a", 403), ("viewer", None, 200)):
        key = panel.key(role, customer_id)
        assert panel.get(f"/organizations/{organization_id}", key=key).status_code == status
