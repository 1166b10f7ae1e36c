"""The real Redis for tests: the one that they share, and one that a test may kill.

A suite that needs it marks itself `@pytest.mark.redis` and says
`from tests.redis import own_redis, redis_url  # noqa: F401`.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from redis import Redis, RedisError

from tests.process import until


@pytest.fixture(scope="session")
def redis_url() -> str:
    """Others use it at the same time: take an installation's id of your own, and look at nothing else."""
    url = os.environ.get("PANEL_TEST_REDIS", "")
    if not url:
        pytest.fail("PANEL_TEST_REDIS is not set: scripts/redis starts a server and prints its URL")
    return url


@dataclass
class OwnRedis:
    """Start it, kill it, let it hang; nobody else knows it."""

    folder: Path
    password: str = ""
    _child: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return (
            f"unix://:{self.password}@{self.folder}/redis.sock" if self.password else f"unix://{self.folder}/redis.sock"
        )

    def start(self) -> None:
        """Returns when it answers."""
        given = [
            "--port",
            "0",
            "--unixsocket",
            str(self.folder / "redis.sock"),
            "--save",
            "",
            "--requirepass",
            self.password,
        ]
        self._child = subprocess.Popen(["redis-server", *given], cwd=self.folder, stdout=subprocess.DEVNULL)
        until(self._answers, 10, "Redis answers")

    def kill(self) -> None:
        """As `kill -9` does."""
        if self._child:
            self._child.kill()
            self._child.wait()

    def hang(self) -> None:
        """It keeps its connections, takes new ones, and says nothing any more."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """After `hang`."""
        self._signal(signal.SIGCONT)

    def ask(self, *command: str) -> object:
        """The answer to a command, past the panel."""
        with Redis.from_url(self.url) as client:
            return client.execute_command(*command)

    def _signal(self, number: signal.Signals) -> None:
        assert self._child
        self._child.send_signal(number)

    def _answers(self) -> bool:
        try:
            return bool(self.ask("PING"))
        except RedisError:
            return False


@pytest.fixture
def own_redis() -> Iterator[OwnRedis]:
    """One that does not run yet."""
    with TemporaryDirectory(prefix="redis") as folder:  # a short name: a socket lives in it
        own = OwnRedis(Path(folder))
        yield own
        own.kill()
