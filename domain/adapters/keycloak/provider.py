"""Login at Keycloak, and its accounts."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from keycloak import KeycloakAdmin, KeycloakError, KeycloakOpenID, KeycloakOpenIDConnection

from domain.adapters import signed_tokens
from domain.adapters.keycloak import accounts, realm_problems
from domain.adapters.keycloak.client import Realm
from domain.adapters.keycloak.server import DEADLINE, TIMEOUT, Server
from domain.errors import InvalidToken, NotFound
from domain.ports.identity_provider import Account, LoginRequest


class IdentityProvider:
    """A realm of a Keycloak server, used with the credentials of the panel's client."""

    def __init__(self, realm: Realm, secret: str, deadline: float = DEADLINE) -> None:
        """Connect to nothing yet. A call with all of its requests takes no longer than `deadline` seconds."""
        self._realm = realm
        self._server = Server(deadline)
        self._openid = KeycloakOpenID(
            realm.server_url, realm.name, realm.client_id, client_secret_key=secret, timeout=TIMEOUT, max_retries=0
        )
        connection = KeycloakOpenIDConnection(
            realm.server_url,
            realm_name=realm.name,
            client_id=realm.client_id,
            client_secret_key=secret,
            timeout=TIMEOUT,
            max_retries=0,
        )
        self._admin = KeycloakAdmin(connection=connection)
        self._keys = signed_tokens.PublishedKeys(self._openid.certs)

    def ping(self) -> str:
        self._server.call(self._well_known)
        return f"Keycloak answers at {self._realm.issuer}"

    def problems(self) -> list[str]:
        return self._server.call(lambda: realm_problems.find(self._admin, self._realm))

    def login_url(self, request: LoginRequest) -> str:
        # Asking the server each time keeps browsers from being sent to one that is away.
        endpoint = self._server.call(self._well_known)["authorization_endpoint"]
        query = {
            "client_id": self._realm.client_id,
            "response_type": "code",
            "scope": "openid",
            "redirect_uri": request.redirect_uri,
            "state": request.state,
            "nonce": request.nonce,
            "code_challenge": request.code_challenge,
            "code_challenge_method": "S256",
        }
        return f"{endpoint}?{urlencode(query)}"

    def exchange_code(self, code: str, code_verifier: str, redirect_uri: str) -> str:
        return self._server.call(lambda: self._redeem(code, code_verifier, redirect_uri))

    def verify(self, token: str, required: Mapping[str, str | None]) -> Mapping[str, Any]:
        required = {"iss": self._realm.issuer, "aud": self._realm.client_id, **required}
        return self._server.call(lambda: signed_tokens.verify(token, self._keys, required))

    def end_session(self, id_token: str) -> None:
        self._server.call(lambda: self._end_session(id_token))

    def create_account(self, account: Account, password: str | None = None) -> str:
        return self._server.call(lambda: accounts.create(self._admin, self._realm, account, password))

    def update_account(self, subject: str, account: Account) -> None:
        self._server.call(lambda: accounts.update(self._admin, self._realm, subject, account))

    def delete_account(self, subject: str) -> None:
        try:
            self.end_sessions(subject)  # deleting an account tells nobody that its sessions have ended
            self._server.call(lambda: self._admin.delete_user(subject))
        except NotFound:
            return

    def delete_account_of(self, user_id: str) -> None:
        for subject in self._server.call(lambda: accounts.subjects_of(self._admin, user_id)):
            self.delete_account(subject)

    def end_sessions(self, subject: str) -> None:
        self._server.call(lambda: self._admin.user_logout(subject))

    def close(self) -> None:
        self._server.close()

    def _well_known(self) -> Mapping[str, Any]:
        known = self._openid.well_known()
        if known["issuer"] != self._realm.issuer:
            raise KeyError("issuer")
        return known

    def _redeem(self, code: str, code_verifier: str, redirect_uri: str) -> str:
        try:
            answer = self._openid.token(
                grant_type="authorization_code", code=code, code_verifier=code_verifier, redirect_uri=redirect_uri
            )
        except KeycloakError as fault:
            if fault.response_code == 400:
                raise InvalidToken("The login code is not valid any more", details="Start the login again") from None
            raise
        return str(answer["id_token"])

    def _end_session(self, id_token: str) -> None:
        endpoint = self._well_known()["end_session_endpoint"]
        answer = self._openid.connection.raw_get(endpoint, id_token_hint=id_token)
        if answer.status_code >= 500:
            raise KeycloakError(response_code=answer.status_code)
