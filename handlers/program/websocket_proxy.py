"""WebSocket connections at the API's port: each is proxied to the socket server, and its bytes pass unread.

uvicorn hands over the connection and the head of the request. Parsing frames here would cost three times as much.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from domain.errors import BadRequest, Refusal, Unavailable
from domain.identity import networks
from domain.identity.connection_limits import ConnectionLimits
from domain.ports import Ports
from handlers.edge.refusals import error_response
from handlers.program import raw_response

_log = logging.getLogger(__name__)
_CONNECT_TIMEOUT = 5.0  # seconds
_LINE = b"\r\n"
_FORWARDED_FOR = b"x-forwarded-for"
_BODY_HEADERS = frozenset({b"content-length", b"transfer-encoding"})


def proxy_protocol(ports: Ports, limits: ConnectionLimits) -> Callable[..., asyncio.Protocol]:
    """Return what uvicorn takes as its `ws` class."""

    def make(server_state: Any, **_others: object) -> asyncio.Protocol:  # noqa: ANN401 - uvicorn's own
        return ClientSide(ports, limits, server_state.connections)

    return make


class _Side(asyncio.Protocol):
    """One side of a proxied connection. It sends what it receives to the other side, no faster than that can take."""

    transport: asyncio.Transport
    other: "_Side | None" = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a stream's

    def data_received(self, data: bytes) -> None:
        if self.other:
            self.other.transport.write(data)

    def connection_lost(self, _fault: Exception | None) -> None:
        if self.other:
            raw_response.close(self.other.transport)

    def pause_writing(self) -> None:
        if self.other:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other:
            self.other.transport.resume_reading()


class ClientSide(_Side):
    """The client's side. `connections` is uvicorn's list of those that it waits for when it stops."""

    def __init__(self, ports: Ports, limits: ConnectionLimits, connections: set[Any]) -> None:
        self._ports = ports
        self._limits = limits
        self._connections = connections
        self._connecting: asyncio.Task[None] | None = None
        self._refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Connect to the socket server on the first data, which is the whole head; reading waits until then."""
        if self._refused:
            return
        if self._connecting:
            super().data_received(data)
            return
        self.transport.pause_reading()
        if not data.startswith(b"GET "):
            self._refuse(BadRequest("A WebSocket handshake must be a GET", details="Leave out the header Upgrade"))
            return
        if _has_body(data):
            self._refuse(BadRequest("A WebSocket handshake has no body", details="Leave out the body"))
            return
        self._connecting = asyncio.get_running_loop().create_task(self._connect(data))

    def connection_lost(self, fault: Exception | None) -> None:
        self._connections.discard(self)
        self._limits.remove(self)
        super().connection_lost(fault)

    def shutdown(self) -> None:
        """Close the connection. A socket server that stops, too, has told its clients already."""
        raw_response.close(self.transport)

    def check_time(self, now: float) -> None:
        """Do nothing: the WebSocket server pings its clients."""

    def close_idle(self) -> None:
        """Do nothing: a WebSocket does not wait for a request."""

    async def _connect(self, head: bytes) -> None:
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT):
                server = await _server_side(self._ports.settings.socket_server)
        except OSError as fault:
            _log.warning("the socket server does not answer: %s", fault)
            advice = "Start it: `ai-admin-panel ws`, at the same PANEL_WS_ADDRESS"
            self._refuse(Unavailable("The socket server does not answer", details=advice))
            return
        if self.transport.is_closing():
            server.transport.close()
            return
        self.other, server.other = server, self
        server.transport.write(with_client_address(head, _address(self.transport)))
        self.transport.resume_reading()

    def _refuse(self, refusal: Refusal) -> None:
        address = _address(self.transport)
        raw_response.send_error(self._ports, self.transport, address, partial(error_response, refusal))
        self._refused = True
        self.transport.resume_reading()


async def _server_side(address: Path | tuple[str, int]) -> _Side:
    loop = asyncio.get_running_loop()
    if isinstance(address, Path):
        _, side = await loop.create_unix_connection(_Side, str(address))
    else:
        _, side = await loop.create_connection(_Side, *address)
    return side


def with_client_address(head: bytes, peer: str) -> bytes:
    """Return the head of a request with one `X-Forwarded-For`: the client's address, as it is judged here."""
    first, *headers = head.split(_LINE + _LINE, 1)[0].split(_LINE)
    forwarded = [line.partition(b":")[2].decode("latin-1") for line in headers if _is_forwarded_for(line)]
    others = [line for line in headers if not _is_forwarded_for(line)]
    client = networks.client_address(peer, forwarded).encode("latin-1")
    return _LINE.join([first, *others, _FORWARDED_FOR + b": " + client, b"", b""])


def _has_body(head: bytes) -> bool:
    return any(line.partition(b":")[0].lower() in _BODY_HEADERS for line in head.split(_LINE))


def _is_forwarded_for(line: bytes) -> bool:
    return line.partition(b":")[0].strip().lower() == _FORWARDED_FOR


def _address(transport: asyncio.Transport) -> str:
    peer: Sequence[object] | None = transport.get_extra_info("peername")
    return str(peer[0]) if peer else networks.LOOPBACK
