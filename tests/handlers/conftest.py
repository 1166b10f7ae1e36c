"""A panel of its own for every test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.panel import Panel, start_panel


@pytest.fixture
def panel(tmp_path: Path) -> Iterator[Panel]:
    """The whole panel on a fresh database, engine and router in memory."""
    with start_panel(tmp_path) as panel:
        yield panel
