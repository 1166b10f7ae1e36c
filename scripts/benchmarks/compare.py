"""Compare the panel with the same operations in FastAPI, SQLAlchemy and `limits`, and print a table.

Both servers use the same filled database, run as one process on one core, and take turns. Before the measurement, their
responses must be equal. `peer/app.py` lists what the peer omits.
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

from database import fill_database
from load import Load
from processes import BIN, HERE, PANEL, cpu_seconds, free_port, is_up, reserve_core, send_request, start_process

CONNECTIONS = 16
COMPOSE = "services:\n  web:\n    image: ai-admin-panel/hello:1\n    expose: [8080]\n"
# Fields that the servers generate.
GENERATED = frozenset({"id", "key", "prefix", "createdAt"})
_PEER = ["--app-dir", str(HERE / "peer"), "--loop", "uvloop", "--http", "httptools", "--ws", "none"]
_PEER += ["--log-level", "warning", "--no-access-log", "--no-server-header"]


@dataclass(frozen=True)
class Figures:
    """Requests per second, and CPU milliseconds per request, which depend less on other processes."""

    rate: float
    cost: float


@dataclass(frozen=True)
class Server:
    """A process to measure."""

    name: str
    port: int
    pid: int

    def figures(self, load: Load, key: str, seconds: float) -> Figures:
        """Run the load for `seconds` and return its figures."""
        before = cpu_seconds(self.pid)
        result = load.run(self.port, key, CONNECTIONS, seconds)
        return Figures(result.rate, 1000 * (cpu_seconds(self.pid) - before) / result.succeeded)


def main() -> None:
    """Run rounds over both servers and all loads and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="for one load in one round")
    parser.add_argument("--services", type=int, default=100_000, help="number in the database, in whole thousands")
    parser.add_argument("--postgres", metavar="URL", default="", help="a PostgreSQL server; SQLite by default")
    options = parser.parse_args()
    core = reserve_core()
    print(_conditions(options), flush=True)
    with tempfile.TemporaryDirectory(prefix="bench") as folder, ExitStack() as stack:
        full = fill_database(Path(folder), options.postgres, options.services)
        servers = [stack.enter_context(_server(name, full.environment, core)) for name in ("panel", "FastAPI")]
        for name, load in _loads(full.service_id).items():
            _compare_answers(load, servers, full.key)
            print("\n" + _table(name, _measure(load, servers, full.key, options)), flush=True)


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
        f"{options.rounds} rounds of {options.seconds:g} s; machine load {os.getloadavg()[0]:.1f}"
    )


@contextmanager
def _server(name: str, environment: Mapping[str, str], core: int) -> Iterator[Server]:
    port = free_port()
    command = [PANEL, "api"] if name == "panel" else [str(BIN / "uvicorn"), *_PEER, "--port", str(port), "app:app"]
    with start_process(command, {**environment, "PANEL_PORT": str(port)}, partial(is_up, port), core) as pid:
        yield Server(name, port, pid)


def _compare_answers(load: Load, servers: list[Server], key: str) -> None:
    """Exit unless both servers return the same status, body (except generated fields) and names of headers."""
    responses = []
    for server in servers:
        status, headers, body = send_request(server.port, load.method, load.path, key, load.body)
        names = sorted(headers.keys() - {"date", "content-length", "server"})
        generated = GENERATED if status == 201 else frozenset()
        responses.append(
            (status, names, {name: "generated" if name in generated else value for name, value in body.items()})
        )
    if responses[0][0] >= 300 or responses[0] != responses[1]:
        raise SystemExit("\n".join([f"The responses to {load.path} differ", *map(str, responses)]))


def _measure(load: Load, servers: list[Server], key: str, options: argparse.Namespace) -> dict[str, list[Figures]]:
    for server in servers:
        server.figures(load, key, options.seconds / 4)
    figures: dict[str, list[Figures]] = {server.name: [] for server in servers}
    for _ in range(options.rounds):
        for server in servers:
            figures[server.name].append(server.figures(load, key, options.seconds))
    return figures


def _table(load: str, figures: Mapping[str, list[Figures]]) -> str:
    """Format the medians. Ratios are medians over the rounds, in which the servers run one right after the other."""
    lines = [f"{load:34} {'requests/s':>10} {'CPU ms':>12} {'panel, by CPU':>17} {'by requests/s':>14}"]
    ours = figures["panel"]
    for name, theirs in figures.items():
        rate, cost = median(figure.rate for figure in theirs), median(figure.cost for figure in theirs)
        by_cpu = median(peer.cost / own.cost for peer, own in zip(theirs, ours, strict=True))
        by_rate = median(own.rate / peer.rate for peer, own in zip(theirs, ours, strict=True))
        lines.append(f"  {name:32} {rate:10,.0f} {cost:12.3f} {by_cpu:15.2f} x {by_rate:12.2f} x")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
