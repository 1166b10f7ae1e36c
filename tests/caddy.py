"""A Caddy for one test, started by scripts/caddy, and requests to it.

Tests that need it are marked `@pytest.mark.caddy` and import the fixture:
`from tests.caddy import caddy  # noqa: F401`.
"""

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from domain.ports.router import Target
from tests.process import until

SCRIPT = Path(__file__).parents[1] / "scripts" / "caddy"


@dataclass(frozen=True)
class Caddy:
    """A Caddy in a folder, with ports of its own."""

    folder: Path

    @property
    def admin(self) -> str:
        return str(self.folder / "admin.sock")

    def start(self) -> None:
        subprocess.run([SCRIPT, self.folder], check=True, stdout=subprocess.DEVNULL)

    def stop(self) -> None:
        subprocess.run([SCRIPT, "stop", self.folder], check=True)

    def kill(self) -> None:
        """Send SIGKILL and wait until the process has ended."""
        number = int((self.folder / "caddy.pid").read_text())
        os.kill(number, signal.SIGKILL)
        until(lambda: not _is_alive(number), 10, "Caddy has ended")

    def port(self, scheme: str) -> int:
        return int((self.folder / f"{scheme}.port").read_text())

    def get(self, host: str, path: str = "/", scheme: str = "https") -> tuple[int, str, str]:
        """Return the status, body and Location of a request for a host."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port(scheme), timeout=10)
        if scheme == "https":
            connection.sock = self._tls(host)
        try:
            connection.request("GET", path, headers={"Host": host})
            response = connection.getresponse()
            return response.status, response.read().decode(), response.getheader("Location", "")
        finally:
            connection.close()

    def certificate(self, host: str) -> bytes:
        """Return the certificate that is served for a host, in DER."""
        with self._tls(host) as connection:
            certificate = connection.getpeercert(binary_form=True)
        assert certificate
        return certificate

    def configuration(self) -> Any:
        """Return the running configuration."""
        return json.loads(self._admin("GET", "/config/"))

    def configure(self, configuration: Any) -> None:
        """Replace the running configuration, as an operator does."""
        self._admin("POST", "/load", json.dumps(configuration))

    def lose_configuration(self) -> None:
        """Return to the configuration that Caddy was started with."""
        self.configure(json.loads((self.folder / "caddy.json").read_text()))

    def _admin(self, method: str, path: str, body: str | None = None) -> bytes:
        connection = http.client.HTTPConnection("")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(self.admin)
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("Host", "")
        if body is not None:
            connection.putheader("Content-Type", "application/json")
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body.encode() if body else None)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        assert response.status == 200, content
        return content

    def _tls(self, host: str) -> ssl.SSLSocket:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        plain = socket.create_connection(("127.0.0.1", self.port("https")), timeout=10)
        return context.wrap_socket(plain, server_hostname=host)


@pytest.fixture
def caddy() -> Iterator[Caddy]:
    """A Caddy that runs, with an operator's configuration that has no routes."""
    with TemporaryDirectory(prefix="caddy") as folder:
        server = Caddy(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def serve_text(text: str) -> Iterator[Target]:
    """Serve a text and the path of each request at a port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = f"{text} {self.path}".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Target("127.0.0.1", server.server_port)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _is_alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
