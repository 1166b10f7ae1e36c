"""The servers that a panel stands on, as their scripts start them: an engine with a registry, PostgreSQL, Redis."""

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
_PATIENCE = 60.0
_STUMBLES = "libnetwork.(*controller).reservePools"


@dataclass
class Server:
    """Start it, kill it, start it again: what it keeps in its folder stays."""

    name: str
    folder: Path
    told: str = ""
    """What its script printed: where it listens."""
    mended: int = 0
    """How often it had to be mended before it started again."""

    def start(self) -> None:
        """Returns when it answers; a start that comes too early after a kill is tried again."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            ran = subprocess.run([SCRIPTS / self.name, self.folder], capture_output=True, text=True, check=False)
            self.told = ran.stdout.strip() or self.told
            if ran.returncode == 0 and (self.name != "postgres" or _lets_in(self.told)):
                return
            self._mend()
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} does not come up: {ran.stderr}")
            time.sleep(0.5)

    def _mend(self) -> None:
        """Docker 20.10, killed while it makes a network, stumbles over it for ever. As its operator would do: all
        networks are thrown away.
        """
        networks = self.folder / "data" / "network" / "files" / "local-kv.db"
        if self.name == "engine" and _STUMBLES in self.log.read_text(errors="replace") and networks.exists():
            self.mended += 1
            networks.rename(f"{networks}.{self.mended}")

    def lost(self, known: Collection[str]) -> set[str]:
        """Containers that go on though the engine knows nothing of them: it was killed while it started them. Nobody
        can find or end them through it.
        """
        going_on = self.folder / "state" / "io.containerd.runtime.v2.task" / "moby"
        return {container.name for container in going_on.glob("*")} - set(known)

    def kill(self) -> None:
        """As `kill -9` does; returns when the process is gone."""
        process = _PROCESS[self.name](self)
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        while Path(f"/proc/{process}").exists() and _state(process) != "Z":
            time.sleep(0.01)

    def stop(self) -> None:
        """As its script ends it."""
        subprocess.run([SCRIPTS / self.name, "stop", self.folder], capture_output=True, check=False)

    @property
    def log(self) -> Path:
        """What it said."""
        return self.folder / ("docker.log" if self.name == "engine" else "server.log")

    def export(self, variable: str) -> str:
        """One of the variables that the engine's script prints."""
        return str(re.findall(rf"{variable}=(\S+)", self.told)[0])


def _lets_in(url: str) -> bool:
    """`pg_ctl` takes a process that was just killed, and that nobody has buried yet, for one that runs."""
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _state(process: int) -> str:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    return "Z"


def _of_engine(server: Server) -> int:
    return int((server.folder / "docker.pid").read_text())


def _of_postgres(server: Server) -> int:
    return int((server.folder / "data" / "postmaster.pid").read_text().split()[0])


def _of_redis(server: Server) -> int:
    with Redis.from_url(server.told) as client:
        try:
            return int(client.info("server")["process_id"])
        except RedisError as away:
            raise ProcessLookupError(str(away)) from away


_PROCESS: dict[str, Callable[[Server], int]] = {
    "engine": _of_engine,
    "postgres": _of_postgres,
    "redis": _of_redis,
}


def at_engine(server: Server) -> DockerClient:
    """The engine, as somebody at its host sees it."""
    return DockerClient(server.export("DOCKER_HOST"), timeout=10)
