"""The real engine for tests, and images for it.

A test suite that needs the engine is marked `@pytest.mark.engine`, and its conftest.py has the line
`from tests.engine import docker_host, images, registry  # noqa: F401`
"""

import os
from dataclasses import dataclass

import pytest
from docker import APIClient

from domain.adapters.docker.scratch_image import ScratchImage, busybox

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
    "ln",
    "true",
    "false",
    "echo",
    "yes",
)
SERVE = "exec httpd -f -p 8080 -h /www"


def _address(variable: str) -> str:
    if not os.environ.get(variable):
        pytest.fail(f'{variable} is not set; first: eval "$(scripts/engine DIR)"')
    return os.environ[variable]


@pytest.fixture(scope="session")
def docker_host() -> str:
    """The DOCKER_HOST of an engine that tests may use freely."""
    return _address("DOCKER_HOST")


@pytest.fixture(scope="session")
def registry() -> str:
    """host:port of a registry that needs no login."""
    return _address("PANEL_TEST_REGISTRY")


@dataclass(frozen=True)
class Images:
    """Builds images with busybox, whose default command is a web server, and pushes them."""

    client: APIClient
    registry: str

    def reference(self, name: str) -> str:
        """Return the full reference of `web:1`. Each pytest worker has its own, as parallel pushes would collide."""
        return f"{self.registry}/panel-test-{os.environ.get('PYTEST_XDIST_WORKER', 'gw')}/{name}"

    def load(self, reference: str, files: dict[str, bytes] | None = None, **config: object) -> str:
        """Load an image into the engine and return its id. `Cmd` is a shell script."""
        script = config.pop("Cmd", SERVE)
        image = ScratchImage(
            reference,
            files={"bin/busybox": busybox(), "www/index.html": reference.encode(), "tmp/.keep": b"", **(files or {})},
            links={f"bin/{applet}": "busybox" for applet in APPLETS},
            config={"Env": ["PATH=/bin"], "Cmd": ["sh", "-c", script], **config},
        )
        for line in self.client.load_image(image.archive()):
            assert "error" not in line, line["error"]
        return str(self.client.inspect_image(reference)["Id"])

    def push(self, name: str, files: dict[str, bytes] | None = None, **config: object) -> str:
        """Build an image, push it and return its reference."""
        reference = self.reference(name)
        self.load(reference, files, **config)
        for line in self.client.push(reference, stream=True, decode=True, auth_config={"username": "", "password": ""}):
            assert "error" not in line, line["error"]
        return reference


def _healthcheck(*test: str, retries: int) -> dict[str, object]:
    return {"Test": ["CMD", *test], "Interval": SECOND // 5, "Timeout": SECOND, "Retries": retries}


@pytest.fixture(scope="session")
def images(docker_host: str, registry: str) -> Images:
    """The images of `runtime_setup.BEHAVIOURS`, in the registry."""
    built = Images(APIClient(docker_host, version="auto"), registry)
    exposed: dict[str, object] = {"ExposedPorts": {"8080/tcp": {}, "8125/udp": {}}}
    built.push("web:1", **exposed)
    built.push("web:2", **exposed)
    save = (
        f"[ -f /data/first ] || cat /proc/sys/kernel/random/uuid >/data/first; ln -sf /data/first /www/first; {SERVE}"
    )
    built.push("store:1", {"data/.keep": b""}, **exposed, Volumes={"/data": {}}, Cmd=save)
    built.push("crash:1", Cmd="echo opening the database; sleep 0.2; echo cannot open it >&2; exit 3")
    built.push("done:1", Cmd="echo done")
    built.push("unhealthy:1", **exposed, Healthcheck=_healthcheck("test", "-f", "/never", retries=2))
    ready = _healthcheck("test", "-f", "/tmp/ready", retries=1000)
    built.push("slow:1", **exposed, Healthcheck=ready, Cmd=f"(sleep 2; touch /tmp/ready) & {SERVE}")
    built.push("sleeper:1", Cmd="trap '' TERM; echo asleep; while :; do sleep 1; done")
    return built
