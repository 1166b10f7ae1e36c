"""One panel for all tests of a module: they make what they need, and never need it empty."""

from collections.abc import Iterator

import pytest

from tests.panel import Panel, start_panel


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Panel]:
    """The whole panel with engine and router in memory."""
    with start_panel(tmp_path_factory.mktemp("panel")) as panel:
        yield panel
