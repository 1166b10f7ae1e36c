"""Build the ASGI application from the document, the handlers and the ports."""

from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

import anyio
from starlette.types import ASGIApp, Scope

from domain.errors import Refusal
from domain.identity.access import Caller, allow
from domain.identity.authenticator import Authenticator
from domain.ports import Ports
from domain.settings import Settings
from handlers import routing
from handlers.docs import Docs
from handlers.edge import cookies, errors, security
from handlers.edge.credentials import Scheme
from handlers.edge.edge import Edge
from handlers.edge.request_head import RequestHead, from_scope
from handlers.edge.running_commands import RunningCommands
from handlers.edge.threads import HEALTH, PUBLIC_WRITES, READS, WRITES
from handlers.frontend import Frontend, open_frontend
from handlers.openapi31 import Document, Limits, Operation, Options, build
from handlers.openapi31.security import SecurityFunction
from handlers.paging import request_target
from handlers.static_asset import DOCUMENT
from handlers.streams import EventFeed, OpenStreams

MAX_BODY = 2 * 1024 * 1024  # a compose text, and 1 MiB of files as base64
_FLUSH_EVERY = 2


def create(
    ports: Ports,
    open_streams: OpenStreams | None = None,
    *,
    document: Document | None = None,
    validate_responses: bool = False,
) -> ASGIApp:
    """Return the application, which adds its streams to `open_streams`. It reads the document unless it is given.

    Raise DocumentError if the document and the handlers do not fit together.
    """
    document = document or Document.load(DOCUMENT.content)
    ports = replace(ports, operations_by_permission=routing.operations_by_permission(document))
    authenticator = Authenticator(ports)
    feed = EventFeed(ports, authenticator)
    options = Options(
        errors=errors.answer,
        security=_security(authenticator, ports.settings),
        authorize=_authorize,
        extras=_extras(authenticator, feed, open_streams or OpenStreams(ports.settings)),
        executor=_executor,
        limits=Limits(size=MAX_BODY),
        validate_responses=validate_responses,
        lifespan=_lifespan(authenticator, feed),
    )
    application = build(document, routing.bind(document, ports), options)
    return Frontend(Edge(Docs(application), application.router, ports, authenticator), open_frontend(ports.settings))


def _extras(
    authenticator: Authenticator, feed: EventFeed, open_streams: OpenStreams
) -> dict[str, Callable[[Scope], object]]:
    """Return the arguments that handlers can take besides the parameters of their operation."""
    commands = RunningCommands()
    return {
        "target": request_target,
        "accept": lambda scope: ", ".join(from_scope(scope).header("accept")),
        "user_agent": lambda scope: ", ".join(from_scope(scope).header("user-agent")),
        "header": lambda scope: partial(_joined, from_scope(scope)),
        "address": lambda scope: from_scope(scope).address,
        "login_cookie": lambda scope: cookies.read_login(from_scope(scope)),
        "origin": lambda scope: from_scope(scope).origin,
        "feed": lambda _scope: feed,
        "running_commands": lambda _scope: commands,
        "open_streams": lambda _scope: open_streams,
        "revalidate": partial(security.revalidation, authenticator),
        "accept_encoding": lambda scope: ", ".join(from_scope(scope).header("accept-encoding")),
    }


def _joined(head: RequestHead, name: str) -> str:
    return ", ".join(head.header(name))


def _security(authenticator: Authenticator, settings: Settings) -> dict[str, SecurityFunction]:
    return {
        "bearerAuth": security.identified_caller,
        "cookieAuth": security.identified_caller,
        "ticketAuth": security.query_security(authenticator, settings, Scheme.TICKET),
        "queryKeyAuth": security.query_security(authenticator, settings, Scheme.QUERY_KEY),
    }


def _executor(operation: Operation) -> Executor:
    """Return the threads of an operation: those that may wait for the write lock have their own, as has health."""
    reads = operation.method == "GET"
    if operation.raw["x-permission"] == "public":
        return (HEALTH if reads else PUBLIC_WRITES).executor
    return (READS if reads else WRITES).executor


def _authorize(operation: Operation, caller: Caller | None) -> None:
    permission = operation.raw["x-permission"]
    if caller is not None and permission not in ("public", "authenticated"):
        allow(caller, permission)


def _lifespan(authenticator: Authenticator, feed: EventFeed) -> Any:  # noqa: ANN401 - Starlette's lifespan has no public type
    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        async with anyio.create_task_group() as group:
            group.start_soon(_flush_uses, authenticator)
            yield
            group.cancel_scope.cancel()
        await feed.stop()
        with suppress(Refusal):
            await WRITES.run(authenticator.flush)

    return lifespan


async def _flush_uses(authenticator: Authenticator) -> None:
    while True:
        await anyio.sleep(_FLUSH_EVERY)
        with suppress(Refusal):
            await WRITES.run(authenticator.flush)
