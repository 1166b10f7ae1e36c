"""Tokens that an identity provider did not sign for this panel are refused, whatever they look like."""

import base64
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

import pytest
from jwcrypto.jwk import JWK

from domain.adapters import memory
from domain.adapters.memory.identity_provider import new_key
from domain.adapters.signed_tokens import MAX_TOKEN, PublishedKeys, verify
from domain.errors import InvalidToken, Unavailable

PROVIDER = memory.IdentityProvider()
NOW = int(time.time())
LATER = NOW + 24 * 3600  # a run of all tests takes many minutes
CLAIMS: dict[str, Any] = {
    "iss": PROVIDER.issuer,
    "aud": PROVIDER.client_id,
    "sub": "subject",
    "iat": NOW,
    "exp": LATER,
    "nonce": "nonce",
}
REQUIRED = {"iss": PROVIDER.issuer, "aud": PROVIDER.client_id, "sub": None, "nonce": "nonce"}


def _check(token: str, keys: PublishedKeys | None = None) -> Mapping[str, Any]:
    return verify(token, keys or PublishedKeys(PROVIDER.published_keys), REQUIRED)


def _encode(part: object) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_a_signed_token_with_the_right_claims_is_valid() -> None:
    assert _check(PROVIDER.sign(CLAIMS))["sub"] == "subject"
    assert _check(PROVIDER.sign({**CLAIMS, "aud": ["another", PROVIDER.client_id]}))["sub"] == "subject"


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://login.example/realms/another"},
        {"aud": "another"},
        {"aud": ["another"]},
        {"aud": None},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": NOW - 60},
        {"exp": None},
        {"exp": "never"},
        {"iat": LATER},
        {"iat": None},
        {"iat": "now"},
        {"nbf": LATER},
        {"sub": None},
    ],
    ids=lambda changed: f"{next(iter(changed))}-{type(next(iter(changed.values()))).__name__}",
)
def test_a_token_with_a_wrong_or_missing_claim_is_refused(changed: dict[str, Any]) -> None:
    claims = {name: value for name, value in {**CLAIMS, **changed}.items() if value is not None}
    with pytest.raises(InvalidToken):
        _check(PROVIDER.sign(claims))


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE"])
def test_a_token_without_a_signature_is_refused(algorithm: str) -> None:
    head = _encode({"alg": algorithm, "kid": "first"})
    for signature in ("", "AA"):
        with pytest.raises(InvalidToken):
            _check(f"{head}.{_encode(CLAIMS)}.{signature}")


def test_a_token_signed_with_the_public_key_as_a_shared_secret_is_refused() -> None:
    public = PROVIDER.key.export_to_pem()
    for secret in (public, public.strip(), json.dumps(PROVIDER.published_keys()).encode()):
        signed = f"{_encode({'alg': 'HS256', 'kid': 'first'})}.{_encode(CLAIMS)}"
        signature = hmac.digest(secret, signed.encode(), "sha256")
        with pytest.raises(InvalidToken):
            _check(f"{signed}.{_encode(signature)}")


def test_a_key_that_the_token_brings_along_is_not_used() -> None:
    own = JWK.generate(kty="RSA", size=2048, kid="first")
    with pytest.raises(InvalidToken):
        _check(PROVIDER.sign(CLAIMS, own))


def test_a_token_of_another_key_is_refused() -> None:
    with pytest.raises(InvalidToken):
        _check(PROVIDER.sign(CLAIMS, new_key("second")))


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b",
        "a.b.c",
        "a.b.c.d.e",
        "{}",
        json.dumps({"payload": _encode(CLAIMS), "signatures": []}),
        f"{_encode({'alg': 'RS256'})}.{_encode(CLAIMS)}.AA",
        f"{_encode({'alg': 'RS256', 'kid': 1})}.{_encode(CLAIMS)}.AA",
        f"{_encode([])}.{_encode(CLAIMS)}.AA",
        f"{_encode({'alg': 'RS256', 'kid': 'first', 'crit': ['x']})}.{_encode(CLAIMS)}.AA",
        "a" * (MAX_TOKEN + 1),
        "ä.ö.ü",
        "a.b.c\n",
        "[" * 5000,
    ],
    ids=lambda token: token[:12],
)
def test_text_that_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidToken):
        _check(token)


def test_claims_that_are_no_object_are_refused() -> None:
    for claims in (b"[]", b"1", b'"x"', b"null", b"{", b"\xff"):
        token = PROVIDER.sign_bytes(claims)
        with pytest.raises(InvalidToken):
            _check(token)


class Published:
    """Keys that a provider publishes; counts how often they are fetched."""

    def __init__(self, *keys: JWK) -> None:
        self.keys = list(keys)
        self.fetches = 0
        self.away = False

    def __call__(self) -> Mapping[str, Any]:
        self.fetches += 1
        if self.away:
            raise Unavailable("away")
        return {"keys": [key.export_public(as_dict=True) for key in self.keys]}


class Timer:
    """A monotonic clock that tests move."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_keys_are_fetched_once() -> None:
    published = Published(PROVIDER.key)
    keys = PublishedKeys(published)
    for _ in range(5):
        _check(PROVIDER.sign(CLAIMS), keys)
    assert published.fetches == 1


def test_a_new_key_is_fetched_and_a_storm_of_unknown_keys_is_not() -> None:
    published, timer, rotated = Published(PROVIDER.key), Timer(), new_key("second")
    keys = PublishedKeys(published, timer)
    _check(PROVIDER.sign(CLAIMS), keys)
    published.keys = [rotated, PROVIDER.key]
    timer.now += 61
    _check(PROVIDER.sign(CLAIMS, rotated), keys)
    assert published.fetches == 2
    for _ in range(20):
        with pytest.raises(InvalidToken):
            _check(PROVIDER.sign(CLAIMS, new_key("third")), keys)
    assert published.fetches == 2
    timer.now += 61
    with pytest.raises(InvalidToken):
        _check(PROVIDER.sign(CLAIMS, new_key("third")), keys)
    assert published.fetches == 3
    _check(PROVIDER.sign(CLAIMS, rotated), keys)


@pytest.mark.parametrize("key_id", ["../../etc/passwd", "/dev/null", "file:///etc/passwd", "' OR 1=1 --", "\0", ""])
def test_a_key_id_is_compared_and_never_followed(key_id: str) -> None:
    published = Published(PROVIDER.key)
    forged = JWK.generate(kty="RSA", size=2048, kid=key_id)
    with pytest.raises(InvalidToken):
        _check(PROVIDER.sign(CLAIMS, forged), PublishedKeys(published, Timer()))


def test_a_storm_of_unknown_keys_asks_a_provider_that_is_away_once() -> None:
    published, timer = Published(PROVIDER.key), Timer()
    keys = PublishedKeys(published, timer)
    _check(PROVIDER.sign(CLAIMS), keys)
    published.away = True
    timer.now += 61
    with pytest.raises(Unavailable):
        _check(PROVIDER.sign(CLAIMS, new_key("third")), keys)
    for _ in range(20):
        with pytest.raises(InvalidToken):
            _check(PROVIDER.sign(CLAIMS, new_key("third")), keys)
    assert published.fetches == 2
    _check(PROVIDER.sign(CLAIMS), keys)


def test_a_withdrawn_key_is_not_trusted_for_long() -> None:
    published, timer = Published(PROVIDER.key, new_key("second")), Timer()
    keys = PublishedKeys(published, timer)
    _check(PROVIDER.sign(CLAIMS, new_key("second")), keys)
    published.keys = [PROVIDER.key]
    timer.now += 601
    with pytest.raises(InvalidToken):
        _check(PROVIDER.sign(CLAIMS, new_key("second")), keys)
