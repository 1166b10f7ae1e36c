"""The adapters that the tests run on: in memory, and git itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import git_server
from tests.git_server import GitSetup


@pytest.fixture(params=["memory", "git"])
def setup(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[GitSetup]:
    """Each adapter in turn."""
    if request.param == "memory":
        yield git_server.in_memory()
    else:
        with git_server.real(tmp_path) as real:
            yield real


@pytest.fixture
def real(tmp_path: Path) -> Iterator[GitSetup]:
    """Git over HTTP."""
    with git_server.real(tmp_path) as found:
        yield found
