"""Real Redis servers for tests: one that they share, and one that a test can kill.

Tests that need one are marked `@pytest.mark.redis` and import the fixtures:
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
    """Return the URL of the shared server. A test uses a new installation ID and reads no other keys."""
    url = os.environ.get("PANEL_TEST_REDIS", "")
    if not url:
        pytest.fail("PANEL_TEST_REDIS is not set: scripts/redis starts a server and prints its URL")
    return url


@dataclass
class OwnRedis:
    """A server for one test, which can start, kill and suspend it."""

    folder: Path
    password: str = ""
    _child: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return (
            f"unix://:{self.password}@{self.folder}/redis.sock" if self.password else f"unix://{self.folder}/redis.sock"
        )

    def start(self) -> None:
        """Start the server and wait until it accepts commands."""
        options = [
            "--port",
            "0",
            "--unixsocket",
            str(self.folder / "redis.sock"),
            "--save",
            "",
            "--requirepass",
            self.password,
        ]
        self._child = subprocess.Popen(["redis-server", *options], cwd=self.folder, stdout=subprocess.DEVNULL)
        until(self._is_ready, 10, "Redis accepts commands")

    def kill(self) -> None:
        """Send SIGKILL and wait until the process has ended."""
        if self._child:
            self._child.kill()
            self._child.wait()

    def hang(self) -> None:
        """Suspend the process. It keeps its connections and accepts new ones, but sends no responses."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Resume the process after `hang`."""
        self._signal(signal.SIGCONT)

    def execute(self, *command: str) -> object:
        """Return the response to a command, sent without the panel."""
        with Redis.from_url(self.url) as client:
            return client.execute_command(*command)

    def _signal(self, number: signal.Signals) -> None:
        assert self._child
        self._child.send_signal(number)

    def _is_ready(self) -> bool:
        try:
            return bool(self.execute("PING"))
        except RedisError:
            return False


@pytest.fixture
def own_redis() -> Iterator[OwnRedis]:
    """A server that is not started yet."""
    with TemporaryDirectory(prefix="redis") as folder:  # the path of a Unix socket must be short
        server = OwnRedis(Path(folder))
        yield server
        server.kill()
