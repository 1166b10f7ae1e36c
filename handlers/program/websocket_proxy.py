"""WebSockets at the API's port: each is joined with a connection to the socket server, and its bytes pass unread.

uvicorn hands over the connection and the head of the request. Parsing frames here would cost three times as much.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

import orjson

from domain.identity import budgets, networks
from domain.model.identifiers import new_id
from domain.ports import Ports

_log = logging.getLogger(__name__)
_PATIENCE = 5.0
_LINE = b"\r\n"
_FORWARDED = b"x-forwarded-for"


def splicing(ports: Ports) -> Callable[..., asyncio.Protocol]:
    """What uvicorn takes as its `ws` class."""

    def splice(server_state: Any, **_others: object) -> asyncio.Protocol:  # noqa: ANN401 - uvicorn's own
        return Visitor(ports, server_state.connections)

    return splice


class _End(asyncio.Protocol):
    """One end of a splice: what comes in here goes out at the other end, no faster than it can."""

    transport: asyncio.Transport
    other: "_End | None" = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a stream's

    def data_received(self, data: bytes) -> None:
        if self.other:
            self.other.transport.write(data)

    def connection_lost(self, _fault: Exception | None) -> None:
        if self.other:
            self.other.transport.close()

    def pause_writing(self) -> None:
        if self.other:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other:
            self.other.transport.resume_reading()


class Visitor(_End):
    """The client's end. `connections` is uvicorn's list of those that it waits for when it stops."""

    def __init__(self, ports: Ports, connections: set[Any]) -> None:
        self._ports = ports
        self._connections = connections
        self._joining: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        """The first piece is the whole head, as uvicorn has read it; reading waits until there is somebody to read."""
        if self._joining:
            super().data_received(data)
            return
        self.transport.pause_reading()
        if not data.startswith(b"GET "):
            self._refuse(400, "bad_request", "Only a GET can become a WebSocket", "Leave out the header Upgrade")
            return
        self._joining = asyncio.get_running_loop().create_task(self._join(data))

    def connection_lost(self, fault: Exception | None) -> None:
        self._connections.discard(self)
        super().connection_lost(fault)

    def shutdown(self) -> None:
        """The socket server has said goodbye already where it stops too."""
        self.transport.close()

    async def _join(self, head: bytes) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                server = await _connected(self._ports.settings.socket_server)
        except OSError as away:
            _log.warning("the socket server does not answer: %s", away)
            advice = "Start it: `ai-admin-panel ws`, at the same PANEL_WS_ADDRESS"
            self._refuse(503, "unavailable", "The socket server does not answer", advice)
            return
        if self.transport.is_closing():
            server.transport.close()
            return
        self.other, server.other = server, self
        server.transport.write(marked(head, _address(self.transport)))
        self.transport.resume_reading()

    def _refuse(self, status: int, code: str, message: str, details: str) -> None:
        request_id = new_id("req")
        error = {"code": code, "message": message, "details": details, "request_id": request_id}
        budget = budgets.charge(self._ports, None, None, _address(self.transport))
        headers = {"X-Request-Id": request_id, **budgets.headers(budget)}
        self.transport.write(_response(status, orjson.dumps({"error": error}), headers))
        self.transport.close()


async def _connected(address: Path | tuple[str, int]) -> _End:
    loop = asyncio.get_running_loop()
    if isinstance(address, Path):
        _, end = await loop.create_unix_connection(_End, str(address))
    else:
        _, end = await loop.create_connection(_End, *address)
    return end


def marked(head: bytes, address: str) -> bytes:
    """The head of a request, with one address that it comes from: what the client said of that is judged here."""
    first, *headers = head.split(_LINE + _LINE, 1)[0].split(_LINE)
    told = [line.partition(b":")[2].decode("latin-1") for line in headers if _is_forwarded(line)]
    kept = [line for line in headers if not _is_forwarded(line)]
    visitor = networks.visitor(address, told).encode("latin-1")
    return _LINE.join([first, *kept, _FORWARDED + b": " + visitor, b"", b""])


def _is_forwarded(line: bytes) -> bool:
    return line.partition(b":")[0].strip().lower() == _FORWARDED


def _address(transport: asyncio.Transport) -> str:
    peer: Sequence[object] | None = transport.get_extra_info("peername")
    return str(peer[0]) if peer else networks.HERE


def _response(status: int, body: bytes, headers: dict[str, str]) -> bytes:
    fixed = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
    lines = [f"{name}: {value}" for name, value in {**fixed, **headers}.items()]
    return "\r\n".join([f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *lines, "", ""]).encode("latin-1") + body
