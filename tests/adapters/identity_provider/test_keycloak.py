"""What only a real Keycloak can show: its setup, its problems, and its absence."""

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from uuid import uuid4

import pytest
from keycloak import KeycloakAdmin

from domain.adapters import keycloak
from domain.adapters.keycloak.client import Realm
from domain.errors import InvalidToken, Unavailable
from domain.model.role import Role
from domain.ports.identity_provider import LoginRequest
from domain.settings import Settings
from tests.keycloak import ADMINISTRATOR, client_settings, connect, shared_issuer

REQUEST = LoginRequest("state", "nonce", "c" * 43, "http://testserver/api/auth/callback")
ROLES = "admin=boss,operator=hands,customer=guest,viewer=eyes"


@pytest.fixture
def empty_realm() -> Iterator[tuple[KeycloakAdmin, Settings]]:
    """A new realm without anything of the panel."""
    server, name = shared_issuer().rpartition("/realms/")[0], f"test-{uuid4().hex[:12]}"
    admin = KeycloakAdmin(server_url=f"{server}/", username="admin", password="admin", realm_name="master")
    admin.create_realm({"realm": name, "enabled": True})
    admin.connection.get_token()  # the rights in a new realm are in new tokens only
    admin.change_current_realm(name)
    yield (
        admin,
        Settings(public_url="https://panel.example.com", oidc_issuer=f"{server}/realms/{name}", oidc_roles=ROLES),
    )
    admin.delete_realm(name)


@pytest.mark.keycloak
def test_the_setup_makes_all_that_the_check_asks_for_and_can_be_repeated(
    empty_realm: tuple[KeycloakAdmin, Settings],
) -> None:
    admin, settings = empty_realm
    secret = keycloak.set_up_realm(settings, settings.oidc_issuer, ADMINISTRATOR)
    assert keycloak.set_up_realm(settings, settings.oidc_issuer, ADMINISTRATOR) == secret
    with closing(connect(replace(settings, oidc_client_secret=secret))) as provider:
        assert provider.problems() == []
        _break(admin, settings)
        problems = "\n".join(provider.problems())
        for part in (
            "redirect URI",
            "pkce",
            "claim roles",
            "role eyes",
            "group customers",
            "own attribute customer_id",
            "requires a last name",
        ):
            assert part in problems
        keycloak.set_up_realm(settings, settings.oidc_issuer, ADMINISTRATOR)
        assert provider.problems() == []


def _break(admin: KeycloakAdmin, settings: Settings) -> None:
    """Take away what the setup has made, and let people edit their customer."""
    client = str(admin.get_client_id(settings.oidc_client_id))
    attributes = {"pkce.code.challenge.method": ""}
    admin.update_client(client, {"clientId": settings.oidc_client_id, "redirectUris": [], "attributes": attributes})
    mappers = {mapper["name"]: mapper["id"] for mapper in admin.get_mappers_from_client(client)}
    admin.remove_client_mapper(client, mappers["panel roles"])
    admin.delete_realm_role("eyes")
    admin.delete_group(admin.get_group_by_path("/customers")["id"])
    path = f"admin/realms/{admin.get_current_realm()}/users/profile"
    profile = admin.connection.raw_get(path).json()
    for attribute in profile["attributes"]:
        if attribute["name"] == "customer_id":
            attribute["permissions"]["edit"] = ["admin", "user"]
        if attribute["name"] == "lastName":
            attribute["required"] = {"roles": ["user"]}
    assert admin.connection.raw_put(path, data=json.dumps(profile)).status_code == 200


@pytest.mark.keycloak
def test_a_token_of_another_realm_or_client_is_refused(empty_realm: tuple[KeycloakAdmin, Settings]) -> None:
    admin, _ = empty_realm
    with closing(connect(Settings(**client_settings()))) as provider:
        for token in (
            admin.connection.token["access_token"],
            provider._openid.token(grant_type="client_credentials")["access_token"],
        ):
            with pytest.raises(InvalidToken):
                provider.verify(token, {})


@pytest.mark.keycloak
def test_a_wrong_secret_is_named() -> None:
    settings = Settings(**client_settings() | {"oidc_client_secret": "wrong"})
    with closing(connect(settings)) as provider:
        for call in (lambda: provider.exchange_code("code", "v" * 43, REQUEST.redirect_uri), provider.problems):
            with pytest.raises(Unavailable, match="PANEL_OIDC_CLIENT_SECRET"):
                call()
    with pytest.raises(Unavailable, match="administrator's name and password"):
        keycloak.set_up_realm(settings, settings.oidc_issuer, keycloak.Administrator("admin", "wrong"))


def _provider(port: int) -> keycloak.IdentityProvider:
    realm = Realm(
        f"http://127.0.0.1:{port}/realms/main", "panel", "http://testserver", {Role.ADMIN: "admin"}, "customer_id"
    )
    return keycloak.IdentityProvider(realm, "secret")


def test_a_server_that_is_away_is_named_at_once() -> None:
    with socket.socket() as reserved, closing(_provider(_bind(reserved))) as provider:
        started = time.monotonic()
        with pytest.raises(Unavailable, match="does not answer") as refused:
            provider.login_url(REQUEST)
        assert refused.value.code == "identity_provider_unavailable"
        assert time.monotonic() - started < 1


def test_a_silent_server_is_named_within_five_seconds_however_many_ask() -> None:
    with socket.socket() as silent, closing(_provider(_bind(silent))) as provider, ThreadPoolExecutor(30) as pool:
        silent.listen(100)
        started = time.monotonic()
        refused = list(pool.map(lambda _: _refusal(provider), range(30)))
        assert time.monotonic() - started < 5
        assert all(code == "identity_provider_unavailable" for code in refused)


def _bind(server: socket.socket) -> int:
    server.bind(("127.0.0.1", 0))
    return int(server.getsockname()[1])


def _refusal(provider: keycloak.IdentityProvider) -> str:
    with pytest.raises(Unavailable) as refused:
        provider.login_url(REQUEST)
    return refused.value.code


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"<html>", b'{"issuer": "https://elsewhere", "authorization_endpoint": "https://evil"}']
)
def test_a_response_that_is_not_keycloaks_is_refused(body: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: "
    with socket.socket() as server, closing(_provider(_bind(server))) as provider, ThreadPoolExecutor(1) as pool:
        server.listen()

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(head + str(len(body)).encode() + b"\r\n\r\n" + body)

        answered = pool.submit(answer)
        with pytest.raises(Unavailable):
            provider.login_url(REQUEST)
        answered.result()
