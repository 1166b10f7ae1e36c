"""WebSocket clients for tests. Each message that they receive is validated against the document."""

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
TIMEOUT = 10.0  # seconds
SCHEMAS = {
    "hello": "SocketHello",
    "service.logs": "ServiceLogs",
    "subscribed": "SocketSubscribed",
    "error": "SocketError",
}
"""The schema of a message by its type; messages of all other types are events."""


@contextmanager
def with_sockets(folder: Path) -> Iterator[Panel]:
    """Yield a panel whose WebSocket server listens in a folder with a short path: Unix sockets need one."""
    with (
        tempfile.TemporaryDirectory(prefix="panel-ws") as short,
        start_panel(folder, ws_address=f"{short}/ws.sock") as panel,
    ):
        yield panel


@contextmanager
def serving(panel: Panel) -> Iterator[Server]:
    """Start the panel's WebSocket server."""
    server = Server(panel.ports)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@dataclass
class Client:
    """One connection that has received `hello`."""

    connection: ClientConnection
    hello: Message = field(default_factory=dict)

    def next(self, seconds: float = TIMEOUT) -> Message:
        """Return the next message. Raise TimeoutError if none arrives."""
        text = self.connection.recv(seconds)
        assert isinstance(text, str)
        assert CANARY not in text
        message = json.loads(text)
        problems = faults(f"#/components/schemas/{SCHEMAS.get(message['type'], 'Event')}", message)
        assert not problems, f"{problems}: {text}"
        return dict(message)

    def until(self, seconds: float = TIMEOUT, /, **wanted: Any) -> list[Message]:
        """Return all messages up to one with these fields, at the top level or in its data."""
        messages: list[Message] = []
        deadline = time.monotonic() + seconds
        while not messages or not wanted.items() <= {**messages[-1].get("data", {}), **messages[-1]}.items():
            messages.append(self.next(max(0.01, deadline - time.monotonic())))
        return messages

    def is_silent(self, seconds: float = 0.3) -> bool:
        """Return whether no message arrives within `seconds`."""
        try:
            self.next(seconds)
        except TimeoutError:
            return True
        return False

    def send(self, **command: Any) -> None:
        """Send a command."""
        self.connection.send(json.dumps(command))

    def request(self, **command: Any) -> Message:
        """Send a command and return its reply. Events before the reply are discarded."""
        self.send(**command)
        while (message := self.next())["type"] not in ("subscribed", "error"):
            pass
        return message

    def wait_closed(self, seconds: float = TIMEOUT) -> tuple[int, str]:
        """Return code and reason when the panel closes. Raise TimeoutError if it does not. Messages are discarded."""
        deadline = time.monotonic() + seconds
        try:
            while True:
                self.connection.recv(max(0.01, deadline - time.monotonic()))
        except ConnectionClosed as closed:
            frame = closed.rcvd
        return (frame.code, frame.reason) if frame else (1006, "no close frame")


@dataclass
class Sockets:
    """Opens connections directly to the WebSocket server."""

    panel: Panel
    server: Server

    @property
    def path(self) -> str:
        """The path that the server listens at."""
        return str(self.panel.ports.settings.socket_server)

    @contextmanager
    def open(self, query: str = "", *, key: str | None = "", **headers: str) -> Iterator[Client]:
        """Open a connection with the admin's key unless `key` is given. None sends no key."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            sent.setdefault("Authorization", f"Bearer {key or self.panel.admin}")
        uri = f"ws://testserver/api/ws{query}"
        with unix_connect(self.path, uri, additional_headers=sent, compression=None, close_timeout=1) as connection:
            conformance.record_status("GET", "/api/ws", 101)
            client = Client(connection)
            client.hello = client.next()
            assert client.hello["type"] == "hello"
            yield client

    def rejection(self, query: str = "", *, key: str | None = "", **headers: str) -> Response:
        """Return the response of a handshake that fails."""
        try:
            with self.open(query, key=key, **headers):
                raise AssertionError("the connection was accepted")
        except InvalidStatus as error:
            conformance.record_status("GET", "/api/ws", error.response.status_code)
            return error.response

    @contextmanager
    def open_unread(self, query: str = "") -> Iterator[socket.socket]:
        """Open a connection that reads nothing, with a viewer's key unless the query has a ticket."""
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
