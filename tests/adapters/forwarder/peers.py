"""Servers, clients and processes for the tests of the forwarder."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

from domain.adapters.forwarder import Router
from domain.ports.router import Target

SERVICE = "svc_01jd0000000000000000000000"
OTHER = "svc_01jd0000000000000000000001"
NOWHERE = Target("127.0.0.1", 1)


class WebServer(ThreadingHTTPServer):
    """Responds with its name, to `/0.4` after 0.4 s. `die()` ends it and its connections at once."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, name: str) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.name = name
        self.open: set[socket.socket] = set()
        self.thread = Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    @property
    def target(self) -> Target:
        return Target("127.0.0.1", self.server_address[1])

    def die(self) -> None:
        self.shutdown()
        self.server_close()
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.thread.join()


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: WebServer

    def setup(self) -> None:
        super().setup()
        self.server.open.add(self.connection)

    def finish(self) -> None:
        self.server.open.discard(self.connection)
        super().finish()

    def do_GET(self) -> None:
        time.sleep(float(self.path[1:] or 0))
        answer = self.server.name.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port
    return port


def connect(url: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port_of(url)), timeout=20)


def get(url: str, path: str = "/") -> str:
    """Send one request on a new connection and return the body."""
    connection = http.client.HTTPConnection("127.0.0.1", port_of(url), timeout=20)
    with contextlib.closing(connection):
        connection.request("GET", path)
        return connection.getresponse().read().decode()


def read_all(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(1 << 20), b""))


def eventually(condition: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


def echo(connection: socket.socket) -> None:
    while data := connection.recv(65536):
        connection.sendall(data)


def sink(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def connection_count(router: Router, service_id: str = SERVICE) -> int:
    return len(router._listeners._listeners[service_id].connections)


Serve = Callable[[str], WebServer]
Listen = Callable[[Callable[[socket.socket], object]], Target]

PROCESS = """
import sys, time
from pathlib import Path
from domain.adapters.forwarder import Router
router = Router(Path(sys.argv[1]), "127.0.0.1", "127.0.0.1")
router.start()
print("started", flush=True)
sys.stdin.read()
router.stop()
"""


class Process:
    """A process that runs a forwarder."""

    def __init__(self, folder: Path) -> None:
        root = str(Path(__file__).parents[3])
        self.started = subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": root},
        )
        assert self.started.stdout
        assert self.started.stdout.readline() == b"started\n"

    def end(self, *, kill: bool = False) -> int:
        if kill:
            self.started.send_signal(signal.SIGKILL)
        self.started.communicate(timeout=20)
        return self.started.returncode


Start = Callable[[], Process]
