"""The panel and its peers as processes to be measured, and what they take."""

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
    """For a panel with its data in this folder: no setting is left over from the caller's own, and no limit is near."""
    plenty = dict.fromkeys(("PANEL_RATE_LIMIT_DEFAULT", "PANEL_RATE_LIMIT_AUTHENTICATED"), "1000000")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PANEL_")}
    return {**kept, **plenty, "PANEL_RATE_LIMIT_DEPLOY": "1000000", "PANEL_DATA_DIR": str(folder), **settings}


def free_port() -> int:
    """A port that nobody has now."""
    with create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def leave_a_core() -> int:
    """Keep this process, and what it starts, off one core; answer which, for the servers."""
    core, *others = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, others or [core])
    return core


def printed(command: list[str], environment: Mapping[str, str], given: bytes = b"") -> str:
    """What a command prints."""
    return subprocess.run(command, env=environment, input=given, capture_output=True, check=True).stdout.decode()


@contextmanager
def running(
    command: list[str], environment: Mapping[str, str], ready: Callable[[], bool], core: int | None = None
) -> Iterator[int]:
    """The id of a process that is ready; with all its threads on this core alone, where one is given."""
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as child:
        try:
            if core is not None:
                os.sched_setaffinity(child.pid, [core])
            while not ready():
                if child.poll() is not None:
                    raise SystemExit(f"{command} has ended")
                time.sleep(0.01)
            yield child.pid
        finally:
            child.terminate()


def answers(port: int) -> bool:
    """Whether anything is answered over HTTP there."""
    try:
        ask(port, "GET", "/api/health")
    except (OSError, HTTPException):
        return False
    return True


def ask(port: int, method: str, path: str, key: str = "", body: object = None) -> tuple[int, dict[str, str], Any]:
    """Status, headers with their names in small letters, and the JSON of an answer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=90)
    sent = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"} if key else {}
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None, sent)
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return answer.status, headers, json.loads(text) if "json" in headers.get("content-type", "") else text


def cpu(pid: int) -> float:
    """Seconds that a process has taken with all its threads, and with all its children that have ended."""
    clock = (~pid << 3) | 2  # what clock_getcpuclockid(3) answers on Linux; /proc counts hundredths of a second
    return time.clock_gettime(clock) + sum(map(int, _stat(pid)[13:15])) / os.sysconf("SC_CLK_TCK")


def parent(pid: int) -> int:
    """The process that has started this one."""
    return int(_stat(pid)[1])


def children(pid: int) -> list[int]:
    """The processes that a process has started and that still run."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and parent(int(entry.name)) == pid:
                found.append(int(entry.name))
        except OSError:
            continue  # it has ended meanwhile
    return found


def memory(pid: int) -> float:
    """Megabytes that a process and all its children hold."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    own = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
    return own / 1024 + sum(memory(child) for child in children(pid))


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
