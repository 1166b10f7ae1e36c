"""The real engine for tests: where it is, and images made for it.

A suite that needs it marks itself `@pytest.mark.engine` and says in its conftest.py:
`from tests.engine import docker_host, images, registry  # noqa: F401`
"""

import os
from dataclasses import dataclass

import pytest
from docker import APIClient

from domain.adapters.docker.scratch import Scratch, busybox

SECOND = 1_000_000_000
APPLETS = (
    "sh",
    "httpd",
    "wget",
    "sleep",
    "cat",
    "touch",
    "test",
    "id",
    "nc",
    "ls",
    "nslookup",
    "ping",
    "mknod",
    "true",
)
SERVE = "exec httpd -f -p 8080 -h /www"


def _address(variable: str) -> str:
    if not os.environ.get(variable):
        pytest.fail(f'{variable} is not set; first: eval "$(scripts/engine DIR)"')
    return os.environ[variable]


@pytest.fixture(scope="session")
def docker_host() -> str:
    """The DOCKER_HOST of an engine that tests may fill."""
    return _address("DOCKER_HOST")


@pytest.fixture(scope="session")
def registry() -> str:
    """host:port of an open registry."""
    return _address("PANEL_TEST_REGISTRY")


@dataclass(frozen=True)
class Images:
    """Makes images from a web server in busybox, and pushes them."""

    client: APIClient
    registry: str

    def reference(self, name: str) -> str:
        """`web:1` → the same in the registry; its own for each worker, as one name takes one push at a time."""
        return f"{self.registry}/panel-test-{os.environ.get('PYTEST_XDIST_WORKER', 'gw')}/{name}"

    def load(self, reference: str, files: dict[str, bytes] | None = None, **config: object) -> str:
        """Put an image at the engine; answer its id. `Cmd` is a shell script."""
        script = config.pop("Cmd", SERVE)
        made = Scratch(
            reference,
            files={"bin/busybox": busybox(), "www/index.html": reference.encode(), "tmp/.keep": b"", **(files or {})},
            links={f"bin/{applet}": "busybox" for applet in APPLETS},
            config={"Env": ["PATH=/bin"], "Cmd": ["sh", "-c", script], **config},
        )
        for line in self.client.load_image(made.archive()):
            assert "error" not in line, line["error"]
        return str(self.client.inspect_image(reference)["Id"])

    def push(self, name: str, files: dict[str, bytes] | None = None, **config: object) -> str:
        """Make an image and push it; answer its reference."""
        reference = self.reference(name)
        self.load(reference, files, **config)
        for line in self.client.push(reference, stream=True, decode=True, auth_config={"username": "", "password": ""}):
            assert "error" not in line, line["error"]
        return reference


def _healthcheck(*test: str, retries: int) -> dict[str, object]:
    return {"Test": ["CMD", *test], "Interval": SECOND // 5, "Timeout": SECOND, "Retries": retries}


@pytest.fixture(scope="session")
def images(docker_host: str, registry: str) -> Images:
    """In the registry: web:1 and web:2, crash, done, unhealthy, slow, sleeper; `reference` gives their full names."""
    made = Images(APIClient(docker_host, version="auto"), registry)
    exposed: dict[str, object] = {"ExposedPorts": {"8080/tcp": {}, "8125/udp": {}}}
    made.push("web:1", **exposed)
    made.push("web:2", **exposed)
    made.push("crash:1", Cmd="echo opening the database; sleep 0.2; echo cannot open it >&2; exit 3")
    made.push("done:1", Cmd="echo done")
    made.push("unhealthy:1", **exposed, Healthcheck=_healthcheck("test", "-f", "/never", retries=2))
    ready = _healthcheck("test", "-f", "/tmp/ready", retries=1000)
    made.push("slow:1", **exposed, Healthcheck=ready, Cmd=f"(sleep 2; touch /tmp/ready) & {SERVE}")
    made.push("sleeper:1", Cmd="trap '' TERM; echo asleep; while :; do sleep 1; done")
    return made
