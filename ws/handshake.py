"""Whether a socket is opened: who asks and how, from where, with what budget, and from which event on."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from domain import events
from domain.errors import BadRequest, Forbidden, NotFound, Refusal, UpgradeRequired
from domain.identity import budgets, networks, validity
from domain.identity.access import Caller, allow
from domain.identity.authenticator import Authenticator
from domain.model.identifiers import new_id
from domain.ports import Ports
from handlers.edge import origins
from ws import refusals
from ws.protocol import PATH

_USABLE = re.compile(r"[A-Za-z0-9._-]{1,128}")
_CURSOR = re.compile(r"[0-9]{1,16}")
_PARAMETERS = frozenset({"after", "api_key", "ticket"})
_COOKIE = "session"


@dataclass(frozen=True)
class Admitted:
    """Who opened a socket, from which number on, and for which topics alone; None for all that it may see."""

    caller: Caller
    after: int | None = None
    topics: frozenset[str] | None = None


class Connection(ServerConnection):
    """A connection and what its handshake found."""

    admitted: Admitted
    marks: Mapping[str, str] = {}
    request_id = ""


class Asked:
    """A request for a socket, read."""

    def __init__(self, request: Request, peer: str) -> None:
        parts = urlsplit(request.path)
        self.path = parts.path
        self.headers = request.headers
        self.query = parse_qsl(parts.query, keep_blank_values=True)
        self.address = networks.visitor(peer, request.headers.get_all("X-Forwarded-For"))
        given = request.headers.get_all("X-Request-Id")
        self.request_id = given[0] if len(given) == 1 and _USABLE.fullmatch(given[0]) else new_id("req")

    def parameter(self, name: str) -> str | None:
        """Raise BadRequest when it is there twice."""
        return _only([value for key, value in self.query if key == name], _twice(name))

    def header(self, name: str) -> str | None:
        """Raise Unauthenticated when it is there twice: what one reader sees, another may not."""
        return _only(self.headers.get_all(name), validity.unknown())

    def cookie(self) -> str | None:
        """The session's; raise Unauthenticated when there are two."""
        pairs = (part.strip().partition("=") for text in self.headers.get_all("Cookie") for part in text.split(";"))
        return _only([value for name, _, value in pairs if name == _COOKIE], validity.unknown())


def _only(values: list[str], twice: Refusal) -> str | None:
    if len(values) > 1:
        raise twice
    return values[0] if values else None


def _twice(name: str) -> BadRequest:
    return BadRequest(f"{name}: must be given only once", details=f"query parameter {name}")


class Handshake:
    """What stands before every socket: the same looks as at the door of HTTP, in the same order."""

    def __init__(self, ports: Ports, authenticator: Authenticator) -> None:
        self._ports = ports
        self._authenticator = authenticator

    async def request(self, connection: ServerConnection, request: Request) -> Response | None:
        """None lets the socket be opened; the look takes the database, so a thread does it."""
        assert isinstance(connection, Connection)  # noqa: S101 - the server makes no other
        if connection.transport.is_closing():  # whoever has left has no address any more, and none may be guessed
            return connection.respond(HTTPStatus.BAD_REQUEST, "")
        asked = Asked(request, _peer(connection))
        connection.request_id, connection.marks = asked.request_id, {"X-Request-Id": asked.request_id}
        try:
            connection.admitted = await asyncio.to_thread(self._admitted, connection, asked)
        except Exception as fault:  # noqa: BLE001 - whatever it is, it is answered in the one shape
            return refusals.response(fault, asked.request_id)
        return None

    def response(self, connection: ServerConnection, _request: Request, response: Response) -> Response:
        """Every response carries the headers of all others; what the library refuses is said in the one shape too."""
        assert isinstance(connection, Connection)  # noqa: S101 - the server makes no other
        if response.status_code != 101 and "json" not in response.headers.get("Content-Type", ""):
            said = response.body.decode().strip() or None
            kind = UpgradeRequired if response.status_code == 426 else BadRequest
            response = refusals.response(
                kind("This is no request for a WebSocket", details=said), connection.request_id
            )
        for name, value in connection.marks.items():
            response.headers[name] = value
        return response

    def _admitted(self, connection: Connection, asked: Asked) -> Admitted:
        fault: Exception = validity.unknown()
        admitted = None
        try:
            admitted = self._identified(asked)
        except Exception as refused:  # noqa: BLE001 - raised again below: whoever is refused is counted too
            fault = refused
        budget = budgets.charge(self._ports, "authenticated", admitted.caller if admitted else None, asked.address)
        connection.marks = {**connection.marks, **budgets.headers(budget)}
        if not budget.allowed:
            raise budgets.refusal(budget)
        if asked.path != PATH:
            raise NotFound("There is no such path", details=f"Sockets are at {PATH}")
        if admitted is None:
            raise fault
        allow(admitted.caller, "events.read")
        return Admitted(admitted.caller, self._after(asked), admitted.topics)

    def _identified(self, asked: Asked) -> Admitted:
        """The first credential that is there decides; the cookie, which a browser sends by itself, comes last.

        No caller gets the id of this one request: so all that one key has open are one caller, and looked at once.
        """
        address = asked.address
        if (authorization := asked.header("Authorization")) is not None:
            scheme, _, text = authorization.partition(" ")
            given = text.strip() if scheme.lower() == "bearer" else ""
            return Admitted(self._authenticator.by_api_key(given, address, ""))
        if (ticket := asked.parameter("ticket")) is not None:
            caller, topics = self._authenticator.by_ticket(ticket, asked.header("Origin"), address, "")
            return Admitted(caller, topics=None if topics is None else frozenset(topics))
        if (key := asked.parameter("api_key")) is not None:
            return Admitted(self._authenticator.by_api_key(key, address, ""))
        if (cookie := asked.cookie()) is None:
            raise validity.unknown()
        if not origins.same_origin(self._ports.settings, asked.header("Origin"), asked.header("Host") or ""):
            raise Forbidden("A socket with a session must come from the panel's own pages", code="cross_site")
        return Admitted(self._authenticator.by_session(cookie, address, ""))

    def _after(self, asked: Asked) -> int | None:
        unknown = sorted({name for name, _ in asked.query} - _PARAMETERS)
        if unknown:
            raise BadRequest(
                f"{unknown[0]}: is not a parameter of this operation", details=f"query parameter {unknown[0]}"
            )
        text = asked.parameter("after")
        if text is None:
            return None
        if not _CURSOR.fullmatch(text) or int(text) >= 2**53:
            raise BadRequest("after: must be a whole number", details="query parameter after")
        return events.resume(self._ports, int(text))


def _peer(connection: Connection) -> str:
    """The address on the other side; a Unix socket has none, and there stands the panel itself."""
    address = connection.remote_address
    return str(address[0]) if isinstance(address, tuple) else networks.HERE
