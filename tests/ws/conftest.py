"""A panel with a WebSocket server, and clients for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.panel import Panel
from tests.ws.sockets import Sockets, serving, with_sockets


@pytest.fixture
def panel(tmp_path: Path) -> Iterator[Panel]:
    """A new panel for each test."""
    with with_sockets(tmp_path) as panel:
        yield panel


@pytest.fixture
def sockets(panel: Panel) -> Iterator[Sockets]:
    """Clients of a started WebSocket server."""
    with serving(panel) as server:
        yield Sockets(panel, server)
