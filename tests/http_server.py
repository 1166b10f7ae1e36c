"""Serve an application on a loopback port, for tests that need real connections."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import ASGIApp

from domain.ports import Ports
from handlers.program.http_server import HttpServer


@contextmanager
def serve_http(app: ASGIApp, ports: Ports, port: int = 0) -> Iterator[str]:
    """Serve the application as the program does, at a free port by default, and yield its base URL."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        server = HttpServer(app, ports, grace_seconds=1)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            _wait_until_started(server, thread)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def _wait_until_started(server: HttpServer, thread: threading.Thread) -> None:
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.01)
