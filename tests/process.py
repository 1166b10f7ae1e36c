"""Run the panel as a process: on the real engine, called over HTTP, killed and restarted."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from docker import DockerClient

from domain.adapters.sql.engines import connect
from domain.adapters.sql.schema import upgrade
from tests import conformance

_KEY = re.compile(r"aap_\w+")
_CRASHING_PROGRAM = (
    "import sys; from tests import crash; crash.arm(sys.argv.pop(1)); from handlers.program.command import main; main()"
)


def service_ports() -> str:
    """Return a port range that no other test worker and no outgoing connection uses."""
    first = 30_000 + 500 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return f"{first}-{first + 499}"


def free_port() -> int:
    """Return a port that is free now."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Process:
    """A panel that can be started, called, killed and restarted; its data directory remains."""

    folder: Path
    docker_host: str
    port: int = field(default_factory=free_port)
    settings: dict[str, str] = field(default_factory=dict)
    key: str = ""
    open_files: int = 0  # the limit on open files, if it is not that of the tests
    installations: set[str] = field(default_factory=set)
    _child: subprocess.Popen[bytes] | None = None
    _workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, command: str = "serve", *, crash_at: str = "") -> None:
        """Returns when it answers. `crash_at` names a moment (see tests/crash.py) at which it kills itself."""
        self._child = self._launch(command, crash_at)
        until(self._answers, 30, f"the panel answers; see {self.log()}")
        self.key = self.key or _KEY.findall(self.log())[0]
        self.installations.add(self._installation())

    def start_worker(self, *, crash_at: str = "") -> subprocess.Popen[bytes]:
        """Start a worker process beside an `api`; `kill` ends it."""
        self._workers.append(self._launch("worker", crash_at))
        return self._workers[-1]

    def start_ws(self) -> None:
        """Start a WebSocket server beside an `api`; `kill` ends it."""
        self._workers.append(self._launch("ws", ""))

    def _launch(self, command: str, crash_at: str) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "DOCKER_HOST": self.docker_host,
            "PANEL_DATA_DIR": str(self.folder),
            "PANEL_PORT": str(self.port),
            "PANEL_SERVICE_PORTS": service_ports(),
            "PANEL_ALLOWED_NETWORKS": "127.0.0.0/8",  # the registry of the tests is there
            **{f"PANEL_RATE_LIMIT_{tier}": "1000000" for tier in ("DEFAULT", "AUTHENTICATED", "DEPLOY")},
            **self.settings,
        }
        program = (
            [sys.executable, "-c", _CRASHING_PROGRAM, crash_at]
            if crash_at
            else [sys.executable, "-m", "handlers.program.command"]
        )
        limited = ["prlimit", f"--nofile={self.open_files}:{self.open_files}"] if self.open_files else []
        with (self.folder / "serve.log").open("ab") as log:
            return subprocess.Popen([*limited, *program, command], env=environment, stdout=log, stderr=log)

    def _installation(self) -> str:
        """Return the value of the label `panel.instance` of the panel's engine objects."""
        url = self.settings.get("PANEL_DATABASE_URL") or f"sqlite:///{self.folder}/panel.db"
        with closing(connect(url)) as engines:
            return upgrade(engines.write)

    def kill(self) -> None:
        """Kill all processes with SIGKILL."""
        for child in (self._child, *self._workers):
            if child:
                child.kill()
                child.wait()

    def stop(self) -> None:
        """Stop the main process with SIGTERM; other workers continue."""
        if self._child:
            self._child.send_signal(signal.SIGTERM)
            self._child.wait(20)

    def wait_crashed(self, seconds: float = 60) -> None:
        """Wait until a process that was started with `crash_at` has killed itself."""
        assert self._child
        assert self._child.wait(seconds) == -signal.SIGKILL

    def log(self) -> str:
        return (self.folder / "serve.log").read_text()

    def _answers(self) -> bool:
        assert self._child
        assert self._child.poll() is None, self.log()
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/api/health").status_code == 200
        except httpx.TransportError:
            return False

    def ask(self, method: str, path: str, json: Any = None, *, expect: int | None = None) -> Any:
        """Send a request, check the status against `expect`, and return the JSON, None without a body."""
        response = httpx.request(
            method,
            f"http://127.0.0.1:{self.port}/api{path}",
            json=json,
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=90,
        )
        conformance.check_response(method, response)
        expected = {expect} if expect else {200, 201, 202, 204}
        assert response.status_code in expected, response.text
        return response.json() if response.content else None

    def create(self, **body: Any) -> dict[str, Any]:
        """Create a service; its deployment runs in the background."""
        created = self.ask("POST", "/services", {"name": "web", **body}, expect=201)
        return dict(created)

    def create_running(self, **body: Any) -> dict[str, Any]:
        """Create a service and wait until its deployment has succeeded."""
        created = self.create(**body)
        operation = self.wait_finished(created["operation_id"])
        assert operation["status"] == "succeeded", operation
        return dict(self.ask("GET", f"/services/{created['id']}"))

    def wait_finished(self, operation_id: str, seconds: float = 60) -> dict[str, Any]:
        """Wait until an operation has finished, and return it."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            operation = self.ask("GET", f"/operations/{operation_id}?wait=5")
            if operation["finished_at"]:
                return dict(operation)
        raise AssertionError(f"not finished after {seconds} s: {operation}")


def until(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Wait until the condition is true; fail after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def engine_objects(engine: DockerClient, service_id: str) -> list[str]:
    """Return the names of a service's containers and networks at the engine."""
    label = {"label": f"panel.service={service_id}"}
    containers = [container.name for container in engine.containers.list(all=True, filters=label, ignore_removed=True)]
    return containers + [network.name for network in engine.networks.list(filters=label)]


def get_page(url: str) -> str:
    """Wait until a service responds, and return the text.

    After a restart of the panel another process may use the port for a moment; the panel retries until it is free.
    """
    until(lambda: _try_get(url) is not None, 70, f"{url} answers")
    return _try_get(url) or ""


def _try_get(url: str) -> str | None:
    try:
        return httpx.get(url).text
    except httpx.TransportError:
        return None
