"""Plans over HTTP."""

from typing import Any

import pytest

from tests.panel import Panel

UNLIMITED = dict.fromkeys(("services", "cpu", "memory_mb", "storage_mb", "bandwidth_mb_per_month"))
FEATURES = (
    "template_deploy",
    "git_deploy",
    "ai_deploy",
    "compose_deploy",
    "custom_domains",
    "backup",
    "notifications",
    "api_access",
)


def _create(panel: Panel, **fields: Any) -> dict[str, Any]:
    response = panel.post("/plans", {"name": "Team", "kind": "customer", **fields})
    assert response.status_code == 201, response.text
    return dict(response.json())


def _names(panel: Panel, query: str = "") -> list[str]:
    return [plan["name"] for plan in panel.get(f"/plans{query}").json()["data"]]


def test_a_new_panel_offers_three_plans_in_their_order(panel: Panel) -> None:
    assert _names(panel) == ["Starter", "Pro", "Enterprise"]
    starter, pro, enterprise = panel.get("/plans").json()["data"]
    assert starter["quotas"] | {"bandwidth_mb_per_month": None} == {
        "services": 3,
        "cpu": 2,
        "memory_mb": 4096,
        "storage_mb": 20480,
        "bandwidth_mb_per_month": None,
    }
    assert [name for name in FEATURES if name.endswith("deploy") and starter["features"][name]] == ["template_deploy"]
    assert pro["features"] == enterprise["features"] == dict.fromkeys(FEATURES, True)
    assert enterprise["quotas"] == UNLIMITED


def test_a_plan_without_details_is_unlimited_and_includes_no_feature(panel: Panel) -> None:
    plan = _create(panel)
    assert plan["quotas"] == UNLIMITED
    assert plan["features"] == dict.fromkeys(FEATURES, False)
    assert plan["default_size"] == {"cpu": 0.5, "memory_mb": 512, "volume_mb": 1024}
    assert (plan["subscribers"], plan["sort_order"], plan["description"]) == (0, 0, "")
    assert panel.get(f"/plans/{plan['id']}").json() == plan


def test_a_merge_patch_changes_what_it_names_at_every_depth(panel: Panel) -> None:
    quotas = {"services": 5, "cpu": 4, "memory_mb": 0}
    plan = _create(panel, quotas=quotas, features={"backup": True}, default_size={"cpu": 1})
    changed = panel.patch(
        f"/plans/{plan['id']}",
        {"quotas": {"services": None, "cpu": 0.5}, "features": {"git_deploy": True}, "default_size": {"volume_mb": 7}},
    ).json()
    assert changed["quotas"] == {**UNLIMITED, "cpu": 0.5, "memory_mb": 0}
    assert changed["features"] == {**dict.fromkeys(FEATURES, False), "backup": True, "git_deploy": True}
    assert changed["default_size"] == {"cpu": 1, "memory_mb": 512, "volume_mb": 7}
    assert (changed["name"], changed["kind"]) == ("Team", "customer")
    assert changed["updated_at"] > plan["updated_at"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x", "kind": "group"}, "kind"),
        ({"name": "", "kind": "customer"}, "name"),
        ({"kind": "customer"}, "name"),
        ({"name": "x", "kind": "customer", "quotas": {"services": -1}}, "quotas.services"),
        ({"name": "x", "kind": "customer", "quotas": {"services": 1.5}}, "quotas.services"),
        ({"name": "x", "kind": "customer", "quotas": {"pods": 1}}, "quotas.pods"),
        ({"name": "x", "kind": "customer", "features": {"backup": None}}, "features.backup"),
        ({"name": "x", "kind": "customer", "default_size": {"cpu": 0}}, "default_size.cpu"),
    ],
)
def test_an_invalid_plan_is_refused_by_field(panel: Panel, body: dict[str, Any], field: str) -> None:
    refused = panel.post("/plans", body)
    assert refused.status_code == 422
    assert list(refused.json()["error"]["fields"]) == [field]
    assert _names(panel) == ["Starter", "Pro", "Enterprise"]


def test_the_kind_of_a_plan_cannot_change(panel: Panel) -> None:
    refused = panel.patch(f"/plans/{_create(panel)['id']}", {"kind": "resource"})
    assert (refused.status_code, list(refused.json()["error"]["fields"])) == (422, ["kind"])


def test_names_of_plans_are_unique(panel: Panel) -> None:
    plan = _create(panel)
    for refused in (
        panel.post("/plans", {"name": "Team", "kind": "resource"}),
        panel.patch(f"/plans/{plan['id']}", {"name": "Pro"}),
    ):
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "name_taken")
    assert panel.patch(f"/plans/{plan['id']}", {"name": "Team"}).status_code == 200


def test_plans_are_filtered_searched_and_sorted(panel: Panel) -> None:
    _create(panel, kind="resource", sort_order=25)
    assert _names(panel) == ["Starter", "Pro", "Team", "Enterprise"]
    assert _names(panel, "?order=desc") == ["Enterprise", "Team", "Pro", "Starter"]
    assert _names(panel, "?sort=name") == ["Enterprise", "Pro", "Starter", "Team"]
    assert _names(panel, "?kind=resource") == ["Team"]
    assert _names(panel, "?search=R&kind=customer") == ["Starter", "Pro", "Enterprise"]
    assert _names(panel, "?per_page=1&page=2") == ["Pro"]


def test_a_deleted_plan_is_gone_and_a_stale_request_deletes_nothing(panel: Panel) -> None:
    plan = _create(panel)
    path, old = f"/plans/{plan['id']}", panel.get(f"/plans/{plan['id']}").headers["etag"]
    panel.patch(path, {"description": "new"})
    assert panel.delete(path, headers={"If-Match": old}).status_code == 412
    assert panel.delete(path).status_code == 204
    assert panel.get(path).status_code == 404
    assert panel.delete(path).status_code == 404


def test_customers_see_the_plans_but_not_the_number_of_subscribers(panel: Panel) -> None:
    plan, key = _create(panel), panel.key("customer", "cust_a")
    assert panel.get(f"/plans/{plan['id']}", key=key).json()["subscribers"] is None
    assert {plan["subscribers"] for plan in panel.get("/plans", key=key).json()["data"]} == {None}
    assert panel.get(f"/plans/{plan['id']}").json()["subscribers"] == 0
