"""A panel in parts: two APIs, two workers and two socket servers on one engine, one PostgreSQL and one Redis."""

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

_SERVICE_PORTS = "61000-65400"  # above those that outgoing connections take
_AGAIN_AFTER = 0.5


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
        """Returns at once."""
        self.starts += 1
        program = [sys.executable, "-m", "handlers.program.command", self.command]
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(program, env=self.environment, stdout=log, stderr=log, cwd=SCRIPTS.parent)

    def runs(self) -> bool:
        """Whether its process is there, be it frozen."""
        return self._child is not None and self._child.poll() is None

    def kill(self) -> None:
        """As `kill -9` does."""
        if self._child:
            self._child.kill()
            self._child.wait()

    def freeze(self) -> None:
        """It is not dead, and does nothing until it is woken."""
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        """After `freeze`, at the point where it was."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """As a service manager does."""
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            if self._child:
                self._child.wait(10)
        self.kill()

    def _signal(self, number: signal.Signals) -> None:
        if self._child and self.runs():
            self._child.send_signal(number)


@dataclass
class House:
    """All parts, and a thread that starts those again which died."""

    folder: Path
    doors: list[int] = field(default_factory=lambda: [free_port(), free_port()])
    """The ports of the APIs."""
    down: set[str] = field(default_factory=set)
    """Parts that are not to be started now."""
    _lock: Lock = field(default_factory=Lock)
    _closing: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self.servers = {name: Server(name, self.folder / name) for name in ("engine", "postgres", "redis")}
        self.parts: dict[str, Part] = {}
        self._watching = Thread(target=self._watch, name="watching", daemon=True)

    def open(self) -> None:
        """Returns when both APIs answer and both socket servers listen."""
        (self.folder / "logs").mkdir()
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda server: server.start(), self.servers.values()))
        self.key = self._new_key("admin")
        self.parts = {part.name: part for part in self._made()}
        for part in self.parts.values():
            part.start()
        self._watching.start()
        self.wait_until_whole()

    def close(self) -> None:
        """Nothing runs any more."""
        self._closing.set()
        if self._watching.is_alive():
            self._watching.join()
        for part in self.parts.values():
            part.stop()
        for server in self.servers.values():
            server.stop()
        leftovers.clear(self.folder)

    def settings(self, number: int = 0) -> dict[str, str]:
        """The environment of the processes of this number: one of each kind has it."""
        return {
            **os.environ,
            "DOCKER_HOST": self.servers["engine"].export("DOCKER_HOST"),
            "PANEL_DATA_DIR": str(self.folder / "data"),
            "PANEL_DATABASE_URL": self.servers["postgres"].told,
            "PANEL_REDIS_URL": self.servers["redis"].told,
            "PANEL_WS_ADDRESS": str(self.folder / f"ws-{number}.sock"),
            "PANEL_PORT": str(self.doors[number]),
            "PANEL_SERVICE_PORTS": _SERVICE_PORTS,
            **{f"PANEL_RATE_LIMIT_{tier}": "1000000" for tier in ("DEFAULT", "AUTHENTICATED", "DEPLOY")},
        }

    def _made(self) -> Iterator[Part]:
        for command in ("api", "worker", "ws"):
            for number in range(2):
                name = f"{command}-{number + 1}"
                yield Part(name, command, self.settings(number), self.folder / "logs" / f"{name}.log")

    def _new_key(self, role: str, *options: str) -> str:
        program = [sys.executable, "-m", "handlers.program.command", "create-key", "--role", role, *options]
        made = subprocess.run(
            program, env=self.settings(), capture_output=True, text=True, check=False, cwd=SCRIPTS.parent
        )
        assert made.returncode == 0, made.stderr
        return made.stdout.split()[-1]

    def customer_key(self, customer_id: str) -> str:
        """A key that sees what is this customer's."""
        return self._new_key("customer", "--customer", customer_id)

    # ── What happens to parts ──────────────────────────────────────────────────────────────────

    def kill(self, name: str) -> None:
        """It stays down until it is brought back."""
        with self._lock:
            self.down.add(name)
            (self.servers.get(name) or self.parts[name]).kill()

    def freeze(self, name: str, seconds: float) -> None:
        """It goes on after so many seconds, unless it was killed meanwhile."""
        part = self.parts[name]
        part.freeze()
        time.sleep(seconds)
        part.wake()

    def bring_back(self, name: str) -> None:
        """A server answers when this returns; a process is started by the watching thread."""
        if name in self.servers:
            self.servers[name].start()
        with self._lock:
            self.down.discard(name)

    def wait_until_whole(self) -> None:
        """Everything runs and answers."""
        until(lambda: not self.down and all(part.runs() for part in self.parts.values()), 90, "all parts run")
        for port in self.doors:
            until(partial(_answers, port), 60, f"the API at port {port} answers")

    def _watch(self) -> None:
        while not self._closing.wait(0.1):
            with self._lock:
                dead = [part for name, part in self.parts.items() if name not in self.down and not part.runs()]
                for part in dead:
                    part.start()
            if dead:
                time.sleep(_AGAIN_AFTER)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/api/health", timeout=5).status_code == 200
    except httpx.TransportError:
        return False
