"""Logins that have started: what the browser keeps in a cookie until the identity provider sends it back."""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from urllib.parse import unquote

import orjson

from domain.errors import InvalidToken, Unavailable
from domain.ports import Ports
from domain.ports.identity_provider import LoginRequest

LIFETIME = timedelta(minutes=10)
_CALLBACK = "/api/auth/callback"
_MAX_REDIRECT = 1000
_PATH = re.compile(r"/[\w\-./~!$&'()*+,;=:@?%#\[\]]*", re.ASCII)
_UNSAFE = re.compile(r"//|[\\\x00-\x20\x7f]|/\.\.?(/|$)")


@dataclass(frozen=True)
class LoginAttempt:
    """One login. `redirect` is the path of the panel that the browser goes to afterwards."""

    state: str
    nonce: str
    code_verifier: str
    redirect: str
    expires_at: float

    @property
    def code_challenge(self) -> str:
        """Return the S256 challenge of the verifier (RFC 7636, section 4.2)."""
        digest = hashlib.sha256(self.code_verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def callback_url(ports: Ports) -> str:
    """Return where the identity provider sends browsers back to."""
    return ports.settings.url + _CALLBACK


def new_attempt(redirect: str, now: datetime) -> LoginAttempt:
    """Return a new login with random secrets."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    return LoginAttempt(state, nonce, verifier, safe_path(redirect), (now + LIFETIME).timestamp())


def request_of(ports: Ports, attempt: LoginAttempt) -> LoginRequest:
    """Return what the identity provider is asked for."""
    return LoginRequest(attempt.state, attempt.nonce, attempt.code_challenge, callback_url(ports))


def seal(ports: Ports, attempt: LoginAttempt) -> str:
    """Return the value of the cookie: nobody else can read or make one."""
    return ports.vault.encrypt(orjson.dumps(asdict(attempt)).decode())


def open_sealed(ports: Ports, cookie: str, state: str) -> LoginAttempt:
    """Return the login that a browser has started. Raise InvalidToken unless cookie and `state` belong together."""
    try:
        attempt = LoginAttempt(**orjson.loads(ports.vault.decrypt(cookie)))
    except (Unavailable, ValueError, TypeError):
        raise _not_started() from None
    if ports.clock.now().timestamp() >= attempt.expires_at or not hmac.compare_digest(attempt.state, state):
        raise _not_started()
    return attempt


def safe_path(redirect: str) -> str:
    """Return a path of the panel's own pages; `/` for everything that a browser could read as another site."""
    path, _, _ = redirect.partition("?")
    fits = len(redirect) <= _MAX_REDIRECT and _PATH.fullmatch(redirect)
    if not fits or _UNSAFE.search(_decoded(path)) or path.startswith("/api/auth/"):
        return "/"
    return redirect


def _decoded(path: str) -> str:
    """Return a path without percent-encoding, however often it was encoded."""
    while (decoded := unquote(path)) != path:
        path = decoded
    return path


def _not_started() -> InvalidToken:
    return InvalidToken("The login was not started in this browser, or took too long", details="Start the login again")
