"""Clients of the socket server for tests: every message that they get is held to the document."""

import base64
import json
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Response
from websockets.sync.client import ClientConnection, unix_connect

from tests import conformance
from tests.conformance import CANARY
from tests.contract.reading import faults
from tests.panel import Panel, start_panel
from ws.server import Server

Message = dict[str, Any]
PATIENCE = 10.0
SCHEMAS = {
    "hello": "SocketHello",
    "service.logs": "ServiceLogs",
    "subscribed": "SocketSubscribed",
    "error": "SocketError",
}
"""The schema of a message by its type; messages of all other types are events."""


@contextmanager
def with_sockets(folder: Path) -> Iterator[Panel]:
    """A panel whose socket server listens at a short path, since that of a socket may not be long."""
    short = tempfile.TemporaryDirectory(prefix="panel-ws")
    with short as place, start_panel(folder, ws_address=f"{place}/ws.sock") as panel:
        yield panel


@contextmanager
def serving(panel: Panel) -> Iterator[Server]:
    """Its socket server, started."""
    server = Server(panel.ports)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@dataclass
class Client:
    """One socket; `hello` has come already."""

    connection: ClientConnection
    hello: Message = field(default_factory=dict)

    def next(self, seconds: float = PATIENCE) -> Message:
        """The next message; TimeoutError when none comes."""
        text = self.connection.recv(seconds)
        assert isinstance(text, str)
        assert CANARY not in text
        message = json.loads(text)
        problems = faults(f"#/components/schemas/{SCHEMAS.get(message['type'], 'Event')}", message)
        assert not problems, f"{problems}: {text}"
        return dict(message)

    def until(self, seconds: float = PATIENCE, /, **wanted: Any) -> list[Message]:
        """All messages up to one with these fields, at the top or in its data."""
        found: list[Message] = []
        deadline = time.monotonic() + seconds
        while not found or not wanted.items() <= {**found[-1].get("data", {}), **found[-1]}.items():
            found.append(self.next(max(0.01, deadline - time.monotonic())))
        return found

    def silent(self, seconds: float = 0.3) -> bool:
        """Whether nothing comes for so long."""
        try:
            self.next(seconds)
        except TimeoutError:
            return True
        return False

    def send(self, **command: Any) -> None:
        """Send a command."""
        self.connection.send(json.dumps(command))

    def asked(self, **command: Any) -> Message:
        """Send a command; its answer, events before it left out."""
        self.send(**command)
        while (message := self.next())["type"] not in ("subscribed", "error"):
            pass
        return message

    def closed(self, seconds: float = PATIENCE) -> tuple[int, str]:
        """Code and reason, when the panel closes, TimeoutError when it does not; what comes before is left out."""
        deadline = time.monotonic() + seconds
        try:
            while True:
                self.connection.recv(max(0.01, deadline - time.monotonic()))
        except ConnectionClosed as closed:
            said = closed.rcvd
        return (said.code, said.reason) if said else (1006, "cut without a word")


@dataclass
class Sockets:
    """Opens sockets straight at the socket server."""

    panel: Panel
    server: Server
    opened: list[ClientConnection]

    @property
    def path(self) -> str:
        """Where it listens."""
        return str(self.panel.ports.settings.socket_server)

    @contextmanager
    def open(self, query: str = "", *, key: str | None = "", **headers: str) -> Iterator[Client]:
        """A socket, of the admin unless a key is given; `key` None sends none."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            named.setdefault("Authorization", f"Bearer {key or self.panel.admin}")
        uri = f"ws://testserver/api/ws{query}"
        with unix_connect(self.path, uri, additional_headers=named, compression=None, close_timeout=1) as connection:
            conformance.record_status("GET", "/api/ws", 101)
            client = Client(connection)
            client.hello = client.next()
            assert client.hello["type"] == "hello"
            yield client

    def refused(self, query: str = "", *, key: str | None = "", **headers: str) -> Response:
        """The response of a handshake that fails."""
        try:
            with self.open(query, key=key, **headers):
                raise AssertionError("it was opened")
        except InvalidStatus as refused:
            conformance.record_status("GET", "/api/ws", refused.response.status_code)
            return refused.response

    @contextmanager
    def deaf(self, query: str = "") -> Iterator[socket.socket]:
        """A socket that reads nothing: a viewer's, unless the query has a ticket."""
        with socket.socket(socket.AF_UNIX) as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.connect(self.path)
            key = base64.b64encode(bytes(16)).decode()
            lines = [
                f"GET /api/ws{query} HTTP/1.1",
                "Host: testserver",
                "Upgrade: websocket",
                "Connection: Upgrade",
                f"Sec-WebSocket-Key: {key}",
                "Sec-WebSocket-Version: 13",
                *([] if "ticket=" in query else [f"Authorization: Bearer {self.panel.key('viewer')}"]),
            ]
            raw.sendall("\r\n".join([*lines, "", ""]).encode())
            yield raw
