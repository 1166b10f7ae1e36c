"""Handshakes: whether a WebSocket connection is opened, for whom, and from which event on."""

import asyncio
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from domain import events
from domain.errors import BadRequest, NotFound, UpgradeRequired
from domain.identity import budgets, networks
from domain.identity.access import Caller, allow
from domain.identity.authenticator import Authenticator
from domain.identity.validity import invalid_credential
from domain.ports import Ports
from handlers.edge import rate_limits, request_id
from handlers.edge.credentials import WEBSOCKET_SCHEMES, Authenticated, authenticate, is_present, read_credential
from handlers.edge.refusals import error_response
from handlers.edge.request_head import RequestHead
from ws import refusals
from ws.protocol import PATH

_CURSOR = re.compile(r"[0-9]{1,16}")
_PARAMETERS = frozenset({"after", "api_key", "ticket"})


@dataclass(frozen=True)
class Admitted:
    """The caller of a connection, the number of the last event that its client has, and the topics that it is for.

    `after` None means from now on, `topics` None all that the caller can see.
    """

    caller: Caller
    after: int | None = None
    topics: frozenset[str] | None = None


class Connection(ServerConnection):
    """A connection with the result of its handshake. `marks` are the headers that its response gets."""

    admitted: Admitted
    marks: Mapping[str, str] = {}
    request_id = ""


class Handshake:
    """Decides on every connection, with the same checks as for an HTTP request, in the same order."""

    def __init__(self, ports: Ports, authenticator: Authenticator) -> None:
        self._ports = ports
        self._authenticator = authenticator

    async def request(self, connection: ServerConnection, request: Request) -> Response | None:
        """Return the response that refuses a connection; None opens it. A thread asks the database."""
        assert isinstance(connection, Connection)  # noqa: S101 - the server makes no other
        if connection.transport.is_closing():  # a client that has left has no address any more, and none may be guessed
            return connection.respond(HTTPStatus.BAD_REQUEST, "")
        connection.request_id = request_id.request_id(request.headers.get_all(request_id.HEADER))
        connection.marks = {request_id.HEADER: connection.request_id}
        head, path = _head(request, _peer(connection)), urlsplit(request.path).path
        try:
            connection.admitted = await asyncio.to_thread(self._admit, connection, head, path)
        except Exception as fault:  # noqa: BLE001 - every exception is answered in the same shape
            sent = is_present(head, WEBSOCKET_SCHEMES)
            return refusals.response(error_response(fault, connection.request_id, credential_sent=sent))
        return None

    def response(self, connection: ServerConnection, _request: Request, response: Response) -> Response:
        """Give a response the headers that every response has, and the library's own refusals the shape of errors."""
        assert isinstance(connection, Connection)  # noqa: S101 - the server makes no other
        if response.status_code != 101 and "json" not in response.headers.get("Content-Type", ""):
            reason = response.body.decode().strip() or None
            kind = UpgradeRequired if response.status_code == 426 else BadRequest
            refusal = kind("The request is not a WebSocket handshake", details=reason)
            response = refusals.response(error_response(refusal, connection.request_id))
        for name, value in connection.marks.items():
            response.headers[name] = value
        return response

    def _admit(self, connection: Connection, head: RequestHead, path: str) -> Admitted:
        fault: Exception | None = None
        authenticated: Authenticated | None = None
        try:
            authenticated = self._authenticate(head)
        except Exception as refused:  # noqa: BLE001 - raised again below: refused handshakes are counted too
            fault = refused
        caller = authenticated.caller if authenticated else None
        budget = budgets.charge(self._ports, "authenticated", caller, head.address)
        connection.marks = {**connection.marks, **rate_limits.headers(budget)}
        if not budget.allowed:
            raise budgets.too_many_requests(budget)
        if path != PATH:
            raise NotFound("Path not found", details=f"WebSocket connections are opened at {PATH}")
        if authenticated is None:
            raise fault or invalid_credential()
        allow(authenticated.caller, "events.read")
        return Admitted(authenticated.caller, self._after(head), authenticated.topics)

    def _authenticate(self, head: RequestHead) -> Authenticated:
        """Return the caller, without a request ID: all connections of one key are then one caller, revalidated once."""
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


def _peer(connection: Connection) -> str:
    """Return the address of the other side. A Unix socket has none: there the panel itself connects."""
    address = connection.remote_address
    return str(address[0]) if isinstance(address, tuple) else networks.LOOPBACK
