"""The history over HTTP: lists of deployments and operations, and logs by cursor."""

from typing import Any

import pytest

from tests.panel import Panel

NEVER = {"deployments": "dep_01aaaaaaaaaaaaaaaaaaaaaaaa", "operations": "op_01aaaaaaaaaaaaaaaaaaaaaaaa"}


def _ids(panel: Panel, path: str, **options: Any) -> list[str]:
    page = panel.get(path, **options).json()
    assert "page=" in path or page["total"] == len(page["data"])
    return [item["id"] for item in page["data"]]


@pytest.fixture
def history(panel: Panel) -> dict[str, Any]:
    """Two services of two customers: one scaled by a key of its own and then failing, one created and stopped."""
    one = panel.service("one", customer_id="cust_a")
    key = panel.key("customer", "cust_a")
    scaled = panel.put(f"/services/{one['id']}/scale", {"replicas": 2}, key=key).json()
    panel.work()
    two = panel.service("two", customer_id="cust_b")
    stopped = panel.post(f"/services/{two['id']}/stop").json()
    panel.work()
    waiting = panel.post(f"/services/{two['id']}/deploy").json()
    return {"one": one, "two": two, "key": key, "scaled": scaled, "stopped": stopped, "waiting": waiting}


def test_each_filter_of_the_deployments_narrows_them(panel: Panel, history: dict[str, Any]) -> None:
    one, two, scaled = history["one"], history["two"], history["scaled"]
    everything = [history["waiting"]["id"], two["deployment_id"], scaled["deployment_id"], one["deployment_id"]]
    assert _ids(panel, "/deployments") == everything
    assert _ids(panel, "/deployments?order=asc") == everything[::-1]
    assert _ids(panel, f"/deployments?service_id={one['id']}") == everything[2:]
    assert _ids(panel, "/deployments?customer_id=cust_b") == everything[:2]
    assert _ids(panel, "/deployments?trigger=scale") == [scaled["deployment_id"]]
    assert _ids(panel, "/deployments?status=queued") == [history["waiting"]["id"]]
    assert _ids(panel, f"/deployments?actor_id={scaled['actor_id']}") == [scaled["deployment_id"]]
    assert _ids(panel, "/deployments?sort=status&order=asc")[0] == history["waiting"]["id"]
    at = two["created_at"]
    assert _ids(panel, f"/deployments?from={at}") == everything[:2]
    assert _ids(panel, f"/deployments?to={at}") == everything[2:]
    assert _ids(panel, f"/deployments?from={at}&to={at}") == []
    page = panel.get("/deployments?page=2&per_page=3").json()
    assert ([item["id"] for item in page["data"]], page["total"]) == (everything[3:], 4)


def test_each_filter_of_the_operations_narrows_them(panel: Panel, history: dict[str, Any]) -> None:
    everything = _ids(panel, "/operations")
    assert everything[:2] == [history["waiting"]["operation_id"], history["stopped"]["id"]]
    assert len(everything) == 5
    assert _ids(panel, "/operations?order=asc") == everything[::-1]
    assert _ids(panel, f"/operations?resource_id={history['one']['id']}") == everything[3:]
    assert _ids(panel, "/operations?resource_id=dep_1") == []
    assert _ids(panel, "/operations?customer_id=cust_a") == everything[3:]
    assert _ids(panel, "/operations?kind=stop") == [history["stopped"]["id"]]
    assert _ids(panel, "/operations?status=queued") == everything[:1]
    assert _ids(panel, f"/operations?actor_id={history['scaled']['actor_id']}") == [history["scaled"]["id"]]
    assert _ids(panel, "/operations?sort=kind")[0] == history["stopped"]["id"]
    assert _ids(panel, "/operations?sort=status&order=asc")[0] == everything[0]
    assert _ids(panel, "/operations?page=3&per_page=2") == everything[4:]


def test_a_caller_with_a_customer_sees_the_history_of_that_customer_only(panel: Panel, history: dict[str, Any]) -> None:
    key = history["key"]
    for noun in ("deployments", "operations"):
        own = _ids(panel, f"/{noun}", key=key)
        assert own == _ids(panel, f"/{noun}?customer_id=cust_a")
        assert _ids(panel, f"/{noun}?customer_id=cust_a", key=key) == own
        assert _ids(panel, f"/{noun}?customer_id=cust_b", key=key) == []
        other = _ids(panel, f"/{noun}?customer_id=cust_b")[0]
        for path in ("", "/cancel", "/logs") if noun == "deployments" else ("", "/cancel"):
            method = "POST" if path == "/cancel" else "GET"
            theirs = panel.request(method, f"/{noun}/{other}{path}", key=key)
            never = panel.request(method, f"/{noun}/{NEVER[noun]}{path}", key=key)
            assert (theirs.status_code, never.status_code) == (404, 404)
            assert theirs.json()["error"]["message"] == never.json()["error"]["message"]
    assert panel.get(f"/deployments/{history['waiting']['id']}").json()["status"] == "queued"


def test_an_operation_has_its_actor_its_resource_and_its_result(panel: Panel) -> None:
    service = panel.service(customer_id="cust_a")
    asked = panel.post(f"/services/{service['id']}/deploy", headers={"X-Request-Id": "mine-1"}).json()
    queued = panel.get(f"/operations/{asked['operation_id']}").json()
    assert (queued["status"], queued["progress"], queued["steps"], queued["started_at"]) == ("queued", 0, [], None)
    assert (queued["request_id"], queued["actor_id"]) == ("mine-1", panel.get("/auth/me").json()["id"])
    assert (queued["resource_type"], queued["resource_id"]) == ("service", service["id"])
    assert (queued["customer_id"], queued["deployment_id"]) == ("cust_a", asked["id"])
    panel.work()
    ended = panel.get(f"/operations/{asked['operation_id']}?wait=5").json()
    assert (ended["status"], ended["progress"], ended["failure"]) == ("succeeded", 100, None)
    assert ended["created_at"] <= ended["started_at"] <= ended["finished_at"]
    assert ended["steps"] == panel.get(f"/deployments/{asked['id']}").json()["steps"]


def test_a_long_poll_ends_after_the_given_time(panel: Panel) -> None:
    service = panel.service()
    asked = panel.post(f"/services/{service['id']}/deploy").json()
    assert panel.get(f"/operations/{asked['operation_id']}?wait=1").json()["status"] == "queued"


# ── cancel ───────────────────────────────────────────────────────────────────────────────────────


def test_cancelling_a_queued_operation_ends_its_deployments_too(panel: Panel) -> None:
    path = f"/services/{panel.service()['id']}"
    asked = [panel.post(f"{path}/deploy").json() for _ in range(2)]
    cancelled = panel.post(f"/operations/{asked[0]['operation_id']}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (202, "cancelled")
    assert (cancelled.json()["cancel_requested"], cancelled.json()["failure"]["code"]) == (True, "cancelled")
    for each in asked:
        assert panel.get(f"/deployments/{each['id']}").json()["status"] == "cancelled"
    again = panel.post(f"/operations/{asked[0]['operation_id']}/cancel")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "already_ended")
    assert panel.get(path).json()["operation_id"] is None


def test_a_cancelled_queued_stop_keeps_the_service_running(panel: Panel) -> None:
    path = f"/services/{panel.service()['id']}"
    panel.post(f"/operations/{panel.post(f'{path}/stop').json()['id']}/cancel")
    assert "location" in panel.patch(path, {"deploy_timeout": 9}).headers, "it runs, so the change is deployed"


def test_a_cancelled_queued_start_keeps_the_service_stopped(panel: Panel) -> None:
    path = f"/services/{panel.service()['id']}"
    panel.post(f"{path}/stop")
    panel.work()
    for verb in ("start", "deploy"):
        asked = panel.post(f"{path}/{verb}").json()
        panel.post(f"/operations/{asked.get('operation_id') or asked['id']}/cancel")
        assert "location" not in panel.patch(path, {"deploy_timeout": 9}).headers, "it is stopped, so nothing starts"
    panel.post(f"{path}/stop")
    start = panel.post(f"{path}/start").json()["id"]
    panel.post(f"/operations/{start}/cancel")
    assert "location" not in panel.patch(path, {"deploy_timeout": 8}).headers, "what is left is the stop"


def test_a_service_whose_first_deployment_is_cancelled_does_not_stay_deploying(panel: Panel) -> None:
    created = panel.post("/services", {"name": "web", "deploy_method": "image", "image": "a"}).json()
    panel.post(f"/deployments/{created['deployment_id']}/cancel")
    service = panel.get(f"/services/{created['id']}").json()
    assert (service["status"], service["operation_id"], service["url"]) == ("failed", None, None)
    assert panel.post(f"/services/{created['id']}/deploy").status_code == 202
    panel.work()
    assert panel.get(f"/services/{created['id']}").json()["status"] == "running"


# ── logs ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_log_is_read_by_cursor_to_its_end(panel: Panel) -> None:
    path = f"/deployments/{panel.service()['deployment_id']}/logs"
    whole = panel.get(path).json()
    assert [line["number"] for line in whole["data"]] == list(range(1, len(whole["data"]) + 1))
    assert (whole["complete"], whole["next_after"]) == (True, len(whole["data"]))
    after, read = 0, []
    while True:
        part = panel.get(f"{path}?after={after}&limit=2").json()
        read += part["data"]
        after = part["next_after"]
        if part["complete"]:
            break
        assert len(part["data"]) == 2
    assert read == whole["data"]
    end = panel.get(f"{path}?after={after}").json()
    assert end == {"data": [], "next_after": after, "complete": True}
    assert panel.get(f"{path}?after={after + 1}").status_code == 410


def test_the_log_of_a_queued_deployment_is_not_complete(panel: Panel) -> None:
    service = panel.service()
    waiting = panel.post(f"/services/{service['id']}/deploy").json()
    empty = {"data": [], "next_after": 0, "complete": False}
    assert panel.get(f"/deployments/{waiting['id']}/logs").json() == empty
    panel.post(f"/deployments/{waiting['id']}/cancel")
    assert panel.get(f"/deployments/{waiting['id']}/logs").json() == {**empty, "complete": True}
