"""The stages on which both runtimes play the same plays."""

from collections.abc import Iterator

import pytest

from domain.adapters import docker
from tests.engine import Images, docker_host, images, registry  # noqa: F401
from tests.runtime_setup import Stage, in_memory


@pytest.fixture(params=["memory", pytest.param("docker", marks=pytest.mark.engine)])
def stage(request: pytest.FixtureRequest) -> Stage:
    """Each runtime in turn."""
    if request.param == "memory":
        return in_memory()
    real: Stage = request.getfixturevalue("real")
    return real


@pytest.fixture
def twin() -> Stage:
    """The runtime in memory alone."""
    return in_memory()


@pytest.fixture
def real(docker_host: str, images: Images) -> Iterator[Stage]:  # noqa: F811
    """The real engine alone."""

    def say(name: str, text: str, stream: str) -> None:
        script = 'printf "%s\\n" "$1" >/proc/1/fd/$2'
        argv = ["sh", "-c", script, "sh", text, {"stdout": "1", "stderr": "2"}[stream]]
        made = images.client.exec_create(name, argv, user="0")
        assert images.client.exec_start(made["Id"]) == b""

    stage = Stage(docker.Runtime(docker_host), images.reference, images.client.kill, say)
    yield stage
    stage.clear()
