"""Security requirements: the alternatives of the document and the credentials of the request."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from handlers.openapi31 import CALLER, Answer, Document, DocumentError, Operation, Options, build

from .conftest import GOOD, Client, Json

BAD = {"Authorization": "Bearer bad"}
ALTERNATIVES: list[tuple[dict[str, str], str | None, str]] = [
    ({}, None, "Bearer"),
    (GOOD, "bearerAuth", ""),
    ({"Cookie": "session=good"}, "cookieAuth", ""),
    ({**GOOD, "Cookie": "session=bad"}, "bearerAuth", ""),
    ({**BAD, "Cookie": "session=good"}, None, 'Bearer error="invalid_token"'),
    ({"Authorization": "Bearer", "Cookie": "session=good"}, None, 'Bearer error="invalid_token"'),
    ({"Authorization": "bearer  bad", "Cookie": "session=good"}, None, 'Bearer error="invalid_token"'),
    ({"Authorization": "Basic abc", "Cookie": "session=good"}, "cookieAuth", ""),
    ({"Authorization": "Bearers good"}, None, "Bearer"),
    ({"Cookie": "session=bad"}, None, "Bearer"),
    ({"Cookie": "sessions=good; xsession=good"}, None, "Bearer"),
]


@pytest.mark.parametrize(("headers", "by", "challenge"), ALTERNATIVES)
def test_the_first_credentials_present_decide(
    ask: Client, headers: dict[str, str], by: str | None, challenge: str
) -> None:
    answered = ask("POST", "/shop/pets", json={"name": "Rex"}, headers=headers)
    if by:
        assert answered.json()["caller"]["by"] == by
    else:
        assert (answered.status_code, answered.headers["WWW-Authenticate"]) == (401, challenge)


def test_cookies_decide_last_in_any_order_of_the_schemes() -> None:
    schemes = {
        "cookie": {"type": "apiKey", "in": "cookie", "name": "session"},
        "token": {"type": "http", "scheme": "Bearer"},
    }
    operation = {"operationId": "x", "security": [{"cookie": []}, {"token": []}]}
    raw = {"openapi": "3.1.0", "paths": {"/x": {"get": operation}}, "components": {"securitySchemes": schemes}}
    document = Document.load(json.dumps(raw).encode())

    async def refuse(_scope: Scope, _scopes: object) -> None:
        return None

    async def welcome(_scope: Scope, _scopes: object) -> str:
        return "me"

    def errors(_scope: Scope, error: Exception) -> Answer:
        return Answer(getattr(error, "status", 500))

    options = Options(errors=errors, security={"cookie": welcome, "token": refuse})
    ask = Client(build(document, {"x": lambda: Answer(204)}, options))
    assert ask("GET", "/api/x", headers={"Cookie": "session=good"}).status_code == 204
    assert ask("GET", "/api/x", headers={**BAD, "Cookie": "session=good"}).status_code == 401


def test_the_challenge_names_the_cookie_if_no_other_scheme_is_declared() -> None:
    schemes = {"cookie": {"type": "apiKey", "in": "cookie", "name": "session"}}
    operation = {"operationId": "x", "security": [{"cookie": []}]}
    raw = {"openapi": "3.1.0", "paths": {"/x": {"get": operation}}, "components": {"securitySchemes": schemes}}

    async def refuse(_scope: Scope, _scopes: object) -> None:
        return None

    options = Options(errors=lambda *_: Answer(401), security={"cookie": refuse})
    ask = Client(build(Document.load(json.dumps(raw).encode()), {"x": lambda: Answer(204)}, options))
    for headers in ({}, {"Cookie": "session=bad"}):
        assert ask("GET", "/api/x", headers=headers).headers["WWW-Authenticate"] == 'ApiKey name="session"'


TOGETHER: list[tuple[dict[str, str], str, str | None]] = [
    ({"X-Key": "good", **GOOD}, "", "keyAuth"),
    ({"X-Key": "good", **BAD}, "", None),
    ({"X-Key": "bad", **GOOD}, "", None),
    ({"X-Key": "good"}, "", None),
    (GOOD, "", None),
    ({}, "?key=good", "queryAuth"),
    ({}, "?key=bad", None),
    ({}, "?key=", None),
    ({"X-Key": "good"}, "?key=good", "queryAuth"),
    ({"X-Key": "bad", **GOOD}, "?key=good", None),
]


@pytest.mark.parametrize(("headers", "query", "by"), TOGETHER)
def test_schemes_required_together_must_all_succeed(
    ask: Client, headers: dict[str, str], query: str, by: str | None
) -> None:
    answered = ask("GET", f"/shop/pets/rex{query}", headers=headers)
    assert answered.status_code == (200 if by else 401)
    if by:
        assert answered.json()["caller"]["by"] == by


def test_optional_security_allows_requests_without_credentials(ask: Client) -> None:
    assert ask("POST", "/shop/pets/check").json()["caller"] is None
    assert ask("POST", "/shop/pets/check", headers=GOOD).json()["caller"]["by"] == "bearerAuth"


def test_optional_security_does_not_excuse_wrong_credentials(ask: Client) -> None:
    assert ask("POST", "/shop/pets/check", headers=BAD).status_code == 401


def test_optional_security_ignores_a_wrong_cookie() -> None:
    """Browsers send cookies by themselves, also those that have expired."""
    schemes = {"cookie": {"type": "apiKey", "in": "cookie", "name": "session"}}
    operation = {"operationId": "x", "security": [{}, {"cookie": []}]}
    raw = {"openapi": "3.1.0", "paths": {"/x": {"get": operation}}, "components": {"securitySchemes": schemes}}

    async def refuse(_scope: Scope, _scopes: object) -> None:
        return None

    options = Options(errors=lambda *_: Answer(401), security={"cookie": refuse})
    ask = Client(build(Document.load(json.dumps(raw).encode()), {"x": lambda: Answer(204)}, options))
    assert ask("GET", "/api/x", headers={"Cookie": "session=bad"}).status_code == 204


def test_a_public_operation_checks_no_credentials(ask: Client) -> None:
    assert ask("GET", "/shop/pets", headers=BAD).json()["caller"] is None


def test_a_public_operation_gets_the_caller_set_by_middleware(serve: Callable[..., Client]) -> None:
    def edge(app: ASGIApp) -> ASGIApp:
        async def with_caller(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, CALLER: "found"}, receive, send)

        return with_caller

    ask = serve(outside=edge)
    assert ask("GET", "/shop/pets").json()["caller"] == "found"
    assert ask("POST", "/shop/pets", json={"name": "a"}).status_code == 401


def test_scopes_reach_the_function_of_a_bearer_scheme(ask: Client) -> None:
    answered = ask("PATCH", "/shop/pets/rex", json={"name": "a"}, headers=GOOD)
    assert answered.json()["caller"]["scopes"] == ["pets.write"]


def test_credentials_are_checked_before_parameters_and_body(ask: Client) -> None:
    assert ask("POST", "/shop/pets", content=b"{", headers={"Idempotency-Key": "far too long"}).status_code == 401


def test_authorize_sees_every_operation_and_may_refuse(serve: Callable[..., Client]) -> None:
    seen: list[tuple[str, Any]] = []

    def authorize(operation: Operation, caller: Json) -> None:
        seen.append((operation.operation_id, caller and caller["by"]))
        if operation.operation_id == "create_pet":
            raise PermissionError

    ask = serve(authorize=authorize)
    assert ask("GET", "/shop/pets").status_code == 200
    assert ask("POST", "/shop/pets", content=b"{", headers=GOOD).json() == {"kind": "PermissionError"}
    assert ask("POST", "/shop/pets", headers=BAD).status_code == 401
    assert seen == [("list_pets", None), ("create_pet", "bearerAuth")]


def test_a_scheme_without_a_function_is_refused_at_start(serve: Callable[..., Client]) -> None:
    with pytest.raises(DocumentError, match="cookieAuth"):
        serve(security={})


def test_a_scheme_that_cannot_be_served_is_refused_at_start() -> None:
    raw = {
        "openapi": "3.1.0",
        "paths": {"/x": {"get": {"operationId": "x", "security": [{"tls": []}]}}},
        "components": {"securitySchemes": {"tls": {"type": "mutualTLS"}}},
    }

    async def nobody(_scope: Scope, _scopes: object) -> None:
        return None

    options = Options(errors=lambda *_: Answer(500), security={"tls": nobody})
    with pytest.raises(DocumentError, match="mutualTLS"):
        build(Document.load(json.dumps(raw).encode()), {"x": lambda: Answer(204)}, options)
