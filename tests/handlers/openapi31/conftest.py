"""A small document, and a client that sends ASGI requests to the application built from it."""

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
    """Return the attributes of the error, for assertions. An application would hide them."""
    names = ("fields", "message", "accepted", "limit", "problems")
    details = {name: getattr(error, name) for name in names if hasattr(error, name)}
    if isinstance(error, BadParameter):
        details["faults"] = [list(fault) for fault in error.faults]
    return Answer(getattr(error, "status", 500), {"kind": type(error).__name__, **details})


CREDENTIALS = {
    "bearerAuth": ("authorization", "Bearer good"),
    "tokenAuth": ("authorization", "Bearer good"),
    "cookieAuth": ("cookie", "session=good"),
    "keyAuth": ("x-key", "good"),
    "queryAuth": ("query", "key=good"),
}


def accepts_credential(scheme: str) -> SecurityFunction:
    """Return a security function that accepts one credential of its scheme."""
    where, good = CREDENTIALS[scheme]

    async def identify(scope: Scope, scopes: tuple[str, ...]) -> dict[str, Any] | None:
        sent = {name.decode(): value.decode() for name, value in scope["headers"]}
        sent["query"] = scope["query_string"].decode()
        return {"by": scheme, "scopes": list(scopes)} if sent[where] == good else None

    return identify


def echo(**given: object) -> Answer:
    """Return the arguments as the response."""
    return Answer(200, given)


class Client:
    """A client that sends one request at a time, each in a new event loop."""

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
    """Build an application from handlers by operationId and options by name, and return a client for it.

    Other operations use `echo` and accept the credentials above. `outside` wraps the application like middleware.
    """

    def serve(
        handlers: Mapping[str, Callable[..., Any]] | None = None,
        outside: Callable[[ASGIApp], ASGIApp] = lambda app: app,
        **options: Json,
    ) -> Client:
        every = {operation.operation_id: echo for operation in document.operations()} | dict(handlers or {})
        defaults = {
            "errors": on_error,
            "security": {name: accepts_credential(name) for name in CREDENTIALS},
            "base_path": "/shop",
        }
        return Client(outside(build(document, every, Options(**{**defaults, **options}))))

    return serve


@pytest.fixture
def ask(serve: Callable[..., Client]) -> Client:
    """Return a client for an application whose operations all use `echo`."""
    return serve()
