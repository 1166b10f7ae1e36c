"""The outermost layer: every request gets an id, a caller and a budget before anything else looks at it."""

import re

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.identity import budgets
from domain.identity.authenticator import Authenticator
from domain.model.identifiers import new_id
from domain.ports import Ports
from handlers.edge import errors, identity
from handlers.edge.rate_limits import headers
from handlers.openapi31 import Answer, Match, Router, send_answer

_USABLE = re.compile(rb"[A-Za-z0-9._-]{1,128}")


class Edge:
    """Wraps the whole application, so that no response leaves without its headers."""

    def __init__(self, app: ASGIApp, router: Router, ports: Ports, authenticator: Authenticator) -> None:
        self._app = app
        self._router = router
        self._ports = ports
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = scope[errors.REQUEST_ID] = _request_id(scope)
        structlog.contextvars.bind_contextvars(request_id=request_id)
        marks = [(b"x-request-id", request_id.encode())]

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *marks]
            await send(message)

        refused = await self._refused(scope, marks)
        if refused is None:
            await self._app(scope, receive, send_marked)
        else:
            await send_answer(refused, scope, receive, send_marked)

    async def _refused(self, scope: Scope, marks: list[tuple[bytes, bytes]]) -> Answer | None:
        """Count the request against its caller, and add the headers that tell of it; the answer when it stops here."""
        try:
            caller = await identity.identify(self._authenticator, self._ports.settings, scope)
            found = self._router.find(scope)
            tier = found.operation.raw["x-rate-tier"] if isinstance(found, Match) else None
            budget = budgets.charge(self._ports, tier, caller, identity.address(scope))
        except Exception as fault:  # noqa: BLE001 - outside of the application, nobody else would answer it
            return errors.answer(scope, fault)
        marks += headers(budget)
        return None if budget.allowed else errors.answer(scope, budgets.refusal(budget))


def _request_id(scope: Scope) -> str:
    given = [value for name, value in scope["headers"] if name == b"x-request-id"]
    return given[0].decode() if len(given) == 1 and _USABLE.fullmatch(given[0]) else new_id("req")
