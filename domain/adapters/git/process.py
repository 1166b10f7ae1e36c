"""Runs git in a process group of its own, with limits, until a deadline."""

import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from domain.ports.git import FETCH_SECONDS, MOST_BYTES, FetchFailed, FetchRequest, RepositoryTooLarge

_BEAT = 0.1  # seconds
_KEPT_ERRORS = 4096  # bytes
_LIMITS = {
    resource.RLIMIT_FSIZE: MOST_BYTES,
    resource.RLIMIT_AS: 3 * 2**30,
    resource.RLIMIT_CPU: int(FETCH_SECONDS),
    resource.RLIMIT_CORE: 0,
}
_CONFIGURATION = {
    "protocol.allow": "never",
    "http.followRedirects": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "30",
    "credential.helper": "",
    "core.hooksPath": "/dev/null",
    "core.attributesFile": "/dev/null",
    "core.fsmonitor": "false",
    "core.bigFileThreshold": "16m",
    "fetch.unpackLimit": "1",
    "fetch.uriProtocols": "",
    "transfer.bundleURI": "false",
    "submodule.recurse": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
}


class Deadline:
    """How long all processes of a fetch may run together, from now on. `check` raises if they must end before."""

    def __init__(self, seconds: float, check: Callable[[], None]) -> None:
        self._seconds, self._check = seconds, check
        self._until = time.monotonic() + seconds

    def require(self) -> None:
        """Raise what `check` raises, or FetchFailed after the deadline."""
        self._check()
        if time.monotonic() > self._until:
            raise FetchFailed(f"The repository was not fetched within {self._seconds:.0f} seconds")


@dataclass(frozen=True)
class Result:
    """How git ended, and the last of what it printed as errors."""

    exit_code: int
    errors: str


def run(folder: Path, arguments: Sequence[str], deadline: Deadline, request: FetchRequest | None = None) -> Result:
    """Run git in a folder until it ends. With `request` it may connect to the server of the request.

    Raise FetchFailed at the deadline, RepositoryTooLarge if the folder grows too much, and what the deadline's check
    raises.
    """
    with (folder / "errors").open("wb") as errors, start(folder, arguments, errors, request) as process:
        while process.poll() is None:
            deadline.require()
            _require_small(folder)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_BEAT)
    _require_small(folder)
    return Result(process.returncode, (folder / "errors").read_bytes()[-_KEPT_ERRORS:].decode(errors="replace"))


@contextmanager
def start(
    folder: Path, arguments: Sequence[str], errors: IO[bytes] | int, request: FetchRequest | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Start git with pipes for input and output. It and its children are killed at the end of the block."""
    try:
        process = subprocess.Popen(  # noqa: S603 - an argument list, without a shell
            ["git", *arguments],  # noqa: S607 - from PATH of `_environment`
            cwd=folder,
            env=_environment(folder, request),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
    except FileNotFoundError:
        raise FetchFailed("The host of the panel has no git: install it") from None
    try:
        with suppress(ProcessLookupError):
            for limit, value in _LIMITS.items():
                resource.prlimit(process.pid, limit, (value, value))
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(BrokenPipeError):
            process.communicate()


def _require_small(folder: Path) -> None:
    size = 0
    for parent, _, names in os.walk(folder):  # which overlooks folders that are removed meanwhile
        for name in names:
            with suppress(FileNotFoundError):
                size += (Path(parent) / name).lstat().st_size
    if size >= MOST_BYTES:
        raise RepositoryTooLarge(f"The repository has more than {MOST_BYTES >> 20} MiB")


def _environment(folder: Path, request: FetchRequest | None) -> Mapping[str, str]:
    configuration = {**_CONFIGURATION, **(_connection(request) if request else {})}
    settings: dict[str, str] = {}
    for number, (key, value) in enumerate(configuration.items()):
        settings |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "/bin/false",
        "GIT_SSH_COMMAND": "/bin/false",
        "GIT_CONFIG_COUNT": str(len(configuration)),
        **settings,
    }


def _connection(request: FetchRequest) -> Mapping[str, str]:
    """Allow the scheme of the repository, and connect to the addresses that were checked instead of resolving again."""
    url = urlsplit(request.source.repository)
    port = url.port or {"https": 443, "http": 80}[url.scheme]
    addresses = ",".join(f"[{address}]" if ":" in address else address for address in request.addresses)
    return {f"protocol.{url.scheme}.allow": "always", "http.curloptResolve": f"{url.hostname}:{port}:{addresses}"}
