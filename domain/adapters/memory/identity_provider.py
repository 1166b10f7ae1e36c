"""An identity provider in this process. Its tokens are signed and checked like those of any other."""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS

from domain.adapters import signed_tokens
from domain.errors import Conflict, InvalidToken, NotFound, Unavailable
from domain.ports.identity_provider import Account, LoginRequest
from domain.ports.transactions import in_transaction

_LIFETIME = 300  # seconds, of a token


@cache
def new_key(key_id: str) -> JWK:
    """Return a private key; the same for the same ID, since making one takes a tenth of a second."""
    return JWK.generate(kty="RSA", size=2048, kid=key_id, use="sig", alg="RS256")


@dataclass
class _State:
    accounts: dict[str, Account] = field(default_factory=dict)
    codes: dict[str, tuple[dict[str, str], str]] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    """Session → subject."""


class IdentityProvider:
    """Accounts, codes, sessions and one key, in memory. `available` False makes all calls raise Unavailable."""

    def __init__(self, issuer: str = "https://login.example/realms/main", client_id: str = "ai-admin-panel") -> None:
        self.issuer = issuer
        self.client_id = client_id
        self.available = True
        self.key = new_key("first")
        self._lock = Lock()
        self._state = _State()
        self._keys = signed_tokens.PublishedKeys(self.published_keys)

    def ping(self) -> str:
        self._check_available()
        return f"The identity provider in memory answers as {self.issuer}"

    def problems(self) -> list[str]:
        return []

    def login_url(self, request: LoginRequest) -> str:
        self._check_available()
        return f"{self.issuer}/auth?{urlencode({**vars(request), 'client_id': self.client_id})}"

    def exchange_code(self, code: str, code_verifier: str, redirect_uri: str) -> str:
        self._check_available()
        with self._lock:
            request, session = self._state.codes.pop(code, ({}, ""))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(code_verifier.encode()).digest()).rstrip(b"=").decode()
        if request.get("code_challenge") != challenge or request.get("redirect_uri") != redirect_uri:
            raise InvalidToken("The login code is not valid any more", details="Start the login again")
        return self.sign({**self.id_claims(session), "nonce": request["nonce"]})

    def verify(self, token: str, required: Mapping[str, str | None]) -> Mapping[str, Any]:
        self._check_available()
        return signed_tokens.verify(token, self._keys, {"iss": self.issuer, "aud": self.client_id, **required})

    def end_session(self, id_token: str) -> None:
        session = str(self.verify(id_token, {})["sid"])
        with self._lock:
            self._state.sessions.pop(session, None)

    def create_account(self, account: Account, password: str | None = None) -> str:  # noqa: ARG002 - nobody types it here
        self._check_available()
        with self._lock:
            for subject, known in self._state.accounts.items():
                if known.user_id == account.user_id:
                    return subject
                if known.email == account.email:
                    raise Conflict("The identity provider has another account with this email address")
            subject = secrets.token_hex(16)
            self._state.accounts[subject] = account
            return subject

    def update_account(self, subject: str, account: Account) -> None:
        self._check_available()
        with self._lock:
            self._account(subject)
            self._state.accounts[subject] = account

    def delete_account(self, subject: str) -> None:
        self._check_available()
        with self._lock:
            if self._state.accounts.pop(subject, None) is not None:
                self._end_sessions(subject)

    def delete_account_of(self, user_id: str) -> None:
        self._check_available()
        with self._lock:
            subjects = [subject for subject, known in self._state.accounts.items() if known.user_id == user_id]
        for subject in subjects:
            self.delete_account(subject)

    def end_sessions(self, subject: str) -> None:
        self._check_available()
        with self._lock:
            self._account(subject)
            self._end_sessions(subject)

    def close(self) -> None:
        pass

    def log_in(self, login_url: str, email: str) -> str:
        """Log a person in as the provider's page would; return the URL that the browser is sent to.

        Raise NotFound if nobody has this address, or if the account is disabled.
        """
        query = {name: values[0] for name, values in parse_qs(urlsplit(login_url).query).items()}
        with self._lock:
            found = [
                subject for subject, known in self._state.accounts.items() if known.email == email and known.enabled
            ]
            if not found:
                raise NotFound("Account not found at the identity provider")
            code, session = secrets.token_urlsafe(), secrets.token_hex(16)
            self._state.codes[code] = (query, session)
            self._state.sessions[session] = found[0]
        answer = {"state": query["state"], "session_state": session, "iss": self.issuer, "code": code}
        return f"{query['redirect_uri']}?{urlencode(answer)}"

    def subjects(self) -> list[str]:
        """Return the subjects of all accounts."""
        return list(self._state.accounts)

    def has_session(self, session: str) -> bool:
        """Return whether a session has not ended."""
        return session in self._state.sessions

    def id_claims(self, session: str) -> dict[str, Any]:
        """Return the claims of a session's ID token, without its nonce."""
        subject = self._state.sessions[session]
        account, now = self._state.accounts[subject], int(time.time())
        return {
            "iss": self.issuer,
            "aud": self.client_id,
            "azp": self.client_id,
            "typ": "ID",
            "iat": now,
            "exp": now + _LIFETIME,
            "sub": subject,
            "sid": session,
            "email": account.email,
            "name": account.name,
            "roles": [account.role.value],
            **({"customer_id": [account.customer_id]} if account.customer_id else {}),
        }

    def logout_claims(self, session: str) -> dict[str, Any]:
        """Return the claims of a logout token (OpenID Connect Back-Channel Logout 1.0, section 2.4)."""
        now = int(time.time())
        return {
            "iss": self.issuer,
            "aud": self.client_id,
            "iat": now,
            "exp": now + _LIFETIME,
            "jti": secrets.token_hex(16),
            "sub": self._state.sessions[session],
            "sid": session,
            "typ": "Logout",
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        }

    def sign(self, claims: Mapping[str, Any], key: JWK | None = None) -> str:
        """Return a token with these claims, signed with the provider's key or another one."""
        return self.sign_bytes(json.dumps(dict(claims)).encode(), key)

    def sign_bytes(self, payload: bytes, key: JWK | None = None) -> str:
        """Return a token with any content."""
        key = key or self.key
        token = JWS(payload)
        token.add_signature(key, protected={"alg": "RS256", "kid": key["kid"]})
        return str(token.serialize(compact=True))

    def published_keys(self) -> Mapping[str, Any]:
        """Return the public keys, as the provider publishes them."""
        self._check_available()
        return {"keys": [self.key.export_public(as_dict=True)]}

    def _check_available(self) -> None:
        if in_transaction():
            raise RuntimeError("the identity provider was called inside a transaction")
        if not self.available:
            raise Unavailable("The identity provider does not answer", code="identity_provider_unavailable")

    def _account(self, subject: str) -> Account:
        if subject not in self._state.accounts:
            raise NotFound("Account not found at the identity provider")
        return self._state.accounts[subject]

    def _end_sessions(self, subject: str) -> None:
        ended = [session for session, owner in self._state.sessions.items() if owner == subject]
        for session in ended:
            del self._state.sessions[session]
