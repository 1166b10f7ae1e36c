"""Measures the panel beside the same work in FastAPI and in bare Starlette, and prints one table.

The second operation is `POST /services/validate`: it writes nothing and is the same for the same body, so all three can
call one rule and answer byte for byte alike. A POST that makes something would mostly measure the disk.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from socket import create_server
from statistics import median

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
CONNECTIONS = 16
COMPOSE = "services:\n  web:\n    image: ai-admin-panel/hello:1\n    expose: [8080]\n"
LOADS = {
    "GET /permissions": ("GET", "/api/permissions", b""),
    "POST /services/validate": ("POST", "/api/services/validate", json.dumps({"compose": COMPOSE}).encode()),
}
_UVICORN = ["--loop", "uvloop", "--http", "httptools", "--ws", "none", "--no-access-log", "--no-server-header"]


@dataclass(frozen=True)
class Server:
    """One process that is measured."""

    name: str
    port: int
    pid: int


@dataclass(frozen=True)
class Figures:
    """What one load showed: requests a second, and CPU milliseconds a request, which a busy machine disturbs less."""

    rate: float
    cost: float


def main() -> None:
    """Rounds over all servers and loads; nothing is asserted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one load in one round")
    options = parser.parse_args()
    core, *others = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, others or [core])  # this process, and so the load generator
    print(_conditions(options.rounds, options.seconds), end="\n\n", flush=True)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        environment = _environment(Path(folder))
        key = _output([str(BIN / "ai-admin-panel"), "create-key"], environment).strip()
        names = ("panel", "FastAPI", "Starlette")
        servers = [stack.enter_context(_running(name, environment, core)) for name in names]
        for load in LOADS:
            print(_table(load, _measured(load, servers, key, options.rounds, options.seconds)), end="\n\n", flush=True)


def _conditions(rounds: int, seconds: float) -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in ("FastAPI", "Starlette", "uvicorn"))
    return (
        f"Python {python_version()}, {versions}; each server on one core, {CONNECTIONS} connections, "
        f"{rounds} rounds of {seconds:g} s; load of the machine {os.getloadavg()[0]:.1f}"
    )


def _environment(folder: Path) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("PANEL_")},
        "PANEL_DATA_DIR": str(folder),
        "PANEL_RUNTIME": "memory",
        "PANEL_RATE_LIMIT_AUTHENTICATED": "1000000",
        "BENCH_DATABASE": f"sqlite:///{folder / 'panel.db'}",
    }


def _output(command: list[str], environment: Mapping[str, str], given: bytes = b"") -> str:
    return subprocess.run(command, env=environment, input=given, capture_output=True, check=True).stdout.decode()


@contextmanager
def _running(name: str, environment: Mapping[str, str], core: int) -> Iterator[Server]:
    """A server on this core alone, with all of its threads."""
    with create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [str(BIN / "ai-admin-panel"), "api"]
    if name != "panel":
        peer = ["--app-dir", str(HERE), "--port", str(port), f"{name.lower()}_peer:app"]
        command = [str(BIN / "uvicorn"), "--log-level", "warning", *_UVICORN, *peer]
    child = subprocess.Popen(command, env={**environment, "PANEL_PORT": str(port)}, stdout=subprocess.DEVNULL)
    try:
        os.sched_setaffinity(child.pid, [core])
        _wait(child, port)
        yield Server(name, port, child.pid)
    finally:
        child.terminate()
        child.wait()


def _wait(child: "subprocess.Popen[bytes]", port: int) -> None:
    for _ in range(600):
        if child.poll() is not None:
            break
        try:
            HTTPConnection("127.0.0.1", port, timeout=5).connect()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"{child.args!r} does not answer")


def _measured(load: str, servers: list[Server], key: str, rounds: int, seconds: float) -> dict[str, list[Figures]]:
    _compare_answers(load, servers, key)
    for server in servers:
        _figures(load, server, key, seconds / 4)
    figures: dict[str, list[Figures]] = {server.name: [] for server in servers}
    for _ in range(rounds):
        for server in servers:
            figures[server.name].append(_figures(load, server, key, seconds))
    return figures


def _compare_answers(load: str, servers: list[Server], key: str) -> None:
    """All have to say the same, in their bodies and in the names of their common headers."""
    method, path, body = LOADS[load]
    answers = []
    for server in servers:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request(method, path, body, _headers(key))
        answer = connection.getresponse()
        names = {name.lower() for name in answer.headers if name.lower().startswith("x-")}
        answers.append((answer.status, sorted(names), json.loads(answer.read())))
        connection.close()
    if answers[0][0] != 200 or any(answer != answers[0] for answer in answers):
        raise SystemExit(f"{load} is not the same everywhere: {answers}")


def _headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}


def _figures(load: str, server: Server, key: str, seconds: float) -> Figures:
    method, path, body = LOADS[load]
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in _headers(key).items()]
    request = "\r\n".join([*lines, "", ""]).encode() + body
    command = [sys.executable, str(HERE / "load.py"), str(server.port), str(CONNECTIONS), str(seconds)]
    before = _cpu(server.pid)
    told = json.loads(_output(command, os.environ, request))
    used = _cpu(server.pid) - before
    if told["refused"] or not told["answered"]:
        raise SystemExit(f"{server.name} refused {told['refused']} requests and answered {told['answered']}")
    return Figures(told["answered"] / told["seconds"], 1000 * used / told["answered"])


def _cpu(pid: int) -> float:
    """Seconds of a process with all its threads."""
    spent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(spent[11]) + int(spent[12])) / os.sysconf("SC_CLK_TCK")


def _table(load: str, figures: Mapping[str, list[Figures]]) -> str:
    """Ratios are medians of the rounds' own ratios, in which one server runs right after the other."""
    lines = [f"{load:26} {'requests/s':>10} {'CPU s / 1000':>13} {'panel is, by CPU':>17} {'by requests/s':>14}"]
    ours = figures["panel"]
    for name, theirs in figures.items():
        rate, cost = median(one.rate for one in theirs), median(one.cost for one in theirs)
        by_cpu = median(peer.cost / own.cost for peer, own in zip(theirs, ours, strict=True))
        by_rate = median(own.rate / peer.rate for peer, own in zip(theirs, ours, strict=True))
        lines.append(f"  {name:24} {rate:10,.0f} {cost:13.3f} {by_cpu:15.2f} x {by_rate:12.2f} x")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
