"""The runtimes that the tests run on: in memory and Docker."""

from collections.abc import Iterator

import pytest

from domain.adapters import docker, sockets
from tests import runtime_setup
from tests.engine import Images, docker_host, images, registry  # noqa: F401
from tests.runtime_setup import RuntimeSetup


@pytest.fixture(params=["memory", pytest.param("docker", marks=pytest.mark.engine)])
def setup(request: pytest.FixtureRequest) -> RuntimeSetup:
    """Each runtime in turn."""
    name = {"memory": "in_memory", "docker": "real"}[request.param]
    found: RuntimeSetup = request.getfixturevalue(name)
    return found


@pytest.fixture
def in_memory() -> RuntimeSetup:
    """The in-memory runtime."""
    return runtime_setup.in_memory()


@pytest.fixture
def real(docker_host: str, images: Images) -> Iterator[RuntimeSetup]:  # noqa: F811
    """Docker."""

    def print_line(name: str, text: str, stream: str) -> None:
        script = 'printf "%s\\n" "$1" >/proc/1/fd/$2'
        argv = ["sh", "-c", script, "sh", text, {"stdout": "1", "stderr": "2"}[stream]]
        made = images.client.exec_create(name, argv, user="0")
        assert images.client.exec_start(made["Id"]) == b""

    runtime, client = docker.Runtime(docker_host), images.client
    setup = RuntimeSetup(runtime, sockets.Prober(), images.reference, client.kill, print_line)
    yield setup
    setup.clear()
    runtime.close()
