"""The whole panel with the real Keycloak: logins and logouts, and the accounts of users and customers."""

import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from domain.adapters import memory
from domain.adapters.keycloak import accounts
from domain.model.customer import Customer
from domain.model.identifiers import new_id
from tests.browser import chromium
from tests.calls import error
from tests.keycloak import Browser, KeycloakPanel, start_keycloak_panel
from tests.operation_data import Resources
from tests.operations.customers import new_address
from tests.operations.plans import create_plan
from tests.ws.sockets import Sockets, serving

pytestmark = [pytest.mark.keycloak, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeycloakPanel]:
    """A panel for all tests of the module; each invites people of its own."""
    with start_keycloak_panel(tmp_path_factory.mktemp("panel")) as site:
        yield site


@pytest.fixture
def browser() -> Iterator[httpx.Client]:
    """A browser without cookies."""
    with httpx.Client(timeout=30) as client:
        yield client


def _status(site: KeycloakPanel, browser: httpx.Client) -> int:
    return site.get(browser, "/auth/me").status_code


# ── Login and logout ─────────────────────────────────────────────────────────────────────────────────


def test_an_invited_person_logs_in_at_keycloak_and_comes_back_to_the_page(
    site: KeycloakPanel, browser: httpx.Client
) -> None:
    customer = _create_customer(site, new_address()).json()["id"]
    user = site.invite(role="viewer", customer_id=customer)
    finished = site.log_in_first(browser, user)
    assert (finished.status_code, finished.headers["location"]) == (302, "/")
    me = site.get(browser, "/auth/me").json()
    assert {name: me[name] for name in ("id", "email", "role", "customer_id")} == {
        "id": user["id"],
        "email": user["email"],
        "role": "viewer",
        "customer_id": customer,
    }


def test_a_callback_with_another_state_creates_no_session(site: KeycloakPanel, browser: httpx.Client) -> None:
    callback = Browser(browser).log_in(site.login_url(browser), "ada", "ada-pass")
    state = dict(httpx.QueryParams(urlsplit(callback).query))["state"]
    refused = site.finish(browser, callback.replace(state, state[::-1]))
    assert (refused.status_code, error(refused)["code"]) == (400, "invalid_token")
    assert _status(site, browser) == 401
    assert site.finish(browser, callback).status_code == 302, "the login itself is still valid"
    assert (site.finish(browser, callback).status_code, _status(site, browser)) == (400, 200)


def test_logout_ends_the_session_at_keycloak(site: KeycloakPanel, browser: httpx.Client) -> None:
    assert site.log_in_first(browser, site.invite()).status_code == 302
    assert browser.get(site.login_url(browser)).status_code == 302, "Keycloak asks for nothing during its session"
    ended = site.post(browser, "/auth/logout")
    assert ended.json()["provider_session_ended"] is True
    assert _status(site, browser) == 401
    assert browser.get(site.login_url(browser)).status_code == 200, "Keycloak asks for name and password"


def test_an_administrator_of_keycloak_ends_the_panels_session_and_its_sockets(
    site: KeycloakPanel, browser: httpx.Client
) -> None:
    user = site.invite()
    assert site.log_in_first(browser, user).status_code == 302
    cookie = f"session={browser.cookies.get('session')}"
    with serving(site.panel) as server:
        sockets = Sockets(site.panel, server)
        with sockets.open(key=None, Cookie=cookie, Origin=site.url) as client:
            site.admin.user_logout(site.accounts(user["email"])[0]["id"])
            start = time.monotonic()  # Keycloak has sent the logout token by now
            client.wait_closed()
            assert time.monotonic() - start < 2
    assert _status(site, browser) == 401


def test_a_person_logs_in_with_chromium_and_logs_out_on_the_page(site: KeycloakPanel) -> None:
    with chromium() as page:
        page.open(f"{site.url}/")
        page.click("#login a")
        page.fill("#username", "carl")
        page.fill("#password", "carl-pass")
        page.click("#kc-login")
        page.find_displayed("#logout button")
        assert page.driver.current_url == f"{site.url}/"
        assert page.texts("#caller") == ["Signed in as Carl Customer (customer of cust_acme)."]
        page.click("#logout button")
        page.click("#login a")
        page.find_displayed("#username")


# ── Users and customers ──────────────────────────────────────────────────────────────────────────────


def test_a_disabled_user_cannot_log_in_at_keycloak_until_it_is_enabled(
    site: KeycloakPanel, browser: httpx.Client
) -> None:
    user = site.invite(role="operator")
    assert site.log_in_first(browser, user).status_code == 302
    assert site.panel.patch(f"/users/{user['id']}", {"enabled": False}).status_code == 200
    assert _status(site, browser) == 401
    with httpx.Client(timeout=30) as other:
        refused = Browser(other).submit(site.login_url(other), user["email"], "another-pass")
        assert (refused.status_code, "disabled" in refused.text) == (200, True)
    assert site.panel.patch(f"/users/{user['id']}", {"enabled": True}).status_code == 200
    callback = Browser(browser).log_in(site.login_url(browser), user["email"], "another-pass")
    assert site.finish(browser, callback).status_code == 302


def test_a_deleted_user_has_no_account_at_keycloak(site: KeycloakPanel) -> None:
    user = site.invite(role="operator")
    assert len(site.accounts(user["email"])) == 1
    assert site.panel.delete(f"/users/{user['id']}").status_code == 204
    assert site.accounts(user["email"]) == []


def _create_customer(site: KeycloakPanel, email: str, plan_id: str = "") -> httpx.Response:
    body = {
        "name": "Acme",
        "contact_name": "Carla Owner",
        "contact_email": email,
        "plan_id": plan_id or create_plan(Resources(site.panel)),
    }
    return site.panel.request_with_worker(
        "POST", "/customers", json=body, headers={"Idempotency-Key": email.replace("@", ":")}
    )


def test_the_owner_of_a_new_customer_logs_in_with_the_password_of_the_mail(
    site: KeycloakPanel, browser: httpx.Client
) -> None:
    email = new_address()
    customer = _create_customer(site, email).json()
    assert isinstance(site.panel.ports.mailer, memory.Mailer)
    [mail] = [sent for sent in site.panel.ports.mailer.sent if sent.to == email]
    password = mail.text.partition("your first password ")[2].partition("\n")[0]
    assert site.log_in_first(browser, {"email": email}, password).status_code == 302
    assert site.get(browser, "/auth/me").json()["customer_id"] == customer["id"]


def test_a_person_with_one_name_is_not_asked_for_another(site: KeycloakPanel, browser: httpx.Client) -> None:
    assert site.log_in_first(browser, site.invite(name="Ada")).status_code == 302
    assert site.get(browser, "/auth/me").json()["name"] == "Ada"


STEPS = ("create_user", "get_realm_role", "assign_realm_roles", "get_user_groups", "create_group", "group_user_add")


@pytest.mark.parametrize("step", STEPS)
def test_a_customer_whose_account_fails_leaves_nothing_and_the_same_key_completes_it(
    site: KeycloakPanel, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    email, plan = new_address(), create_plan(Resources(site.panel))
    with monkeypatch.context() as patch:
        patch.setattr(accounts.KeycloakAdmin, step, _failing_after(getattr(accounts.KeycloakAdmin, step)))
        failed = _create_customer(site, email, plan)
    assert failed.status_code >= 500, failed.text
    assert site.accounts(email) == []
    assert site.panel.get(f"/customers?plan_id={plan}").json()["data"] == []
    created = _create_customer(site, email, plan)
    assert created.status_code == 201, created.text
    assert len(site.accounts(email)) == 1


@pytest.mark.parametrize("step", STEPS)
def test_a_user_whose_account_fails_leaves_nothing_and_the_same_key_completes_it(
    site: KeycloakPanel, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    customer = _add_customer(site)
    email = new_address()
    with monkeypatch.context() as patch:
        patch.setattr(accounts.KeycloakAdmin, step, _failing_after(getattr(accounts.KeycloakAdmin, step)))
        failed = _invite(site, email, customer)
    assert failed.status_code >= 500, failed.text
    assert site.accounts(email) == []
    assert site.panel.get(f"/users?customer_id={customer}").json()["data"] == []
    invited, repeated = _invite(site, email, customer), _invite(site, email, customer)
    assert (invited.status_code, repeated.json()) == (201, invited.json())
    assert len(site.accounts(email)) == 1


def _add_customer(site: KeycloakPanel) -> str:
    """Add a customer that has no group at Keycloak yet."""
    customer_id, now = new_id("cust"), site.panel.ports.clock.now()
    with site.panel.ports.store.begin() as work:
        work.customers.add(Customer(customer_id, "Acme", now, now))
    return customer_id


def _invite(site: KeycloakPanel, email: str, customer_id: str) -> httpx.Response:
    body = {"email": email, "name": "Carla Owner", "role": "customer", "customer_id": customer_id}
    key = {"Idempotency-Key": email.replace("@", ":")}
    return site.panel.request_with_worker("POST", "/users", json=body, headers=key)


def _failing_after(method: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        method(*arguments, **named)
        raise RuntimeError("a fault that nobody foresaw, after the request was done")

    return call
