"""The servers that the panel uses, started by their scripts: engine with registry, PostgreSQL, Redis."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
from docker import DockerClient
from redis import Redis, RedisError

SCRIPTS = Path(__file__).parents[2] / "scripts"
_TIMEOUT = 60.0
_NETWORK_CRASH = "libnetwork.(*controller).reservePools"


@dataclass
class Server:
    """A server that can be killed and restarted; its folder keeps the data."""

    name: str
    folder: Path
    output: str = ""
    """The script's output: where the server listens."""
    repairs: int = 0
    """Number of repairs that restarts needed."""

    def start(self) -> None:
        """Start the server and wait for it. Retry, because a start soon after a kill may fail."""
        deadline = time.monotonic() + _TIMEOUT
        while True:
            result = subprocess.run([SCRIPTS / self.name, self.folder], capture_output=True, text=True, check=False)
            self.output = result.stdout.strip() or self.output
            if result.returncode == 0 and (self.name != "postgres" or _accepts_connections(self.output)):
                return
            self._repair()
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} does not start: {result.stderr}")
            time.sleep(0.5)

    def _repair(self) -> None:
        """Remove the network database: Docker 20.10 cannot start after a kill during the creation of a network.

        An operator would do the same.
        """
        networks = self.folder / "data" / "network" / "files" / "local-kv.db"
        if self.name == "engine" and _NETWORK_CRASH in self.log.read_text(errors="replace") and networks.exists():
            self.repairs += 1
            networks.rename(f"{networks}.{self.repairs}")

    def untracked_containers(self, service: Collection[str]) -> set[str]:
        """Return running containers that the engine does not know, because it was killed while it started them.

        They cannot be stopped through the engine.
        """
        tasks = self.folder / "state" / "io.containerd.runtime.v2.task" / "moby"
        return {container.name for container in tasks.glob("*")} - set(service)

    def kill(self) -> None:
        """Kill the process with SIGKILL and wait until it has exited."""
        process = _PROCESS[self.name](self)
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        while Path(f"/proc/{process}").exists() and _state(process) != "Z":
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop the server with its script."""
        subprocess.run([SCRIPTS / self.name, "stop", self.folder], capture_output=True, check=False)

    @property
    def log(self) -> Path:
        """The log file."""
        return self.folder / ("docker.log" if self.name == "engine" else "server.log")

    def export(self, variable: str) -> str:
        """Return a variable from the output of the engine's script."""
        return str(re.findall(rf"{variable}=(\S+)", self.output)[0])


def _accepts_connections(url: str) -> bool:
    """Return whether PostgreSQL accepts connections: `pg_ctl` reports a zombie process as running."""
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _state(process: int) -> str:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    return "Z"


def _engine_process(server: Server) -> int:
    return int((server.folder / "docker.pid").read_text())


def _postgres_process(server: Server) -> int:
    return int((server.folder / "data" / "postmaster.pid").read_text().split()[0])


def _redis_process(server: Server) -> int:
    with Redis.from_url(server.output) as client:
        try:
            return int(client.info("server")["process_id"])
        except RedisError as error:
            raise ProcessLookupError(str(error)) from error


_PROCESS: dict[str, Callable[[Server], int]] = {
    "engine": _engine_process,
    "postgres": _postgres_process,
    "redis": _redis_process,
}


def connect_engine(server: Server) -> DockerClient:
    """Return a client of the engine."""
    return DockerClient(server.export("DOCKER_HOST"), timeout=10)
