"""Who is calling, over HTTP."""

from tests.panel import Panel


def test_auth_me_returns_the_caller(panel: Panel) -> None:
    key = panel.key("customer", "cust_a", denied_permissions=("env.reveal",), rate_limit_rpm=33)
    answered = panel.get("/auth/me", key=key)
    mine = answered.json()
    assert (mine["name"], mine["role"], mine["customer_id"]) == ("customer key", "customer", "cust_a")
    assert (mine["email"], mine["id"][:4]) == (None, "key_")
    assert "env.reveal" not in mine["permissions"]
    assert "services.read" in mine["permissions"]
    assert mine["rate_limits"]["authenticated"] == 33
    assert answered.headers["x-ratelimit-limit"] == "33"


def test_auth_me_refuses_requests_without_credentials(panel: Panel) -> None:
    answered = panel.get("/auth/me", key=None)
    assert (answered.status_code, answered.json()["error"]["code"]) == (401, "unauthenticated")
    assert answered.headers["www-authenticate"].startswith("Bearer")
