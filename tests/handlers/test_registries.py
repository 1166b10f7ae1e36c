"""The operations of the tag `registries` over HTTP, and pulls with the logins that they store."""

from typing import Any

import pytest

from domain.adapters import memory
from domain.ports.runtime import RegistryCredentials, RegistryRateLimited, RegistryUnavailable
from tests.calls import error, tables
from tests.panel import Panel

HOST = "registry.example"
LOGIN = {"username": "ann", "password": "s3cret pass"}
CREDENTIALS = RegistryCredentials("ann", "s3cret pass")
BODY = {"name": "Build server", "host": HOST, **LOGIN}
PRIVATE = f"{HOST}/shop/web:1"


@pytest.fixture
def runtime(panel: Panel) -> memory.Runtime:
    """A runtime with a private image, at a registry that accepts one login."""
    runtime = panel.ports.runtime
    assert isinstance(runtime, memory.Runtime)
    runtime.logins.accepted[HOST] = CREDENTIALS
    runtime.images[PRIVATE] = memory.Behaviour(ports=(8080,), requires=CREDENTIALS)
    return runtime


def _create(panel: Panel, key: str = "", **fields: Any) -> Any:
    created = panel.post("/registries", {**BODY, **fields}, **({"key": key} if key else {}))
    assert created.status_code == 201, created.text
    return created.json()


def _deploy(panel: Panel, name: str = "shop", **fields: Any) -> Any:
    body = {"name": name, "deploy_method": "image", "image": PRIVATE, **fields}
    service = panel.post("/services", body).json()
    panel.work()
    return panel.get(f"/services/{service['id']}").json()


# ── Create ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_registry_is_stored_after_a_login_and_its_password_is_never_returned(
    panel: Panel, runtime: memory.Runtime
) -> None:
    registry = _create(panel)
    assert (registry["host"], registry["username"], registry["last_login"]["error"]) == (HOST, "ann", None)
    read = panel.get(f"/registries/{registry['id']}")
    assert read.json() == registry
    listed = panel.get("/registries")
    assert listed.json()["data"] == [registry]
    assert LOGIN["password"] not in read.text + listed.text + str(tables(panel, audit=True))


def test_a_login_that_the_registry_refuses_is_not_stored(panel: Panel, runtime: memory.Runtime) -> None:
    refused = panel.post("/registries", {**BODY, "password": "wrong"})
    assert (refused.status_code, error(refused)["code"]) == (422, "registry_refused")
    assert "password" in error(refused)["fields"]
    assert panel.get("/registries").json()["total"] == 0


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (RegistryUnavailable("It does not answer"), "registry_unavailable"),
        (RegistryRateLimited("Too many requests"), "registry_rate_limited"),
    ],
    ids=["away", "limited"],
)
def test_a_registry_that_cannot_check_the_login_has_a_code_of_its_own(
    panel: Panel, runtime: memory.Runtime, failure: Any, code: str
) -> None:
    runtime.logins.failures[HOST] = failure
    refused = panel.post("/registries", BODY)
    assert (refused.status_code, error(refused)["code"]) == (503, code)
    assert panel.get("/registries").json()["total"] == 0


def test_a_dry_run_tests_the_login_and_stores_nothing(panel: Panel, runtime: memory.Runtime) -> None:
    tried = panel.post("/registries?dry_run=true", BODY)
    assert (tried.status_code, tried.json()["dry_run"]["changes"][0]["resource"]) == (201, "registry")
    assert panel.post("/registries?dry_run=true", {**BODY, "password": "wrong"}).status_code == 422
    assert panel.get("/registries").json()["total"] == 0


@pytest.mark.parametrize("host", ["127.0.0.1:5000", "localhost:5000", "10.0.0.5", "169.254.169.254"])
def test_a_registry_of_the_inside_is_not_asked(panel: Panel, host: str) -> None:
    refused = panel.post("/registries", {**BODY, "host": host})
    assert (refused.status_code, error(refused)["code"]) == (422, "registry_refused")
    assert "PANEL_ALLOWED_NETWORKS" in error(refused)["fields"]["host"]


def test_a_customer_has_one_login_for_a_host_however_it_is_written(panel: Panel) -> None:
    _create(panel, host="docker.io")
    second = panel.post("/registries", {**BODY, "host": "Index.Docker.io"})
    assert (second.status_code, error(second)["code"]) == (409, "conflict")
    _create(panel, key=panel.key("customer", "cust_a"), host="docker.io")


def test_only_registries_without_a_customer_are_shared(panel: Panel) -> None:
    key = panel.key("customer", "cust_a")
    for refused in (
        panel.post("/registries", {**BODY, "shared": True}, key=key),
        panel.post("/registries", {**BODY, "shared": True, "customer_id": "cust_a"}),
        panel.patch(f"/registries/{_create(panel, key=key)['id']}", {"shared": True}),
    ):
        assert (refused.status_code, list(error(refused)["fields"])) == (422, ["shared"])


# ── Change and delete ────────────────────────────────────────────────────────────────────────────────


def test_a_new_password_is_tested_before_it_replaces_the_old_one(panel: Panel, runtime: memory.Runtime) -> None:
    path = f"/registries/{_create(panel)['id']}"
    runtime.logins.accepted[HOST] = RegistryCredentials("ann", "new")
    assert panel.patch(path, {"password": "wrong"}).status_code == 422
    assert panel.patch(path, {"password": "new"}).status_code == 200
    assert panel.patch(path, {"username": "bob"}).status_code == 422, "the stored password is tested with the new name"


def test_a_new_name_needs_no_login(panel: Panel, runtime: memory.Runtime) -> None:
    path = f"/registries/{_create(panel)['id']}"
    runtime.logins.failures[HOST] = RegistryUnavailable("It does not answer")
    assert panel.patch(path, {"name": "Another"}).json()["name"] == "Another"


def test_a_registry_from_which_a_service_runs_cannot_be_deleted(panel: Panel, runtime: memory.Runtime) -> None:
    path = f"/registries/{_create(panel)['id']}"
    service = _deploy(panel)
    refused = panel.delete(path)
    assert (refused.status_code, error(refused)["code"]) == (409, "in_use")
    assert "shop" in error(refused)["message"]
    panel.delete(f"/services/{service['id']}")
    assert panel.delete(path).status_code == 204


# ── Pull ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_private_image_is_pulled_with_the_login_of_its_registry(panel: Panel, runtime: memory.Runtime) -> None:
    assert _deploy(panel, "before")["status"] == "failed"
    _create(panel)
    assert _deploy(panel, "after")["status"] == "running"


def test_a_customer_pulls_with_its_own_login_or_a_shared_one_only(panel: Panel, runtime: memory.Runtime) -> None:
    registry = _create(panel)
    assert _deploy(panel, "one", customer_id="cust_a")["status"] == "failed"
    panel.patch(f"/registries/{registry['id']}", {"shared": True})
    assert _deploy(panel, "two", customer_id="cust_a")["status"] == "running"
    _create(panel, key=panel.key("customer", "cust_a"))
    runtime.images[PRIVATE] = memory.Behaviour(ports=(8080,), requires=RegistryCredentials("ann", "rotated"))
    assert _deploy(panel, "three", customer_id="cust_a")["status"] == "failed"


def test_a_pull_that_the_registry_refuses_is_shown_until_one_succeeds(panel: Panel, runtime: memory.Runtime) -> None:
    path = f"/registries/{_create(panel)['id']}"
    runtime.images[PRIVATE] = memory.Behaviour(ports=(8080,), requires=RegistryCredentials("ann", "rotated"))
    _deploy(panel, "one")
    assert panel.get(path).json()["last_login"]["error"] == "registry_refused"
    runtime.images[PRIVATE] = memory.Behaviour(ports=(8080,), requires=CREDENTIALS)
    _deploy(panel, "two")
    assert panel.get(path).json()["last_login"]["error"] is None
