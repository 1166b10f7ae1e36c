"""The real Keycloak that tests share. Tests that need it are marked `@pytest.mark.keycloak`.

`scripts/keycloak DIR` starts it; PANEL_TEST_KEYCLOAK is the issuer of its realm. The realm has ada (admin) and carl (of
the customer cust_acme). Each test process uses a client of its own in this realm.
"""

import html
import os
import re
from dataclasses import dataclass
from functools import cache
from uuid import uuid4

import httpx
import pytest

from domain.adapters import keycloak
from domain.settings import Settings

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


def connect(settings: Settings) -> keycloak.IdentityProvider:
    """Return the adapter for these settings."""
    return keycloak.IdentityProvider(keycloak.realm_of(settings), settings.oidc_secret)


@dataclass
class Browser:
    """An HTTP client that fills in Keycloak's forms, and keeps its cookies as a browser does."""

    client: httpx.Client

    def log_in(self, login_url: str, username: str, password: str) -> str:
        """Return the URL that Keycloak sends the browser to after the login."""
        page = self._keep(self.client.get(login_url))
        if page.status_code == 200:
            form = {"username": username, "password": password, "credentialId": ""}
            page = self._keep(self.client.post(self._action(page), data=form))
        assert page.status_code == 302, re.findall(r"(?s)<span[^>]*error[^>]*>(.*?)</span>", page.text) or page.text
        return page.headers["location"]

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
