"""The HTTP door: the document, the handlers and the ports become one ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp

from domain.access import Caller, allow
from domain.credentials import Desk
from domain.errors import Refusal
from domain.ports import Ports
from handlers import errors, identity, routing
from handlers.docs import Docs
from handlers.edge import Edge
from handlers.openapi31 import Document, Limits, Operation, Options, build
from handlers.published import DOCUMENT

MAX_BODY = 1024 * 1024
_FLUSH_EVERY = 2


def create(ports: Ports, *, validate_responses: bool = False) -> ASGIApp:
    """The whole application; raises DocumentError when document and handlers do not agree."""
    document = Document.load(DOCUMENT.content)
    ports = replace(ports, openings=routing.openings(document))
    desk = Desk(ports)
    options = Options(
        errors=errors.answer,
        security={
            "bearerAuth": identity.found,
            "cookieAuth": identity.found,
            "ticketAuth": partial(identity.ticket, desk),
            "queryKeyAuth": partial(identity.query_key, desk),
        },
        authorize=_authorize,
        extras={
            "accept": lambda scope: Headers(scope=scope).get("accept", ""),
            "user_agent": identity.user_agent,
            "origin": identity.origin,
            "look_again": partial(identity.again, desk),
            "accept_encoding": lambda scope: Headers(scope=scope).get("accept-encoding", ""),
        },
        limits=Limits(size=MAX_BODY),
        validate_responses=validate_responses,
        lifespan=_flushing(desk),
    )
    application = build(document, routing.bind(document, ports), options)
    return Edge(Docs(application), application.router, ports, desk)


def _authorize(operation: Operation, caller: Caller | None) -> None:
    permission = operation.raw["x-permission"]
    if caller is not None and permission not in ("public", "authenticated"):
        allow(caller, permission)


def _flushing(desk: Desk) -> Any:  # noqa: ANN401 - Starlette's lifespan has no name
    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        async with anyio.create_task_group() as group:
            group.start_soon(_flush_uses, desk)
            yield
            group.cancel_scope.cancel()
        with suppress(Refusal):
            await run_in_threadpool(desk.flush)

    return lifespan


async def _flush_uses(desk: Desk) -> None:
    while True:
        await anyio.sleep(_FLUSH_EVERY)
        with suppress(Refusal):
            await run_in_threadpool(desk.flush)
