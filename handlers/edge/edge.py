"""The outermost layer of the HTTP application: every request gets an ID, a caller and a budget first."""

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.identity import budgets
from domain.identity.authenticator import Authenticator
from domain.ports import Ports
from handlers.edge import audit, errors, request_id, security
from handlers.edge.rate_limits import headers
from handlers.edge.request_head import from_scope
from handlers.openapi31 import Answer, Found, Match, Router, send_answer


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
        given = request_id.request_id(from_scope(scope).header("x-request-id"))
        scope[request_id.SCOPE_KEY] = given
        structlog.contextvars.bind_contextvars(request_id=given)
        common = {request_id.HEADER: given}

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                await audit.record_refused(self._ports, scope, message["status"])
                raw = [(name.lower().encode(), value.encode()) for name, value in common.items()]
                message["headers"] = [*message.get("headers", ()), *raw]
            await send(message)

        refused = await self._refusal(scope, common)
        with audit.action_of(scope, self._router.find(scope)):
            if refused is None:
                await self._app(scope, receive, send_with_headers)
            else:
                await send_answer(refused, scope, receive, send_with_headers)

    async def _refusal(self, scope: Scope, common: dict[str, str]) -> Answer | None:
        """Charge the request to its caller and add the rate limit's headers; return the answer if it ends here."""
        try:
            caller = await security.identify(self._authenticator, self._ports.settings, scope)
            match = self._router.find(scope)
            budget = budgets.charge(self._ports, _tier(match), caller, from_scope(scope).address)
        except Exception as fault:  # noqa: BLE001 - outside of the application, nobody else would answer it
            return errors.answer(scope, fault)
        common |= headers(budget)
        return None if budget.allowed else errors.answer(scope, budgets.too_many_requests(budget))


def _tier(found: Found) -> str | None:
    """Return the tier of a request's operation. Deploy hooks count against the address, whoever calls them."""
    if not isinstance(found, Match):
        return None
    raw = found.operation.raw
    tier = str(raw["x-rate-tier"])
    return "default" if (tier, raw["x-permission"]) == ("deploy", "public") else tier
