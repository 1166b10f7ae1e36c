"""A small document of its own, and a client that speaks ASGI to whatever is built from it."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp, Scope

from handlers.openapi31 import Answer, BadParameter, Document, Options, build
from handlers.openapi31.security import SecurityFunction

Json = Any
GOOD = {"Authorization": "Bearer good"}


def on_error(_scope: Scope, error: Exception) -> Answer:
    """Tells what it was given, as a product never would."""
    names = ("fields", "message", "accepted", "limit", "problems")
    told = {name: getattr(error, name) for name in names if hasattr(error, name)}
    if isinstance(error, BadParameter):
        told["faults"] = [list(fault) for fault in error.faults]
    return Answer(getattr(error, "status", 500), {"kind": type(error).__name__, **told})


CREDENTIALS = {
    "bearerAuth": ("authorization", "Bearer good"),
    "tokenAuth": ("authorization", "Bearer good"),
    "cookieAuth": ("cookie", "session=good"),
    "keyAuth": ("x-key", "good"),
    "queryAuth": ("query", "key=good"),
}


def knows(scheme: str) -> SecurityFunction:
    """A security function that looks at the credentials of its own scheme only, and knows one good one."""
    where, good = CREDENTIALS[scheme]

    async def identify(scope: Scope, scopes: tuple[str, ...]) -> dict[str, Any] | None:
        sent = {name.decode(): value.decode() for name, value in scope["headers"]}
        sent["query"] = scope["query_string"].decode()
        return {"by": scheme, "scopes": list(scopes)} if sent[where] == good else None

    return identify


def echo(**given: object) -> Answer:
    """Answers with the arguments it was called with."""
    return Answer(200, given)


class Client:
    """One request at a time, each in an event loop of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, method: str, path: str, **how: Json) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
                return await client.request(method, path, **how)

        return asyncio.run(ask())


@pytest.fixture(scope="session")
def document() -> Document:
    return Document.load(Path(__file__).with_name("pets.yaml").read_bytes())


@pytest.fixture
def serve(document: Document) -> Callable[..., Client]:
    """Handlers by operationId, options by name; whatever is not given echoes, and knows the good caller.

    `outside` wraps the application, as a layer before it does.
    """

    def serve(
        handlers: Mapping[str, Callable[..., Any]] | None = None,
        outside: Callable[[ASGIApp], ASGIApp] = lambda app: app,
        **options: Json,
    ) -> Client:
        every = {operation.operation_id: echo for operation in document.operations()} | dict(handlers or {})
        usual = {"errors": on_error, "security": {name: knows(name) for name in CREDENTIALS}, "base_path": "/shop"}
        return Client(outside(build(document, every, Options(**{**usual, **options}))))

    return serve


@pytest.fixture
def ask(serve: Callable[..., Client]) -> Client:
    """Every operation echoes."""
    return serve()
