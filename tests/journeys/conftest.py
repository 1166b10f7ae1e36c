"""A panel process on the real engine for each test; its engine objects are removed afterwards."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient

from domain.rollout.release import INSTANCE
from tests.adapters.sql.conftest import postgres_url  # noqa: F401
from tests.engine import Images, docker_host, images, registry  # noqa: F401
from tests.process import Process


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all journeys: they need the real engine."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.engine)


@pytest.fixture
def engine(docker_host: str) -> Iterator[DockerClient]:  # noqa: F811
    """A client of the engine."""
    client = DockerClient(docker_host)
    yield client
    client.close()


@pytest.fixture
def process(tmp_path: Path, docker_host: str, images: Images, engine: DockerClient) -> Iterator[Process]:  # noqa: F811
    """A running panel; its engine objects are removed afterwards."""
    panel = Process(tmp_path, docker_host)
    panel.start()
    yield panel
    panel.kill()
    for installation in panel.installations:
        label = {"label": f"{INSTANCE}={installation}"}
        for container in engine.containers.list(all=True, filters=label, ignore_removed=True):
            container.remove(force=True, v=True)
        for leftover in (*engine.networks.list(filters=label), *engine.volumes.list(filters=label)):
            leftover.remove()
