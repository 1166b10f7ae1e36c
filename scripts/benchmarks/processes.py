"""Start the panel and its peers as processes, send them requests, and measure their CPU time and memory."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from socket import create_server
from typing import Any

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
PANEL = str(BIN / "ai-admin-panel")


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """Return the environment of a panel with its data in `folder`, high rate limits and no inherited settings."""
    limits = dict.fromkeys(("PANEL_RATE_LIMIT_DEFAULT", "PANEL_RATE_LIMIT_AUTHENTICATED"), "1000000")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PANEL_")}
    return {
        **kept,
        **limits,
        "PANEL_RATE_LIMIT_DEPLOY": "1000000",
        "PANEL_STREAMS_PER_KEY": "1000000",
        "PANEL_DATA_DIR": str(folder),
        **settings,
    }


def free_port() -> int:
    """Return an unused TCP port."""
    with create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def reserve_core() -> int:
    """Keep this process and its children off one core, and return that core for the servers."""
    core, *others = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, others or [core])
    return core


def command_output(command: list[str], environment: Mapping[str, str], given: bytes = b"") -> str:
    """Return the standard output of a command."""
    return subprocess.run(command, env=environment, input=given, capture_output=True, check=True).stdout.decode()


@contextmanager
def start_process(
    command: list[str], environment: Mapping[str, str], ready: Callable[[], bool], core: int | None = None
) -> Iterator[int]:
    """Run a process and yield its ID once `ready` returns true. Pin it to `core`, if given."""
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as child:
        try:
            if core is not None:
                os.sched_setaffinity(child.pid, [core])
            while not ready():
                if child.poll() is not None:
                    raise SystemExit(f"{command} exited before it was ready")
                time.sleep(0.01)
            yield child.pid
        finally:
            child.terminate()


def is_up(port: int) -> bool:
    """Return whether an HTTP server responds at the port."""
    try:
        send_request(port, "GET", "/api/health")
    except (OSError, HTTPException):
        return False
    return True


def send_request(
    port: int, method: str, path: str, key: str = "", body: object = None
) -> tuple[int, dict[str, str], Any]:
    """Return the status, the headers with lower-case names, and the parsed JSON (or bytes) of a response."""
    connection = HTTPConnection("127.0.0.1", port, timeout=90)
    request_headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"} if key else {}
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None, request_headers)
        response = connection.getresponse()
        content = response.read()
    finally:
        connection.close()
    headers = {name.lower(): value for name, value in response.headers.items()}
    return response.status, headers, json.loads(content) if "json" in headers.get("content-type", "") else content


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a process with all of its threads, and of its children that have exited."""
    clock = (~pid << 3) | 2  # as clock_getcpuclockid(3) does on Linux; /proc has a resolution of 10 ms only
    return time.clock_gettime(clock) + sum(map(int, _stat(pid)[13:15])) / os.sysconf("SC_CLK_TCK")


def parent_pid(pid: int) -> int:
    """Return the ID of the parent process."""
    return int(_stat(pid)[1])


def child_pids(pid: int) -> list[int]:
    """Return the IDs of the running child processes."""
    pids = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and parent_pid(int(entry.name)) == pid:
                pids.append(int(entry.name))
        except OSError:
            continue  # the process has exited in the meantime
    return pids


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process and all of its children, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    own = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
    return own / 1024 + sum(memory_mb(child) for child in child_pids(pid))


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
