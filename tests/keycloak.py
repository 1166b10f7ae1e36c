"""The real Keycloak that tests share. Tests that need it are marked `@pytest.mark.keycloak`.

`scripts/keycloak DIR` starts it; PANEL_TEST_KEYCLOAK is the issuer of its realm. The realm has ada (admin) and carl (of
the customer cust_acme). Each test process uses a client of its own in this realm.
"""

import html
import os
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from keycloak import KeycloakAdmin

from domain.adapters import keycloak
from domain.adapters.keycloak.server import DEADLINE
from domain.settings import Settings
from tests import conformance
from tests.http_server import serve_http
from tests.operations.customers import new_address
from tests.panel import Panel, start_panel
from tests.process import free_port

ADMINISTRATOR = keycloak.Administrator("admin", "admin")
_FORM = re.compile(r'<form[^>]*action="([^"]+)"')


def shared_issuer() -> str:
    """Return the issuer of the shared realm."""
    issuer = os.environ.get("PANEL_TEST_KEYCLOAK", "")
    if not issuer:
        pytest.fail('PANEL_TEST_KEYCLOAK is not set: eval "$(scripts/keycloak DIR)" starts it; it is PANEL_OIDC_ISSUER')
    return issuer


@cache
def client_settings(public_url: str = "http://testserver") -> dict[str, str]:
    """Return the settings of a new client in the shared realm, for a panel at this URL."""
    issuer, client_id = shared_issuer(), f"test-{uuid4().hex[:12]}"
    settings = Settings(public_url=public_url, oidc_client_id=client_id)
    secret = keycloak.set_up_realm(settings, issuer, ADMINISTRATOR)
    return {
        "public_url": public_url,
        "oidc_issuer": issuer,
        "oidc_client_id": client_id,
        "oidc_client_secret": secret,
    }


def connect(settings: Settings, deadline: float = DEADLINE) -> keycloak.IdentityProvider:
    """Return the adapter for these settings."""
    return keycloak.IdentityProvider(keycloak.realm_of(settings), settings.oidc_secret, deadline)


def administer() -> KeycloakAdmin:
    """Return a client of the shared realm with all rights."""
    server, _, realm = shared_issuer().rpartition("/realms/")
    return KeycloakAdmin(
        server_url=f"{server}/",
        username=ADMINISTRATOR.username,
        password=ADMINISTRATOR.password,
        realm_name=realm,
        user_realm_name="master",
        timeout=60,
    )


@dataclass
class Browser:
    """An HTTP client that fills in Keycloak's forms, and keeps its cookies as a browser does."""

    client: httpx.Client

    def log_in(self, login_url: str, username: str, password: str) -> str:
        """Return the URL that Keycloak sends the browser to after the login."""
        page = self.submit(login_url, username, password)
        assert page.status_code == 302, re.findall(r"(?s)<span[^>]*error[^>]*>(.*?)</span>", page.text) or page.text
        return page.headers["location"]

    def submit(self, login_url: str, username: str, password: str) -> httpx.Response:
        """Return Keycloak's response to the login, which asks for nothing if the browser is logged in."""
        page = self._keep(self.client.get(login_url))
        if page.status_code == 200:
            form = {"username": username, "password": password, "credentialId": ""}
            page = self._keep(self.client.post(self._action(page), data=form))
        return page

    def set_password(self, login_url: str, username: str, password: str, new: str) -> str:
        """Log in with a temporary password and choose another; return the URL that the browser is sent to."""
        page = self._keep(self.client.get(self.log_in(login_url, username, password)))
        page = self._keep(self.client.post(self._action(page), data={"password-new": new, "password-confirm": new}))
        assert page.status_code == 302, page.text
        return page.headers["location"]

    def _action(self, page: httpx.Response) -> str:
        action = _FORM.search(page.text)
        assert action, page.text
        return html.unescape(action[1])

    def _keep(self, response: httpx.Response) -> httpx.Response:
        """Keep cookies that are Secure: a browser sends them to localhost without TLS too."""
        for cookie in self.client.cookies.jar:
            cookie.secure = False
        return response


@dataclass
class KeycloakPanel:
    """A panel at a URL that Keycloak and browsers reach, whose people log in at the shared realm."""

    panel: Panel
    url: str
    admin: KeycloakAdmin

    def get(self, browser: httpx.Client, path: str) -> httpx.Response:
        """Send a request of a browser to a path below /api."""
        return self._checked("GET", browser.get(f"{self.url}/api{path}"))

    def post(self, browser: httpx.Client, path: str) -> httpx.Response:
        """Send a request of a browser, with the panel's origin, to a path below /api."""
        return self._checked("POST", browser.post(f"{self.url}/api{path}", headers={"Origin": self.url}))

    def invite(self, **fields: Any) -> dict[str, Any]:
        """Invite a person with a new address."""
        body = {"email": new_address(), "name": "Ada L", "role": "admin", **fields}
        invited = self.panel.request_with_worker("POST", "/users", json=body)
        assert invited.status_code == 201, invited.text
        return dict(invited.json())

    def login_url(self, browser: httpx.Client, redirect: str = "/") -> str:
        """Start a login in a browser; return Keycloak's URL."""
        started = self.get(browser, f"/auth/login?redirect={redirect}")
        assert started.status_code == 302, started.text
        return started.headers["location"]

    def finish(self, browser: httpx.Client, callback: str) -> httpx.Response:
        """Bring a browser back to the panel."""
        assert callback.startswith(f"{self.url}/api/auth/callback?")
        return self.get(browser, callback.removeprefix(f"{self.url}/api"))

    def log_in_first(self, browser: httpx.Client, user: dict[str, Any], password: str = "") -> httpx.Response:
        """Log an invited person in with the first password, for which Keycloak asks another."""
        first = password or user["first_password"]
        email = user["email"]
        callback = Browser(browser).set_password(self.login_url(browser), email, first, "another-pass")
        return self.finish(browser, callback)

    def accounts(self, email: str) -> list[dict[str, Any]]:
        """Return the accounts with an address at Keycloak."""
        return list(self.admin.get_users({"email": email, "exact": True}))

    def _checked(self, method: str, response: httpx.Response) -> httpx.Response:
        conformance.check_response(method, response)
        return response


@contextmanager
def start_keycloak_panel(folder: Path, **adapters: Any) -> Iterator[KeycloakPanel]:
    """Start a panel with the shared realm. Keycloak can reach it."""
    port = free_port()
    settings = client_settings(f"http://localhost:{port}")
    with (
        closing(connect(Settings(**settings), deadline=60)) as provider,  # beside other tests it is slow
        start_panel(folder, adapters={"identity_provider": provider, **adapters}, **settings) as panel,
        serve_http(panel.app, panel.ports, port),
    ):
        yield KeycloakPanel(panel, settings["public_url"], administer())
