"""Measures the panel beside the same operations in FastAPI, SQLAlchemy and `limits`, and prints one table.

Both have one database, full of services, and one process each on one core, and take turns; before anything is measured
they have to answer alike. `peer/app.py` says what the peer does less.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from statistics import median

from filling import filled
from load import Load
from processes import BIN, HERE, PANEL, answers, ask, cpu, free_port, leave_a_core, running

CONNECTIONS = 16
COMPOSE = "services:\n  web:\n    image: ai-admin-panel/hello:1\n    expose: [8080]\n"
# What differs in what two servers make.
OWN = frozenset({"id", "key", "prefix", "createdAt"})
_PEER = ["--app-dir", str(HERE / "peer"), "--loop", "uvloop", "--http", "httptools", "--ws", "none"]
_PEER += ["--log-level", "warning", "--no-access-log", "--no-server-header"]


@dataclass(frozen=True)
class Figures:
    """What one load showed: requests a second, and CPU milliseconds a request, which a busy machine disturbs less."""

    rate: float
    cost: float


@dataclass(frozen=True)
class Server:
    """One process that is measured."""

    name: str
    port: int
    pid: int

    def figures(self, load: Load, key: str, seconds: float) -> Figures:
        """What it takes to answer for so long."""
        before = cpu(self.pid)
        told = load.offered(self.port, key, CONNECTIONS, seconds)
        return Figures(told.rate, 1000 * (cpu(self.pid) - before) / told.answered)


def main() -> None:
    """Rounds over both servers and all loads; nothing is asserted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one load in one round")
    parser.add_argument("--services", type=int, default=100_000, help="in the database; whole thousands")
    parser.add_argument("--postgres", metavar="URL", default="", help="of a server; without it, SQLite")
    options = parser.parse_args()
    core = leave_a_core()
    print(_conditions(options), flush=True)
    with tempfile.TemporaryDirectory(prefix="bench") as folder, ExitStack() as stack:
        full = filled(Path(folder), options.postgres, options.services)
        servers = [stack.enter_context(_server(name, full.environment, core)) for name in ("panel", "FastAPI")]
        for name, load in _loads(full.service_id).items():
            _compare_answers(load, servers, full.key)
            print("\n" + _table(name, _measured(load, servers, full.key, options)), flush=True)


def _loads(service_id: str) -> dict[str, Load]:
    return {
        "GET /permissions": Load("GET", "/api/permissions"),
        "POST /services/validate": Load("POST", "/api/services/validate", {"compose": COMPOSE}),
        "GET /services/{service_id}": Load("GET", f"/api/services/{service_id}"),
        "GET /services, 20 stopped by name": Load("GET", "/api/services?status=stopped&sort=name&order=asc"),
        "POST /v1/api-keys": Load("POST", "/api/v1/api-keys", {"name": "script", "role": "viewer", "rateLimitRpm": 60}),
    }


def _conditions(options: argparse.Namespace) -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in ("FastAPI", "SQLAlchemy", "limits", "uvicorn"))
    return (
        f"Python {python_version()}, {versions}, {'PostgreSQL' if options.postgres else 'SQLite'}, "
        f"{options.services:,} services; each server on one core, {CONNECTIONS} connections, "
        f"{options.rounds} rounds of {options.seconds:g} s; load of the machine {os.getloadavg()[0]:.1f}"
    )


@contextmanager
def _server(name: str, given: Mapping[str, str], core: int) -> Iterator[Server]:
    port = free_port()
    command = [PANEL, "api"] if name == "panel" else [str(BIN / "uvicorn"), *_PEER, "--port", str(port), "app:app"]
    with running(command, {**given, "PANEL_PORT": str(port)}, partial(answers, port), core) as pid:
        yield Server(name, port, pid)


def _compare_answers(load: Load, servers: list[Server], key: str) -> None:
    """Both have to say the same, but for what is made anew, and to send the same headers besides HTTP's own."""
    told = []
    for server in servers:
        status, headers, body = ask(server.port, load.method, load.path, key, load.body)
        names = sorted(headers.keys() - {"date", "content-length", "server"})
        made = OWN if status == 201 else frozenset()
        told.append((status, names, {name: "new" if name in made else value for name, value in body.items()}))
    if told[0][0] >= 300 or told[0] != told[1]:
        raise SystemExit("\n".join([f"{load.path} is not the same everywhere", *map(str, told)]))


def _measured(load: Load, servers: list[Server], key: str, options: argparse.Namespace) -> dict[str, list[Figures]]:
    for server in servers:
        server.figures(load, key, options.seconds / 4)
    figures: dict[str, list[Figures]] = {server.name: [] for server in servers}
    for _ in range(options.rounds):
        for server in servers:
            figures[server.name].append(server.figures(load, key, options.seconds))
    return figures


def _table(load: str, figures: Mapping[str, list[Figures]]) -> str:
    """Ratios are medians of the rounds' own ratios, in which one server runs right after the other."""
    lines = [f"{load:34} {'requests/s':>10} {'CPU ms each':>12} {'panel is, by CPU':>17} {'by requests/s':>14}"]
    ours = figures["panel"]
    for name, theirs in figures.items():
        rate, cost = median(one.rate for one in theirs), median(one.cost for one in theirs)
        by_cpu = median(peer.cost / own.cost for peer, own in zip(theirs, ours, strict=True))
        by_rate = median(own.rate / peer.rate for peer, own in zip(theirs, ours, strict=True))
        lines.append(f"  {name:32} {rate:10,.0f} {cost:12.3f} {by_cpu:15.2f} x {by_rate:12.2f} x")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
