"""A distributed panel: two APIs, two workers and two WebSocket servers on one engine, PostgreSQL and Redis."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event, Lock, Thread

import httpx

from tests.chaos import leftovers
from tests.chaos.servers import SCRIPTS, Server
from tests.process import free_port, until

_SERVICE_PORTS = "61000-65400"  # above the range of outgoing connections
_RESTART_PAUSE = 0.5


@dataclass
class Part:
    """One process of the panel."""

    name: str
    command: str
    environment: dict[str, str]
    log: Path
    starts: int = 0
    _child: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start the process without waiting for it."""
        self.starts += 1
        program = [sys.executable, "-m", "handlers.program.command", self.command]
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(program, env=self.environment, stdout=log, stderr=log, cwd=SCRIPTS.parent)

    def runs(self) -> bool:
        """Return whether the process exists, frozen or not."""
        return self._child is not None and self._child.poll() is None

    def kill(self) -> None:
        """Kill the process with SIGKILL."""
        if self._child:
            self._child.kill()
            self._child.wait()

    def freeze(self) -> None:
        """Suspend the process with SIGSTOP."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Resume the process after `freeze`."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """Stop the process with SIGTERM, as a service manager does."""
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            if self._child:
                self._child.wait(10)
        self.kill()

    def _signal(self, number: signal.Signals) -> None:
        if self._child and self.runs():
            self._child.send_signal(number)


@dataclass
class Cluster:
    """All parts, and a supervisor thread that restarts dead processes."""

    folder: Path
    api_ports: list[int] = field(default_factory=lambda: [free_port(), free_port()])
    """The ports of the APIs."""
    down: set[str] = field(default_factory=set)
    """Parts that the supervisor must not restart."""
    _lock: Lock = field(default_factory=Lock)
    _closing: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self.servers = {name: Server(name, self.folder / name) for name in ("engine", "postgres", "redis")}
        self.parts: dict[str, Part] = {}
        self._supervisor = Thread(target=self._supervise, name="supervisor", daemon=True)

    def open(self) -> None:
        """Start everything, and return when all parts run and both APIs respond."""
        (self.folder / "logs").mkdir()
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda server: server.start(), self.servers.values()))
        self.key = self._create_key("admin")
        self.parts = {part.name: part for part in self._create_parts()}
        for part in self.parts.values():
            part.start()
        self._supervisor.start()
        self.wait_until_healthy()

    def close(self) -> None:
        """Stop everything."""
        self._closing.set()
        if self._supervisor.is_alive():
            self._supervisor.join()
        for part in self.parts.values():
            part.stop()
        for server in self.servers.values():
            server.stop()
        leftovers.clear(self.folder)

    def settings(self, number: int = 0) -> dict[str, str]:
        """Return the environment of the processes with this number; there is one of each kind."""
        return {
            **os.environ,
            "DOCKER_HOST": self.servers["engine"].export("DOCKER_HOST"),
            "PANEL_DATA_DIR": str(self.folder / "data"),
            "PANEL_DATABASE_URL": self.servers["postgres"].output,
            "PANEL_REDIS_URL": self.servers["redis"].output,
            "PANEL_WS_ADDRESS": str(self.folder / f"ws-{number}.sock"),
            "PANEL_PORT": str(self.api_ports[number]),
            "PANEL_SERVICE_PORTS": _SERVICE_PORTS,
            "PANEL_ALLOWED_NETWORKS": "127.0.0.0/8",  # the registry of the tests is there
            **{f"PANEL_RATE_LIMIT_{tier}": "1000000" for tier in ("DEFAULT", "AUTHENTICATED", "DEPLOY")},
        }

    def _create_parts(self) -> Iterator[Part]:
        for command in ("api", "worker", "ws"):
            for number in range(2):
                name = f"{command}-{number + 1}"
                yield Part(name, command, self.settings(number), self.folder / "logs" / f"{name}.log")

    def _create_key(self, role: str, *options: str) -> str:
        program = [sys.executable, "-m", "handlers.program.command", "create-key", "--role", role, *options]
        result = subprocess.run(
            program, env=self.settings(), capture_output=True, text=True, check=False, cwd=SCRIPTS.parent
        )
        assert result.returncode == 0, result.stderr
        return result.stdout.split()[-1]

    def create_customer_key(self, customer_id: str) -> str:
        """Create a key that is bound to this customer."""
        return self._create_key("customer", "--customer", customer_id)

    # ── Faults ──────────────────────────────────────────────────────────────────

    def kill(self, name: str) -> None:
        """Kill a part; it stays down until `restore`."""
        with self._lock:
            self.down.add(name)
            (self.servers.get(name) or self.parts[name]).kill()

    def freeze(self, name: str, seconds: float) -> None:
        """Suspend a process for so many seconds, unless it is killed meanwhile."""
        part = self.parts[name]
        part.freeze()
        time.sleep(seconds)
        part.resume()

    def restore(self, name: str) -> None:
        """Start a server and wait for it, or let the supervisor start a process."""
        if name in self.servers:
            self.servers[name].start()
        with self._lock:
            self.down.discard(name)

    def wait_until_healthy(self) -> None:
        """Wait until all parts run and both APIs respond."""
        until(lambda: not self.down and all(part.runs() for part in self.parts.values()), 90, "all parts run")
        for port in self.api_ports:
            until(partial(_is_healthy, port), 60, f"the API at port {port} answers")

    def _supervise(self) -> None:
        while not self._closing.wait(0.1):
            with self._lock:
                dead = [part for name, part in self.parts.items() if name not in self.down and not part.runs()]
                for part in dead:
                    part.start()
            if dead:
                time.sleep(_RESTART_PAUSE)


def _is_healthy(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/api/health", timeout=5).status_code == 200
    except httpx.TransportError:
        return False
