"""JSON Web Tokens (RFC 7519) of an identity provider, checked with its published keys."""

import json
import re
import time
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from jwcrypto.common import JWException
from jwcrypto.jwk import JWKSet
from jwcrypto.jws import JWS
from jwcrypto.jwt import JWT

from domain.errors import InvalidToken

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures with a private key. Whoever reads the published keys could make any other kind."""
MAX_TOKEN = 16 * 1024
_FORM = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_MAX_AGE = 600.0  # seconds, after which a withdrawn key is no longer trusted
_REFRESH_INTERVAL = 60.0  # seconds
_LEEWAY = 30  # seconds that the provider's clock may differ

Fetch = Callable[[], Mapping[str, Any]]


class PublishedKeys:
    """A provider's keys (RFC 7517), fetched when needed and kept.

    A token with an unknown key fetches them again, but only once a minute: anybody can send such tokens.
    """

    def __init__(self, fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = Lock()
        self._keys: JWKSet | None = None
        self._tried_at = 0.0

    def for_token(self, token: str) -> JWKSet:
        """Return the keys to check a token with. Raise InvalidToken if the token's key is not one of them."""
        key_id = _key_id(token)
        with self._lock:
            now = self._clock()
            known = self._keys is not None and self._keys.get_key(key_id) is not None
            if self._keys is None or now - self._tried_at > (_MAX_AGE if known else _REFRESH_INTERVAL):
                self._tried_at = now
                self._keys = JWKSet.from_json(json.dumps(self._fetch()))
            if self._keys.get_key(key_id) is None:
                raise InvalidToken("The token is not valid", details="Its key is not one that the provider publishes")
            return self._keys


def verify(token: str, keys: PublishedKeys, required: Mapping[str, str | None]) -> Mapping[str, Any]:
    """Return the claims of a signed token. Raise InvalidToken if its signature or a claim is wrong.

    `required` are claims that must be there, with their values, or None for any value.
    """
    if len(token) > MAX_TOKEN or not _FORM.fullmatch(token):
        raise InvalidToken("The token is not valid", details="It is not a signed token in its compact form")
    try:
        parsed = JWT(algs=ALGORITHMS, check_claims={"exp": None, "iat": None, **required}, expected_type="JWS")
        parsed.leeway = _LEEWAY
        parsed.deserialize(token, keys.for_token(token))
        claims = json.loads(parsed.claims)
    except (JWException, ValueError, TypeError) as fault:
        raise InvalidToken("The token is not valid", details=_reason(fault)) from None
    if not all(_is_past(claims.get(name, 0)) for name in ("iat", "nbf")):
        raise InvalidToken("The token is not valid", details="It is from the future")
    return dict(claims)


def _is_past(moment: object) -> bool:
    return isinstance(moment, int | float) and moment <= time.time() + _LEEWAY


def _key_id(token: str) -> str:
    parsed = JWS()
    parsed.deserialize(token)
    key_id = parsed.jose_header.get("kid")
    if not isinstance(key_id, str):
        raise InvalidToken("The token is not valid", details="It names no key")
    return key_id


def _reason(fault: Exception) -> str:
    """Return what is wrong with a token, without its content."""
    return type(fault).__name__.removeprefix("JWT")
