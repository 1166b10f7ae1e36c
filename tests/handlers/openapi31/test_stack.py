"""The whole stack: errors of every layer, the ASGI lifespan, and WebSockets."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.exceptions import HTTPException
from starlette.types import Scope

from handlers.openapi31 import Answer

from .conftest import Client, Json


def hiding(_scope: Scope, error: Exception) -> Answer:
    """Return an error response without the text of the exception, as an application would."""
    return Answer(getattr(error, "status", 500), {"error": "no"})


def raising(error: Exception) -> Callable[..., Answer]:
    def handler() -> Answer:
        raise error

    return handler


@pytest.mark.parametrize("error", [ValueError("secret"), HTTPException(418, "secret"), RecursionError("secret")])
def test_the_text_of_an_exception_is_never_sent(serve: Callable[..., Client], error: Exception) -> None:
    got = serve({"list_pets": raising(error)}, errors=hiding)("GET", "/shop/pets")
    assert (got.status_code, got.json()) == (500, {"error": "no"})


@pytest.mark.parametrize("answer", [None, Answer(500, object()), Answer(500, headers={"a": "\n"})])
def test_an_exception_in_the_error_function_returns_a_bare_500(serve: Callable[..., Client], answer: Json) -> None:
    got = serve({"list_pets": raising(ValueError("secret"))}, errors=lambda *_: answer)("GET", "/shop/pets")
    assert (got.status_code, got.content) == (500, b"")


def test_headers_that_a_refusal_needs_are_added_and_others_kept(serve: Callable[..., Client]) -> None:
    ask = serve(errors=lambda _, error: Answer(error.status, {}, {"X-Mine": "1"}))
    refused = ask("DELETE", "/shop/pets")
    assert (refused.headers["Allow"], refused.headers["X-Mine"]) == ("GET, HEAD, POST", "1")
    own = serve(errors=lambda _, error: Answer(error.status, {}, {"WWW-Authenticate": "Mine"}))
    assert own("POST", "/shop/pets").headers.get_list("WWW-Authenticate") == ["Mine"]


def test_parallel_requests_do_not_mix(serve: Callable[..., Client]) -> None:
    async def list_pets(page: int) -> Answer:
        await asyncio.sleep(0)
        return Answer(200, page)

    app = serve({"list_pets": list_pets}).app

    async def ask(page: int) -> bytes:
        sent: list[Any] = []
        query = f"page={page}".encode()
        scope = {"type": "http", "method": "GET", "path": "/shop/pets", "query_string": query, "headers": []}

        async def send(message: Json) -> None:
            sent.append(message)

        await app(scope, None, send)  # type: ignore[arg-type]  # nothing is received
        return bytes(sent[1]["body"])

    async def ask_all() -> list[bytes]:
        return await asyncio.gather(*(ask(page) for page in range(1, 101)))

    assert asyncio.run(ask_all()) == [str(page).encode() for page in range(1, 101)]


def exchange(client: Client, scope: dict[str, Any], messages: list[dict[str, Any]]) -> list[str]:
    sent: list[str] = []

    async def receive() -> Json:
        return messages.pop(0)

    async def send(message: Json) -> None:
        sent.append(message["type"])

    asyncio.run(client.app(scope, receive, send))
    return sent


def test_the_lifespan_runs(serve: Callable[..., Client]) -> None:
    seen: list[str] = []

    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        seen.append("begun")
        yield
        seen.append("ended")

    def messages() -> list[dict[str, Any]]:
        return [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    complete = ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert exchange(serve(lifespan=lifespan), {"type": "lifespan"}, messages()) == complete
    assert seen == ["begun", "ended"]
    assert exchange(serve(), {"type": "lifespan"}, messages()) == complete


@pytest.mark.parametrize("validate_responses", [False, True])
def test_a_websocket_without_an_operation_is_closed(serve: Callable[..., Client], validate_responses: bool) -> None:
    ask = serve(validate_responses=validate_responses)
    scope = {"type": "websocket", "path": "/shop/pets", "query_string": b"", "headers": []}
    assert exchange(ask, scope, [{"type": "websocket.connect"}]) == ["websocket.close"]


def test_importing_the_package_causes_no_warning() -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", "import handlers.openapi31"], check=True)
