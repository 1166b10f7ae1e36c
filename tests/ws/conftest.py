"""A panel whose sockets are served, and clients for them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.panel import Panel
from tests.ws.sockets import Sockets, serving, with_sockets


@pytest.fixture
def panel(tmp_path: Path) -> Iterator[Panel]:
    """A panel of its own for every test."""
    with with_sockets(tmp_path) as panel:
        yield panel


@pytest.fixture
def sockets(panel: Panel) -> Iterator[Sockets]:
    """A started socket server."""
    with serving(panel) as server:
        yield Sockets(panel, server, [])
