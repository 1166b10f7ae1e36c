"""Fixtures for tests of the forwarder: a started router, and servers to forward to."""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from domain.adapters import forwarder as adapter
from domain.adapters.forwarder import Router
from domain.adapters.forwarder.port_leases import ServicePorts
from domain.ports.router import Target

from .peers import Listen, Serve, WebServer


@pytest.fixture(autouse=True)
def ports_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use a range of ports that no parallel test and no outgoing connection uses, for tests that reopen a port."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    monkeypatch.setattr(adapter, "PORTS", ServicePorts(range(61_000 + 500 * worker, 65_536)))


@pytest.fixture
def forwarder(tmp_path: Path) -> Iterator[Router]:
    router = Router(tmp_path / "routes", "127.0.0.1", "127.0.0.1")
    router.start()
    yield router
    router.stop()


@pytest.fixture
def web() -> Iterator[Serve]:
    started: list[WebServer] = []

    def start(name: str) -> WebServer:
        started.append(WebServer(name))
        return started[-1]

    yield start
    for server in started:
        if server.thread.is_alive():
            server.die()


@pytest.fixture
def raw() -> Iterator[Listen]:
    """Start a server that passes each connection to a function of the test."""
    with ThreadPoolExecutor(16) as pool, contextlib.ExitStack() as listeners:

        def serve(listener: socket.socket, talk: Callable[[socket.socket], object]) -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection = listener.accept()[0]
                    pool.submit(run, connection, talk)

        def run(connection: socket.socket, talk: Callable[[socket.socket], object]) -> None:
            with connection:
                connection.settimeout(20)
                talk(connection)

        def start(talk: Callable[[socket.socket], object]) -> Target:
            listener = socket.create_server(("127.0.0.1", 0))
            listeners.callback(listener.close)
            listeners.callback(listener.shutdown, socket.SHUT_RDWR)
            pool.submit(serve, listener, talk)
            return Target("127.0.0.1", listener.getsockname()[1])

        yield start
