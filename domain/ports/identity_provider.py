"""The identity provider: where people log in, by OpenID Connect, and where their accounts are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from domain.model.role import Role


@dataclass(frozen=True)
class LoginRequest:
    """What the panel asks for when it sends a browser to the provider (OpenID Connect Core 1.0, section 3.1.2.1).

    The provider returns `state` unchanged, and `nonce` in the ID token. `code_challenge` is the S256 challenge of PKCE
    (RFC 7636).
    """

    state: str
    nonce: str
    code_challenge: str
    redirect_uri: str


@dataclass(frozen=True)
class Account:
    """A person's account. `user_id` is the panel's ID of the user, which the provider keeps with the account."""

    user_id: str
    email: str
    name: str
    role: Role
    customer_id: str | None = None
    enabled: bool = True


class IdentityProvider(Protocol):
    """Logs people in and has their accounts. Each call ends within five seconds.

    A subject is the provider's ID of an account: the claim `sub`. Methods on an account raise NotFound if it is gone.
    """

    def ping(self) -> str:
        """Return the provider's name and issuer. Raise Unavailable if it does not answer."""

    def problems(self) -> list[str]:
        """Return what is missing or unsafe in the provider's configuration, a sentence for each."""

    def login_url(self, request: LoginRequest) -> str:
        """Return the URL at which a browser logs in. Raise Unavailable if the provider does not answer."""

    def exchange_code(self, code: str, code_verifier: str, redirect_uri: str) -> str:
        """Return the ID token for a code that the browser brought back; a code can be redeemed once.

        Raise InvalidToken if the provider refuses the code.
        """

    def verify(self, token: str, required: Mapping[str, str | None]) -> Mapping[str, Any]:
        """Return the claims of a token that the provider has signed.

        `required` are claims that the token must have, with their values, or None for any value. Issuer, audience and
        expiry are always checked. Raise InvalidToken if a check fails.
        """

    def end_session(self, id_token: str) -> None:
        """End the provider's session that an ID token belongs to."""

    def create_account(self, account: Account, password: str | None = None) -> str:
        """Create an account and return its subject; if the user has one already, return that.

        `password` is to be changed at the first login. Raise Conflict if the email address has another account.
        """

    def update_account(self, subject: str, account: Account) -> None:
        """Change name, role, customer and whether the account is enabled."""

    def delete_account(self, subject: str) -> None:
        """End all sessions of an account and delete it; nothing happens if it is gone."""

    def delete_account_of(self, user_id: str) -> None:
        """Delete the account of a user, also one that a failed `create_account` has left; it may not exist."""

    def end_sessions(self, subject: str) -> None:
        """End all sessions of an account."""

    def close(self) -> None:
        """Close all connections."""
