"""The outermost layer: every request gets an id, a caller and a budget before anything else looks at it."""

import re

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.credentials import Desk
from domain.model import new_id
from domain.ports import Ports
from handlers import errors, identity, limits
from handlers.openapi31 import Match, Router, send_answer

_USABLE = re.compile(rb"[A-Za-z0-9._-]{1,128}")


class Edge:
    """Wraps the whole application, so that no response leaves without its headers."""

    def __init__(self, app: ASGIApp, router: Router, ports: Ports, desk: Desk) -> None:
        self._app = app
        self._router = router
        self._ports = ports
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = scope[errors.REQUEST_ID] = _request_id(scope)
        structlog.contextvars.bind_contextvars(request_id=request_id)
        caller = await identity.identify(self._desk, scope)
        found = self._router.find(scope)
        operation = found.operation if isinstance(found, Match) else None
        budget = limits.charge(self._ports, operation, caller, identity.address(scope))
        extra = [(b"x-request-id", request_id.encode()), *limits.headers(budget)]

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *extra]
            await send(message)

        if budget.allowed:
            await self._app(scope, receive, send_marked)
        else:
            await send_answer(errors.answer(scope, limits.refusal(budget)), scope, receive, send_marked)


def _request_id(scope: Scope) -> str:
    given = [value for name, value in scope["headers"] if name == b"x-request-id"]
    return given[0].decode() if len(given) == 1 and _USABLE.fullmatch(given[0]) else new_id("req")
