"""The audit record over HTTP: what is written, by whom, and who sees it."""

import csv
import io
from typing import Any

import orjson
import pytest

from domain.model.role import Role
from tests.panel import Panel

IMAGE = {"deploy_method": "image", "image": "ai-admin-panel/hello:1"}
PLAN = {"name": "Basic", "kind": "customer", "quotas": {"services": 3}}


def _events(panel: Panel, query: str = "", key: str = "") -> list[dict[str, Any]]:
    response = panel.get(f"/audit-events?{query}", key=key)
    assert response.status_code == 200, response.text
    assert response.json()["chain"]["whole"], response.text
    return list(response.json()["data"])


def _changes(event: dict[str, Any]) -> dict[str, tuple[str | None, str | None]]:
    return {change["field"]: (change["before"], change["after"]) for change in event["changes"]}


def test_a_change_is_recorded_with_its_caller_and_the_fields_that_changed(panel: Panel) -> None:
    organization = panel.post("/organizations", {"name": "Acme"}).json()["id"]
    changed = panel.patch(
        f"/organizations/{organization}", {"name": "Acme Group"}, headers={"X-Request-Id": "req_of_the_test"}
    )
    assert changed.status_code == 200
    updated, created = _events(panel, f"resource_id={organization}")
    assert (created["action"], updated["action"]) == ("create_organization", "update_organization")
    assert updated["request_id"] == "req_of_the_test"
    assert (updated["resource_type"], updated["outcome"]) == ("organization", "succeeded")
    caller = panel.get("/auth/me").json()
    assert (updated["actor_type"], updated["actor_id"]) == ("api_key", caller["id"])
    assert updated["actor_name"] == caller["name"]
    assert _changes(created)["name"] == (None, "Acme")
    assert _changes(updated) == {"name": ("Acme", "Acme Group")}


def test_the_creation_of_a_service_is_one_event_of_the_service_and_its_customer(panel: Panel) -> None:
    service = panel.post("/services", {**IMAGE, "name": "shop", "customer_id": "cust_acme"}).json()["id"]
    (event,) = _events(panel, f"resource_id={service}")
    assert (event["action"], event["customer_id"]) == ("create_service", "cust_acme")
    assert _changes(event)["name"] == (None, "shop")


def test_an_action_on_internal_rows_is_recorded_for_what_its_path_names(panel: Panel) -> None:
    service = panel.post("/services", {**IMAGE, "name": "shop"}).json()["id"]
    panel.work()
    assert panel.post(f"/services/{service}/restart").status_code == 202
    assert _events(panel, f"resource_id={service}")[0]["action"] == "restart_service"


def test_what_changes_nothing_leaves_no_event(panel: Panel) -> None:
    before = len(_events(panel))
    assert panel.post("/organizations", {"name": ""}).status_code == 422
    assert panel.patch("/organizations/org_01aaaaaaaaaaaaaaaaaaaaaaaa", {"name": "x"}).status_code == 404
    assert panel.post("/services?dry_run=true", {**IMAGE, "name": "shop"}).status_code == 201
    assert panel.get("/organizations").status_code == 200
    assert len(_events(panel)) == before


def test_an_idempotent_request_is_recorded_once(panel: Panel) -> None:
    for _ in range(2):
        made = panel.post("/organizations", {"name": "Acme"}, headers={"Idempotency-Key": "one"})
    events = _events(panel, f"resource_id={made.json()['id']}")
    assert [event["action"] for event in events] == ["create_organization"]


def test_a_request_without_the_permission_is_recorded_as_refused(panel: Panel) -> None:
    viewer = panel.key(Role.VIEWER)
    assert panel.delete("/organizations/org_01aaaaaaaaaaaaaaaaaaaaaaaa", key=viewer).status_code == 403
    (event,) = _events(panel, "outcome=refused")
    assert (event["action"], event["error_code"]) == ("delete_organization", "forbidden")
    assert (event["resource_type"], event["resource_id"]) == ("organization", "org_01aaaaaaaaaaaaaaaaaaaaaaaa")
    assert event["actor_name"] == "viewer key"


def test_reading_without_the_permission_is_recorded_too(panel: Panel) -> None:
    customer = panel.key(Role.CUSTOMER, "cust_acme")
    assert panel.get("/organizations", key=customer).status_code == 403
    (event,) = _events(panel, "outcome=refused&action=list_organizations")
    assert event["customer_id"] == "cust_acme"


def test_revealed_variables_are_recorded_by_name(panel: Panel) -> None:
    body = {**IMAGE, "name": "shop", "secrets": {"PASSWORD": "correct horse"}}
    service = panel.post("/services", body).json()["id"]
    assert panel.post(f"/services/{service}/env/reveal", {"names": ["PASSWORD"]}).status_code == 200
    event = _events(panel, f"resource_id={service}")[0]
    assert event["action"] == "reveal_environment"
    assert _changes(event) == {"variables.PASSWORD": ("(hidden)", "(hidden)")}


def test_secrets_are_listed_as_changed_and_never_shown(panel: Panel) -> None:
    compose = "services: {web: {image: 'nginx:1', environment: {TOKEN: canary-in-text}}}"
    body = {"name": "shop", "deploy_method": "compose", "compose": compose, "variables": {"A": "canary-a"}}
    service = panel.post("/services", {**body, "secrets": {"PASSWORD": "canary-secret"}}).json()["id"]
    panel.patch(f"/services/{service}/env", {"secrets": {"PASSWORD": "canary-second"}})
    key = panel.post("/v1/api-keys", {"name": "ci", "role": "viewer"}).json()["key"]
    cookie = panel.session()["Cookie"].partition("=")[2]
    exported = panel.get("/audit-events", headers={"Accept": "application/x-ndjson"}).text
    assert "canary" not in exported
    assert key not in exported
    assert cookie not in exported
    assert _changes(_events(panel, f"resource_id={service}")[0])["definition.variables.PASSWORD.value"] == (
        "(hidden)",
        "(hidden)",
    )


def test_a_customer_sees_its_own_events_and_nothing_of_the_people_outside(panel: Panel) -> None:
    service = panel.post("/services", {**IMAGE, "name": "shop", "customer_id": "cust_acme"}).json()["id"]
    other = panel.post("/services", {**IMAGE, "name": "shop", "customer_id": "cust_other"}).json()["id"]
    key = panel.key(Role.CUSTOMER, "cust_acme")
    panel.patch(f"/services/{service}", {"name": "store"}, key=key)
    events = _events(panel, key=key)
    assert {event["customer_id"] for event in events} == {"cust_acme"}
    assert _events(panel, f"resource_id={other}", key=key) == []
    assert _events(panel, "customer_id=cust_other", key=key) == []
    by_staff = next(event for event in events if event["action"] == "create_service")
    assert [by_staff[name] for name in ("actor_id", "actor_name", "session_id", "address")] == [None] * 4
    assert next(event for event in events if event["action"] == "update_service")["actor_name"] == "customer key"
    foreign = _events(panel, f"resource_id={other}")[0]["id"]
    assert panel.get(f"/audit-events/{foreign}", key=key).status_code == 404


def test_a_session_is_named_as_what_the_actor_used(panel: Panel) -> None:
    session = panel.session()
    panel.post("/organizations", {"name": "Acme"}, key=None, headers=session)
    event = _events(panel, "action=create_organization")[0]
    assert event["session_id"] == panel.get("/auth/sessions").json()["data"][0]["id"]


def test_the_changes_of_a_subscription_s_status_have_names_of_their_own(panel: Panel) -> None:
    plan = panel.post("/plans", {"name": "Team", "kind": "resource"}).json()["id"]
    organization = panel.post("/organizations", {"name": "Acme"}).json()["id"]
    body = {"plan_id": plan, "organization_id": organization, "external_id": "canary"}
    subscription = panel.post("/subscriptions", body).json()["id"]
    for change in ("suspend", "resume", "expire"):
        assert panel.post(f"/subscriptions/{subscription}/{change}").status_code == 200
    events = _events(panel, f"resource_id={subscription}")
    assert [event["action"] for event in reversed(events)] == [
        "create_subscription",
        "subscription.suspend",
        "subscription.resume",
        "subscription.expire",
    ]
    assert _changes(events[0])["status"] == ("active", "expired")
    assert "canary" not in orjson.dumps(events).decode()


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", " =1+1"])
def test_no_cell_of_the_csv_is_a_formula(panel: Panel, name: str) -> None:
    key = panel.post("/v1/api-keys", {"name": name, "role": "admin"}).json()["key"]
    panel.post("/organizations", {"name": "Acme"}, key=key)
    response = panel.get("/audit-events?action=create_organization", headers={"Accept": "text/csv"})
    assert response.headers["content-type"].startswith("text/csv")
    (row,) = csv.DictReader(io.StringIO(response.text))
    assert row["actor_name"] == f"'{name}"
    assert row["action"] == "create_organization"


def test_an_export_has_all_events_that_the_filters_leave(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.audit.reading._BATCH", 2)
    made = [panel.post("/organizations", {"name": f"Acme {number}"}).json()["id"] for number in range(5)]
    panel.post("/plans", PLAN)
    text = panel.get(
        "/audit-events?action=create_organization&per_page=1", headers={"Accept": "application/x-ndjson"}
    ).text
    assert [orjson.loads(line)["resource_id"] for line in text.splitlines()] == made[::-1]


def test_an_event_never_changes_so_that_a_copy_stays_current(panel: Panel) -> None:
    panel.post("/organizations", {"name": "Acme"})
    event = _events(panel)[0]
    response = panel.get(f"/audit-events/{event['id']}")
    assert response.json() == event
    again = panel.get(f"/audit-events/{event['id']}", headers={"If-None-Match": response.headers["etag"]})
    assert again.status_code == 304


def test_an_action_that_cannot_be_recorded_does_not_happen(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("no space for audit events")

    with monkeypatch.context() as patched:
        patched.setattr("domain.adapters.sql.audit_trail.append", fail)
        assert panel.post("/organizations", {"name": "Acme"}).status_code == 500
    assert panel.get("/organizations").json()["total"] == 0
