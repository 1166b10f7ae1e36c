"""Customers over HTTP: created and deleted as a whole, suspended and reactivated, and who belongs to them."""

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest

from domain.adapters import memory
from domain.model.identifiers import new_id
from domain.model.role import Role
from domain.model.user import User
from domain.ports.repository import Query
from domain.ports.runtime import EngineRefused
from tests.http_server import serve_http
from tests.operation_data import Resources
from tests.operations.customers import new_address
from tests.operations.organizations import create_organization
from tests.operations.plans import create_plan
from tests.panel import Panel

IMAGE = {"deploy_method": "image", "image": "ai-admin-panel/hello:1", "port": 8080}


@dataclass
class Tenant:
    """A customer, and a key of it."""

    panel: Panel
    id: str
    key: str

    @property
    def path(self) -> str:
        return f"/customers/{self.id}"

    def service(self, name: str) -> str:
        """Return the path of a new service that runs."""
        return f"/services/{self.panel.service(name, customer_id=self.id)['id']}"

    def status(self, path: str) -> str:
        return str(self.panel.get(path).json()["status"])

    def post(self, action: str) -> dict[str, Any]:
        """Suspend or reactivate the customer; return the operation when it has ended."""
        accepted = self.panel.post(f"{self.path}/{action}")
        assert accepted.status_code == 202, accepted.text
        self.panel.work()
        return dict(self.panel.get(accepted.headers["location"].removeprefix("/api")).json())


def _create(panel: Panel, **fields: Any) -> httpx.Response:
    body = {"name": "Acme", "contact_email": new_address(), "plan_id": create_plan(Resources(panel)), **fields}
    headers = fields.pop("headers", {})
    body.pop("headers", None)
    return panel.request_with_worker("POST", "/customers", json=body, headers=headers)


@pytest.fixture
def tenant(panel: Panel) -> Tenant:
    created = _create(panel)
    assert created.status_code == 201, created.text
    customer_id = created.json()["id"]
    return Tenant(panel, customer_id, panel.key("customer", customer_id))


def _code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, "" if response.is_success else str(response.json()["error"]["code"])


def _mailer(panel: Panel) -> memory.Mailer:
    assert isinstance(panel.ports.mailer, memory.Mailer)
    return panel.ports.mailer


# ── Creation ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_customer_has_a_subscription_an_owner_who_can_log_in_and_a_mail(panel: Panel) -> None:
    address, plan_id = new_address(), create_plan(Resources(panel))
    created = _create(panel, contact_email=address, contact_name="Ada Lovelace", plan_id=plan_id).json()
    assert (created["welcome_mail"], created["plan_id"], created["services"]) == ("sent", plan_id, 0)
    subscription = panel.get(f"/subscriptions/{created['subscription_id']}").json()
    assert (subscription["customer_id"], subscription["status"]) == (created["id"], "active")
    (user,) = panel.get(f"/customers/{created['id']}/users").json()["data"]
    assert (user["name"], user["email"], user["role"]) == ("Ada Lovelace", address, "customer")
    (message,) = _mailer(panel).sent
    assert (message.to, address in message.text) == (address, True)
    provider = panel.ports.identity_provider
    assert isinstance(provider, memory.IdentityProvider)
    assert provider.log_in(f"{panel.ports.settings.url}?state=a&redirect_uri=b&code_challenge=c", address)
    assert "welcome_mail" not in panel.get(f"/customers/{created['id']}").json()


def test_an_address_with_another_account_is_refused_and_nothing_is_left(panel: Panel, tenant: Tenant) -> None:
    address = panel.get(tenant.path).json()["contact_email"]
    assert _code(_create(panel, contact_email=address)) == (409, "account_exists")
    assert panel.get("/customers").json()["total"] == 1
    assert len(_mailer(panel).sent) == 1


def test_an_address_that_the_mail_server_refuses_leaves_nothing_and_the_same_key_completes_it(panel: Panel) -> None:
    address, plan_id = new_address(), create_plan(Resources(panel))
    _mailer(panel).refused.add(address)
    request = {"contact_email": address, "plan_id": plan_id, "headers": {"Idempotency-Key": "one"}}
    refused = _create(panel, **request)
    message = f"The mail server does not take mail to {address}: it answers with the code 550"
    assert (refused.status_code, refused.json()["error"]["fields"]) == (422, {"contact_email": message})
    assert panel.get("/customers").json()["total"] == 0
    _mailer(panel).refused.clear()
    created = _create(panel, **request)
    assert (created.status_code, _create(panel, **request).json()["id"]) == (201, created.json()["id"])
    assert panel.get("/customers").json()["total"] == 1
    assert _code(_create(panel, **{**request, "name": "Other"})) == (409, "idempotency_mismatch")


def test_plan_and_organization_of_a_new_customer_must_exist_and_fit(panel: Panel) -> None:
    refused = _create(panel, plan_id=create_plan(Resources(panel), "resource"))
    assert (refused.status_code, list(refused.json()["error"]["fields"])) == (422, ["plan_id"])
    for fields in ({"plan_id": "plan_unknown"}, {"organization_id": "org_unknown"}):
        refused = _create(panel, **fields)
        assert (refused.status_code, "_unknown" in refused.json()["error"]["details"]) == (404, True)


# ── Reading and changes ──────────────────────────────────────────────────────────────────────────────


def test_customers_are_filtered_by_plan_organization_status_and_name(panel: Panel, tenant: Tenant) -> None:
    organization_id, plan_id = create_organization(Resources(panel)), create_plan(Resources(panel))
    other = _create(panel, name="Umbrella", organization_id=organization_id, plan_id=plan_id).json()["id"]
    tenant.post("suspend")
    for query, found in (
        (f"plan_id={plan_id}", other),
        (f"organization_id={organization_id}", other),
        ("search=umbr", other),
        ("status=suspended", tenant.id),
    ):
        listed = panel.get(f"/customers?{query}").json()
        assert [each["id"] for each in listed["data"]] == [found], query
    assert [each["id"] for each in panel.get("/customers?sort=name&order=asc").json()["data"]] == [tenant.id, other]
    subscription_id = panel.get(f"/customers/{other}").json()["subscription_id"]
    panel.post(f"/subscriptions/{subscription_id}/expire")
    assert panel.get(f"/customers?plan_id={plan_id}").json()["total"] == 0


def test_a_customer_shows_its_services_and_what_they_count_for(tenant: Tenant) -> None:
    size = {"cpu_limit": 1.5, "memory_limit_mb": 300}
    tenant.panel.service("web", customer_id=tenant.id, resources=size)
    shown = tenant.panel.get(tenant.path).json()
    assert (shown["services"], shown["usage"]) == (1, {"cpu": 1.5, "memory_mb": 300, "storage_mb": 0})


def test_a_change_must_match_and_name_an_organization_that_exists(tenant: Tenant) -> None:
    panel, etag = tenant.panel, {"If-Match": tenant.panel.get(tenant.path).headers["etag"]}
    assert panel.patch(tenant.path, {"notes": "pays late"}, headers=etag).json()["notes"] == "pays late"
    assert _code(panel.patch(tenant.path, {"notes": "x"}, headers=etag)) == (412, "stale")
    assert panel.patch(tenant.path, {"organization_id": "org_unknown"}).status_code == 404


# ── Suspension ───────────────────────────────────────────────────────────────────────────────────────


def test_a_suspension_stops_the_services_and_a_reactivation_starts_what_ran(tenant: Tenant) -> None:
    running, stopped = tenant.service("running"), tenant.service("stopped")
    tenant.panel.post(f"{stopped}/stop")
    tenant.panel.work()
    assert tenant.post("suspend")["status"] == "succeeded"
    assert (tenant.status(running), tenant.status(stopped)) == ("stopped", "stopped")
    assert tenant.panel.get(tenant.path).json()["status"] == "suspended"
    assert tenant.post("suspend")["status"] == "succeeded", "it can be repeated"
    assert tenant.post("reactivate")["status"] == "succeeded"
    assert (tenant.status(running), tenant.status(stopped)) == ("running", "stopped")


def test_a_suspension_cancels_deployments_and_waits_for_what_runs(tenant: Tenant) -> None:
    panel, path = tenant.panel, tenant.service("web")
    store, now = panel.ports.store, panel.ports.clock.now()
    panel.post(f"{path}/deploy")
    with store.begin() as work:
        running = work.operations.claim("another worker", now, now + timedelta(hours=1))
    assert running
    waiting = panel.post(f"{path}/deploy").json()["operation_id"]
    assert tenant.post("suspend")["status"] == "queued", "no thread waits for the other worker"
    assert panel.get(f"/operations/{waiting}").json()["status"] == "cancelled"
    assert panel.get(f"/operations/{running.id}").json()["cancel_requested"]
    with store.begin() as work:
        work.operations.renew(running.id, "another worker", now)
    assert tenant.post("suspend")["status"] == "succeeded"
    assert panel.get(f"/operations/{running.id}").json()["status"] == "cancelled"
    assert tenant.status(path) == "stopped"


def test_a_suspended_customers_keys_and_sessions_end_and_keys_return(tenant: Tenant) -> None:
    panel, session = tenant.panel, tenant.panel.session(tenant.key)
    assert panel.get("/services", key=None, headers=session).status_code == 200
    tenant.post("suspend")
    assert panel.get("/services", key=tenant.key).status_code == 401
    assert panel.get("/services", key=None, headers=session).status_code == 401
    assert panel.post("/auth/sessions", key=tenant.key).status_code == 401
    tenant.post("reactivate")
    assert panel.get("/services", key=tenant.key).status_code == 200
    assert panel.get("/services", key=None, headers=session).status_code == 401, "sessions stay ended"


def test_the_open_stream_of_a_suspended_customer_ends(tenant: Tenant) -> None:
    panel, headers = tenant.panel, {"Accept": "text/event-stream", "Authorization": f"Bearer {tenant.key}"}
    with (
        serve_http(panel.app, panel.ports) as url,
        httpx.stream("GET", f"{url}/api/events", headers=headers, timeout=30) as stream,
    ):
        assert stream.status_code == 200
        panel.post(f"{tenant.path}/suspend")
        suspended_at = time.monotonic()
        for _ in stream.iter_bytes():
            assert time.monotonic() - suspended_at < 4, "twice of what is promised, for machines that are busy"


def test_nothing_is_deployed_or_started_for_a_suspended_customer(tenant: Tenant) -> None:
    path = tenant.service("web")
    tenant.post("suspend")
    refused = (409, "customer_suspended")
    assert _code(tenant.panel.post("/services", {"name": "new", **IMAGE, "customer_id": tenant.id})) == refused
    for action in ("deploy", "start", "restart"):
        assert _code(tenant.panel.post(f"{path}/{action}")) == refused, action


def test_what_was_stopped_during_a_suspension_stays_stopped(tenant: Tenant) -> None:
    path = tenant.service("web")
    tenant.post("suspend")
    tenant.panel.post(f"{path}/stop")
    tenant.post("reactivate")
    assert tenant.status(path) == "stopped"


def test_a_reactivation_leaves_its_mark_only_at_what_did_not_start(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel, started, failed = tenant.panel, tenant.service("started"), tenant.service("failed")
    start = panel.ports.runtime.start

    def start_one(name: str) -> None:
        if failed.removeprefix("/services/svc_") in name:
            raise EngineRefused("no space left on device")
        start(name)

    tenant.post("suspend")
    with monkeypatch.context() as patch:
        patch.setattr(panel.ports.runtime, "start", start_one)
        assert tenant.post("reactivate")["failure"]["code"] == "service_failed"
    assert (_is_marked(panel, started), _is_marked(panel, failed)) == (False, True)
    panel.post(f"{started}/stop")
    panel.work()
    assert tenant.post("reactivate")["status"] == "succeeded", "it can be repeated"
    assert (tenant.status(started), tenant.status(failed)) == ("stopped", "running")
    assert not _is_marked(panel, failed)


def _is_marked(panel: Panel, path: str) -> bool:
    """Return whether a service has the mark of its customer's suspension."""
    with panel.ports.store.read() as work:
        service = work.services.get(path.removeprefix("/services/"))
    assert service
    return service.suspended_at is not None


# ── Deletion ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_customer_with_services_is_deleted_only_with_them(tenant: Tenant) -> None:
    panel, path = tenant.panel, tenant.service("web")
    assert _code(panel.delete(tenant.path)) == (409, "in_use")
    assert tenant.status(path) == "running"
    assert panel.delete(f"{tenant.path}?cascade=true").status_code == 204
    for gone in (path, tenant.path):
        assert panel.get(gone).status_code == 404
    assert panel.ports.runtime.containers({}) == []
    assert panel.get("/services", key=tenant.key).status_code == 401
    assert panel.get(f"/subscriptions?customer_id={tenant.id}").json()["total"] == 0
    owned = Query(filters={"customer_id": tenant.id})
    with panel.ports.store.read() as work:
        assert work.api_keys.page(owned).total == work.users.page(owned).total == 0


def test_the_accounts_of_a_deleted_customer_are_deleted(panel: Panel) -> None:
    address = new_address()
    customer_id = _create(panel, contact_email=address).json()["id"]
    assert panel.delete(f"/customers/{customer_id}").status_code == 204
    assert _create(panel, contact_email=address).status_code == 201, "the address is free"


def test_a_deletion_must_match(tenant: Tenant) -> None:
    assert _code(tenant.panel.delete(tenant.path, headers={"If-Match": '"99"'})) == (412, "stale")
    assert tenant.panel.get(tenant.path).json()["status"] == "active"


# ── Users ────────────────────────────────────────────────────────────────────────────────────────────


def _add_user(tenant: Tenant, role: Role = Role.VIEWER, **fields: Any) -> str:
    user_id, ports = new_id("usr"), tenant.panel.ports
    values = {"customer_id": tenant.id, **fields}
    with ports.store.begin() as work:
        work.users.add(User(user_id, "Bob", new_address(), user_id, role, ports.clock.now(), **values))
    return f"{tenant.path}/users/{user_id}"


def test_the_last_owner_of_a_customer_stays(tenant: Tenant) -> None:
    panel = tenant.panel
    (owner,) = panel.get(f"{tenant.path}/users").json()["data"]
    first = f"{tenant.path}/users/{owner['id']}"
    assert _code(panel.put(first, {"role": "viewer"})) == (409, "last_owner")
    assert _code(panel.delete(first)) == (409, "last_owner")
    second = _add_user(tenant)
    assert panel.put(second, {"role": "customer"}).json()["role"] == "customer"
    assert panel.delete(first).status_code == 204
    assert _code(panel.delete(second)) == (409, "last_owner")


def test_an_unlinked_user_loses_its_sessions_and_keys_and_can_be_linked_again(tenant: Tenant) -> None:
    panel, path = tenant.panel, _add_user(tenant)
    user_id = path.rpartition("/")[2]
    key = panel.key("customer", tenant.id, created_by=user_id)
    made_with_key = panel.post("/v1/api-keys", {"name": "another", "role": "viewer"}, key=key).json()["key"]
    assert panel.delete(path).status_code == 204
    assert {panel.get("/services", key=ended).status_code for ended in (key, made_with_key)} == {401}
    assert panel.get("/services", key=tenant.key).status_code == 200, "the keys of others stay"
    assert _code(panel.delete(path)) == (404, "not_found")
    with panel.ports.store.read() as work:
        user = work.users.get(user_id)
        assert user
        assert (user.customer_id, user.enabled) == (None, False), "a user without a customer would be staff"
    linked = panel.put(path, {"role": "viewer"}).json()
    assert (linked["role"], linked["enabled"]) == ("viewer", True)


def test_staff_and_users_of_other_customers_are_not_linked(panel: Panel, tenant: Tenant) -> None:
    other = Tenant(panel, _create(panel).json()["id"], "")
    for path in (
        _add_user(tenant, Role.ADMIN, customer_id=None),
        _add_user(tenant, Role.VIEWER, customer_id=None),
        _add_user(tenant, Role.VIEWER, customer_id=other.id),
    ):
        assert _code(panel.put(path, {"role": "viewer"})) == (409, "wrong_state")
    assert _code(panel.put(f"{tenant.path}/users/usr_unknown", {"role": "viewer"})) == (404, "not_found")
