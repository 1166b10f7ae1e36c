"""The panel as users have it: a process on the real engine, spoken to over HTTP, killed and started again."""

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
_DYING = (
    "import sys; from tests import crash; crash.arm(sys.argv.pop(1)); from handlers.program.command import main; main()"
)


def service_ports() -> str:
    """Ports that no parallel test publishes at and no outgoing connection takes: whoever was killed finds its own."""
    first = 30_000 + 500 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return f"{first}-{first + 499}"


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Process:
    """Start it, ask it, kill it, start it again: the data folder stays."""

    folder: Path
    docker_host: str
    port: int = field(default_factory=free_port)
    settings: dict[str, str] = field(default_factory=dict)
    key: str = ""
    installations: set[str] = field(default_factory=set)
    _child: subprocess.Popen[bytes] | None = None
    _workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, command: str = "serve", *, dying_at: str = "") -> None:
        """Returns when it answers. `dying_at` names a moment (see tests/crash.py) at which it kills itself."""
        self._child = self._launched(command, dying_at)
        until(self._answers, 30, f"the panel answers; see {self.log()}")
        self.key = self.key or _KEY.findall(self.log())[0]
        self.installations.add(self._installation())

    def start_worker(self, *, dying_at: str = "") -> subprocess.Popen[bytes]:
        """A worker process beside an `api`; ends with `kill`."""
        self._workers.append(self._launched("worker", dying_at))
        return self._workers[-1]

    def start_ws(self) -> None:
        """A socket server beside an `api`; ends with `kill`."""
        self._workers.append(self._launched("ws", ""))

    def _launched(self, command: str, dying_at: str) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "DOCKER_HOST": self.docker_host,
            "PANEL_DATA_DIR": str(self.folder),
            "PANEL_PORT": str(self.port),
            "PANEL_SERVICE_PORTS": service_ports(),
            **{f"PANEL_RATE_LIMIT_{tier}": "1000000" for tier in ("DEFAULT", "AUTHENTICATED", "DEPLOY")},
            **self.settings,
        }
        program = (
            [sys.executable, "-c", _DYING, dying_at] if dying_at else [sys.executable, "-m", "handlers.program.command"]
        )
        with (self.folder / "serve.log").open("ab") as log:
            return subprocess.Popen([*program, command], env=environment, stdout=log, stderr=log)

    def _installation(self) -> str:
        """What the label `panel.instance` says of all that it makes at the engine."""
        url = self.settings.get("PANEL_DATABASE_URL") or f"sqlite:///{self.folder}/panel.db"
        with closing(connect(url)) as engines:
            return upgrade(engines.write)

    def kill(self) -> None:
        """As `kill -9` does, workers included."""
        for child in (self._child, *self._workers):
            if child:
                child.kill()
                child.wait()

    def stop(self) -> None:
        """As a service manager does; workers of their own go on."""
        if self._child:
            self._child.send_signal(signal.SIGTERM)
            self._child.wait(20)

    def wait_until_dead(self, seconds: float = 60) -> None:
        """For a process that was started with `dying_at`."""
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
        """The JSON of the answer (None without a body); `expect` is the status that must come."""
        response = httpx.request(
            method,
            f"http://127.0.0.1:{self.port}/api{path}",
            json=json,
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=90,
        )
        conformance.check_response(method, response)
        wanted = {expect} if expect else {200, 201, 202, 204}
        assert response.status_code in wanted, response.text
        return response.json() if response.content else None

    def create(self, **body: Any) -> dict[str, Any]:
        """Ask for a service; its deployment goes on."""
        created = self.ask("POST", "/services", {"name": "web", **body}, expect=201)
        return dict(created)

    def deployed(self, **body: Any) -> dict[str, Any]:
        """A service whose first deployment has succeeded."""
        created = self.create(**body)
        ended = self.ended(created["operation_id"])
        assert ended["status"] == "succeeded", ended
        return dict(self.ask("GET", f"/services/{created['id']}"))

    def ended(self, operation_id: str, seconds: float = 60) -> dict[str, Any]:
        """The operation when it has ended."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            operation = self.ask("GET", f"/operations/{operation_id}?wait=5")
            if operation["finished_at"]:
                return dict(operation)
        raise AssertionError(f"still going on after {seconds} s: {operation}")


def until(true: Callable[[], object], seconds: float, what: str) -> None:
    """Return when it is true; fail after so many seconds."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def left_at(engine: DockerClient, service_id: str) -> list[str]:
    """The names of everything that the engine holds of a service, volumes apart."""
    label = {"label": f"panel.service={service_id}"}
    containers = [each.name for each in engine.containers.list(all=True, filters=label)]
    return containers + [each.name for each in engine.networks.list(filters=label)]


def visited(url: str) -> str:
    """What a service answers. For a moment after a restart of the panel somebody else may have the port (it is one of
    those that outgoing connections take), and the panel opens it as soon as it is free.
    """
    until(lambda: _answer(url) is not None, 70, f"{url} answers")
    return _answer(url) or ""


def _answer(url: str) -> str | None:
    try:
        return httpx.get(url).text
    except httpx.TransportError:
        return None
