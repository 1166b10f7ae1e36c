"""API keys over HTTP: made once in plain sight, narrowed, rotated, revoked."""

from typing import Any

from tests.panel import Panel

NEW = {"name": "my-script", "role": "operator", "rateLimitRpm": 77}


def _made(panel: Panel, **fields: Any) -> dict[str, Any]:
    created = panel.post("/v1/api-keys", {**NEW, **fields})
    assert created.status_code == 201, created.text
    return dict(created.json())


def test_a_new_key_is_shown_once_and_has_the_permissions_of_its_role(panel: Panel) -> None:
    created = _made(panel)
    assert created["key"].startswith(f"{created['prefix']}_")
    mine = panel.get("/auth/me", key=created["key"]).json()
    assert (mine["id"], mine["name"], mine["role"]) == (created["id"], "my-script", "operator")
    for read in (panel.get(f"/v1/api-keys/{created['id']}"), panel.get("/v1/api-keys")):
        assert created["key"] not in read.text
        assert "digest" not in read.text
    assert panel.post("/v1/api-keys", NEW, key=created["key"]).status_code == 403
    used = panel.get("/services", key=created["key"])
    assert (used.status_code, used.headers["x-ratelimit-limit"]) == (200, "77")


def test_a_key_is_stored_with_the_fields_of_the_request(panel: Panel) -> None:
    fields = {
        "customerId": "cust_a",
        "role": "customer",
        "deniedPermissions": ["env.reveal"],
        "allowedIps": ["192.0.2.0/24"],
        "expiresAt": "2999-01-01T00:00:00Z",
    }
    created = _made(panel, **fields)
    read = panel.get(f"/v1/api-keys/{created['id']}").json()
    assert {name: read[name] for name in fields} == fields
    assert (read["requestCount"], read["lastUsedAt"], read["previousSecretUntil"]) == (0, None, None)
    assert panel.get("/services", key=created["key"]).status_code == 401, "nobody calls from there"


def test_a_patch_is_merged_and_null_removes_a_limit(panel: Panel) -> None:
    created = _made(panel, expiresAt="2999-01-01T00:00:00Z", deniedPermissions=["logs.read"])
    path = f"/v1/api-keys/{created['id']}"
    renamed = panel.patch(path, {"name": "renamed"}).json()
    assert (renamed["name"], renamed["rateLimitRpm"], renamed["deniedPermissions"]) == ("renamed", 77, ["logs.read"])
    lifted = panel.patch(path, {"rateLimitRpm": None, "expiresAt": None}).json()
    assert (lifted["rateLimitRpm"], lifted["expiresAt"]) == (None, None)
    stale = panel.patch(path, {"name": "again"}, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["error"]["code"]) == (412, "stale")
    assert panel.get(path).json()["name"] == "renamed"


def test_a_rotated_key_keeps_its_id_and_can_have_an_overlap(panel: Panel) -> None:
    created = _made(panel)
    path = f"/v1/api-keys/{created['id']}/rotate"
    rotated = panel.post(path, {"overlapSeconds": 60}).json()
    assert (rotated["id"], rotated["key"] != created["key"]) == (created["id"], True)
    assert rotated["previousSecretUntil"] is not None
    assert {panel.get("/auth/me", key=each["key"]).status_code for each in (created, rotated)} == {200}
    last = panel.post(path, {"overlapSeconds": 0}).json()
    assert [panel.get("/auth/me", key=each["key"]).status_code for each in (created, rotated, last)] == [401, 401, 200]


def test_a_revoked_key_is_refused(panel: Panel) -> None:
    created = _made(panel)
    assert panel.request("DELETE", f"/v1/api-keys/{created['id']}").status_code == 204
    assert panel.get("/auth/me", key=created["key"]).status_code == 401
    assert panel.get(f"/v1/api-keys/{created['id']}").status_code == 404


def test_the_last_admin_key_stays(panel: Panel) -> None:
    own = panel.get("/auth/me").json()["id"]
    refused = panel.request("DELETE", f"/v1/api-keys/{own}")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "last_admin_key")
    for body in ({"role": "viewer"}, {"expiresAt": "2099-01-01T00:00:00Z"}, {"allowedIps": ["198.51.100.0/24"]}):
        locked = panel.patch(f"/v1/api-keys/{own}", body)
        assert (locked.status_code, locked.json()["error"]["code"]) == (409, "last_admin_key")
    assert panel.patch(f"/v1/api-keys/{own}", {"allowedIps": ["127.0.0.0/8"]}).status_code == 200
    assert panel.get("/auth/me").status_code == 200


def test_the_list_is_filtered_searched_sorted_and_paged(panel: Panel) -> None:
    for name, role in (("bravo", "viewer"), ("alpha", "viewer"), ("charlie", "operator")):
        _made(panel, name=name, role=role)

    def names(query: str) -> list[str]:
        return [item["name"] for item in panel.get(f"/v1/api-keys?{query}").json()["data"]]

    assert names("role=viewer&sort=name&order=asc") == ["alpha", "bravo"]
    assert names("search=RAV") == ["bravo"]
    assert names("sort=createdAt")[:3] == ["charlie", "alpha", "bravo"]
    page = panel.get("/v1/api-keys?role=viewer&sort=name&order=asc&per_page=1&page=2").json()
    assert ([item["name"] for item in page["data"]], page["total"]) == (["bravo"], 2)


def test_a_caller_with_a_customer_sees_only_keys_of_that_customer(panel: Panel) -> None:
    key = panel.key("customer", "cust_a")
    theirs = _made(panel, role="customer", customerId="cust_b")["id"]
    assert panel.get("/v1/api-keys", key=key).json()["total"] == 1
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/rotate")):
        assert panel.request(method, f"/v1/api-keys/{theirs}{path}", key=key).status_code == 404
    assert panel.get(f"/v1/api-keys/{theirs}").status_code == 200
