"""A panel whose sockets are served, and clients for them."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.panel import Panel, running
from tests.ws.sockets import Sockets
from ws.server import Server


@pytest.fixture
def panel(tmp_path: Path) -> Iterator[Panel]:
    """Its sockets are at a short path, since that of a socket may not be long."""
    short = tempfile.TemporaryDirectory(prefix="panel-ws")
    with short as folder, running(tmp_path, ws_address=f"{folder}/ws.sock") as panel:
        yield panel


@pytest.fixture
def sockets(panel: Panel) -> Iterator[Sockets]:
    """A started socket server."""
    server = Server(panel.ports)
    server.start()
    yield Sockets(panel, server, [])
    server.stop()
