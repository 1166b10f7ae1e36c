"""Measure the cost of reads with few services and with many, and print the ratios.

There is one panel for each number of services. The same request is repeated on one connection, with the panels in turn.
CPU time includes the PostgreSQL server, if there is one.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from platform import python_version
from statistics import median

import psycopg
from database import MODELS, FilledDatabase, fill_database
from load import Load
from processes import PANEL, child_pids, cpu_seconds, free_port, is_up, parent_pid, reserve_core, start_process

LISTS = {
    "list": "",
    "list by name": "?sort=name&order=asc",
    "list by updated_at": "?sort=updated_at",
    "list by status": "?sort=status",
    "list of a status": "?status=stopped",
    "list of a status by name": "?status=stopped&sort=name&order=asc",
    "list of a template": "?template=hello",
    "list of a template by name": "?template=hello&sort=name&order=asc",
    "list of a customer": "?customer_id=cust_07",
    "list of a customer by updated_at": "?customer_id=cust_07&sort=updated_at",
    "search that matches all": "?search=app",
    "search that matches 1 of 1,000": "?search=-432",
    "search that matches none": "?search=zebra",
    "search of two letters, none": "?search=zq",
    "search within a customer": "?search=zebra&customer_id=cust_07",
}


@dataclass(frozen=True)
class Figures:
    """CPU milliseconds per request, and latency in milliseconds."""

    cost: float
    latency: float


@dataclass(frozen=True)
class Server:
    """A panel on a filled database, and the process of the database server, if there is one."""

    full: FilledDatabase
    services: int
    port: int
    pid: int
    database: int | None

    def loads(self) -> dict[str, Load]:
        """Return the requests by name. Only one service has a name with both numbers of `last`."""
        last = f"417{self.services // MODELS - 1}" if self.services > MODELS else "417"
        lists = {**LISTS, "search that matches one": f"?search={last}"}
        get = {"get": Load("GET", f"/api/services/{self.full.service_id}")}
        return get | {name: Load("GET", f"/api/services{query}") for name, query in lists.items()}

    def figures(self, name: str, seconds: float) -> Figures:
        """Run the load `name` for `seconds` and return its figures."""
        before = self._cpu()
        result = self.loads()[name].run(self.port, self.full.key, 1, seconds)
        return Figures(1000 * (self._cpu() - before) / result.succeeded, result.latency)

    def _cpu(self) -> float:
        database_pids = [self.database, *child_pids(self.database)] if self.database else []
        return sum(cpu_seconds(pid) for pid in (self.pid, *database_pids))


def main() -> None:
    """Run rounds over both panels and all requests and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", type=int, default=1000)
    parser.add_argument("--many", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="for one request in one round")
    parser.add_argument("--postgres", metavar="URL", default="", help="a PostgreSQL server; SQLite by default")
    parser.add_argument("--folder", type=Path, help="where to keep the filled databases for the next run")
    options = parser.parse_args()
    core, store = reserve_core(), "PostgreSQL" if options.postgres else "SQLite"
    print(f"Python {python_version()}, {store}; machine load {os.getloadavg()[0]:.1f}", flush=True)
    with tempfile.TemporaryDirectory(prefix="bench") as folder, ExitStack() as stack:
        place = options.folder or Path(folder)
        servers = [
            stack.enter_context(_server(place / str(services), options.postgres, services, core))
            for services in (options.few, options.many)
        ]
        print(_line("", f"{options.few:,}", f"{options.many:,}", "times"), flush=True)
        for name in servers[0].loads():
            print(_row(name, *_measure(name, servers, options)), flush=True)


@contextmanager
def _server(folder: Path, postgres: str, services: int, core: int) -> Iterator[Server]:
    full, port = fill_database(folder, postgres, services), free_port()
    with start_process(
        [PANEL, "api"], {**full.environment, "PANEL_PORT": str(port)}, partial(is_up, port), core
    ) as pid:
        yield Server(full, services, port, pid, _server_pid(postgres) if postgres else None)


def _server_pid(url: str) -> int:
    with psycopg.connect(url) as connection:
        return parent_pid(connection.info.backend_pid)


def _measure(name: str, servers: Sequence[Server], options: argparse.Namespace) -> list[list[Figures]]:
    for server in servers:
        server.figures(name, options.seconds / 4)
    rounds = [[server.figures(name, options.seconds) for server in servers] for _ in range(options.rounds)]
    return [list(measured) for measured in zip(*rounds, strict=True)]


def _row(name: str, few: Sequence[Figures], many: Sequence[Figures]) -> str:
    costs = median(large.cost / small.cost for small, large in zip(few, many, strict=True))
    latencies = median(large.latency / small.latency for small, large in zip(few, many, strict=True))
    return _line(name, _medians(few), _medians(many), f"{costs:.2f} {latencies:.2f}")


def _medians(rounds: Sequence[Figures]) -> str:
    return f"{median(figures.cost for figures in rounds):.2f} {median(figures.latency for figures in rounds):.2f}"


def _line(name: str, few: str, many: str, ratio: str) -> str:
    return f"{name or 'CPU ms, latency ms':34} {few:>16} {many:>18} {ratio:>16}"


if __name__ == "__main__":
    main()
