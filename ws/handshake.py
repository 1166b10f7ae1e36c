"""Handshakes: accept or refuse a WebSocket connection, and determine its caller and its first event."""

import re
from collections import Counter
from functools import partial
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from domain import events
from domain.errors import BadRequest, NotFound, UpgradeRequired
from domain.identity import budgets, networks
from domain.identity.access import allow
from domain.identity.authenticator import Authenticator
from domain.identity.validity import invalid_credential
from domain.ports import Ports
from handlers.edge import rate_limits, request_id
from handlers.edge.credentials import (
    WEBSOCKET_SCHEMES,
    Authenticated,
    Scheme,
    authenticate,
    is_present,
    read_credential,
)
from handlers.edge.refusals import error_response
from handlers.edge.request_head import RequestHead
from handlers.edge.stream_limits import StreamLimits
from handlers.edge.threads import AUTHENTICATION, TICKETS
from ws import refusals
from ws.connection import Connection, HandshakeResult
from ws.protocol import PATH

_CURSOR = re.compile(r"[0-9]{1,16}")
_PARAMETERS = frozenset({"after", "api_key", "ticket"})


class Handshake:
    """Checks each connection like an HTTP request: the same checks in the same order."""

    def __init__(self, ports: Ports, authenticator: Authenticator) -> None:
        self._ports = ports
        self._authenticator = authenticator
        settings = ports.settings
        self._open = StreamLimits("WebSockets", settings.streams_per_key, settings.streams_per_customer)

    async def process_request(self, connection: ServerConnection, request: Request) -> Response | None:
        """Return the response that refuses the connection, or None to accept it. The checks run in a thread."""
        assert isinstance(connection, Connection)  # noqa: S101 - the server makes no other
        if connection.transport.is_closing():  # the address of a client that disconnected is unknown
            return connection.respond(HTTPStatus.BAD_REQUEST, "")
        connection.request_id = request_id.request_id(request.headers.get_all(request_id.HEADER))
        connection.added_headers = {request_id.HEADER: connection.request_id}
        head, path = _head(request, connection.peer), urlsplit(request.path).path
        try:
            # A ticket is taken with the write lock: waiting for it must not delay clients with keys.
            pool = TICKETS if is_present(head, (Scheme.TICKET,)) else AUTHENTICATION
            accepted = await pool.run(partial(self._accept, connection, head, path))
            self._open.acquire(accepted.caller)
            connection.on_lost(partial(self._open.release, accepted.caller))
            connection.accepted = accepted
        except Exception as fault:  # noqa: BLE001 - every exception becomes a response in the error format
            sent = is_present(head, WEBSOCKET_SCHEMES)
            return refusals.response(error_response(fault, connection.request_id, credential_sent=sent))
        return None

    def process_response(self, connection: ServerConnection, _request: Request, response: Response) -> Response:
        """Add the headers of every response, and give errors of the websockets library the panel's error format."""
        assert isinstance(connection, Connection)  # noqa: S101 - the server makes no other
        if response.status_code != 101 and "json" not in response.headers.get("Content-Type", ""):
            reason = response.body.decode().strip() or None
            kind = UpgradeRequired if response.status_code == 426 else BadRequest
            refusal = kind("The request is not a WebSocket handshake", details=reason)
            response = refusals.response(error_response(refusal, connection.request_id))
        for name, value in connection.added_headers.items():
            response.headers[name] = value
        return response

    def _accept(self, connection: Connection, head: RequestHead, path: str) -> HandshakeResult:
        fault: Exception | None = None
        authenticated: Authenticated | None = None
        try:
            authenticated = self._authenticate(head)
        except Exception as error:  # noqa: BLE001 - raised below: refused handshakes count towards the rate limit
            fault = error
        caller = authenticated.caller if authenticated else None
        budget = budgets.charge(self._ports, "authenticated", caller, head.address)
        connection.added_headers = {**connection.added_headers, **rate_limits.headers(budget)}
        if not budget.allowed:
            raise budgets.too_many_requests(budget)
        if path != PATH:
            raise NotFound("Path not found", details=f"WebSocket connections are opened at {PATH}")
        if authenticated is None:
            raise fault or invalid_credential()
        allow(authenticated.caller, "events.read")
        return HandshakeResult(authenticated.caller, self._after(head), authenticated.topics)

    def _authenticate(self, head: RequestHead) -> Authenticated:
        """Return the caller, without a request ID: connections of one key then have equal callers, revalidated once."""
        _refuse_repeated(head)
        presented = read_credential(head, WEBSOCKET_SCHEMES)
        if presented is None:
            raise invalid_credential()
        return authenticate(self._authenticator, self._ports.settings, head, presented, "")

    def _after(self, head: RequestHead) -> int | None:
        unknown = sorted(set(_parameters(head)) - _PARAMETERS)
        if unknown:
            raise BadRequest(
                f"{unknown[0]}: is not a parameter of this operation", details=f"query parameter {unknown[0]}"
            )
        texts = head.parameter("after")
        if not texts:
            return None
        if not _CURSOR.fullmatch(texts[0]) or int(texts[0]) >= 2**53:
            raise BadRequest("after: must be a whole number", details="query parameter after")
        return events.resume(self._ports, int(texts[0]))


def _head(request: Request, peer: str) -> RequestHead:
    headers, query = request.headers, urlsplit(request.path).query
    address = networks.client_address(peer, headers.get_all("X-Forwarded-For"))
    return RequestHead("GET", headers.get_all, query, address, is_websocket=True)


def _parameters(head: RequestHead) -> list[str]:
    return [name for name, _ in parse_qsl(head.query, keep_blank_values=True)]


def _refuse_repeated(head: RequestHead) -> None:
    repeated = sorted(name for name, times in Counter(_parameters(head)).items() if times > 1 and name in _PARAMETERS)
    if repeated:
        raise BadRequest(f"{repeated[0]}: must be given only once", details=f"query parameter {repeated[0]}")
