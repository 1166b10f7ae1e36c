"""Measures what reading costs among few services and among many, and prints how the costs compare.

A panel for each number, the same request over and over on one connection, and turns. CPU is the panel's and, where it
has one, its PostgreSQL server's.
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
from filling import MODELS, Filled, filled
from load import Load
from processes import PANEL, answers, children, cpu, free_port, leave_a_core, parent, running

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
    "search that finds all": "?search=app",
    "search that finds 1 of 1,000": "?search=-432",
    "search that finds nothing": "?search=zebra",
    "search of two letters, nothing": "?search=zq",
    "search within a customer": "?search=zebra&customer_id=cust_07",
}


@dataclass(frozen=True)
class Figures:
    """CPU milliseconds a request, and milliseconds until it was answered."""

    cost: float
    delay: float


@dataclass(frozen=True)
class Server:
    """A panel on a database that is full, and the database's own process, if it has one."""

    full: Filled
    number: int
    port: int
    pid: int
    database: int | None

    def loads(self) -> dict[str, Load]:
        """The last copy of all is the only one with both of its numbers."""
        last = f"417{self.number // MODELS - 1}" if self.number > MODELS else "417"
        lists = {**LISTS, "search that finds one": f"?search={last}"}
        get = {"get": Load("GET", f"/api/services/{self.full.service_id}")}
        return get | {name: Load("GET", f"/api/services{query}") for name, query in lists.items()}

    def figures(self, name: str, seconds: float) -> Figures:
        """What it takes to answer for so long."""
        before = self._cpu()
        told = self.loads()[name].offered(self.port, self.full.key, 1, seconds)
        return Figures(1000 * (self._cpu() - before) / told.answered, told.delay)

    def _cpu(self) -> float:
        helping = [self.database, *children(self.database)] if self.database else []
        return sum(cpu(pid) for pid in (self.pid, *helping))


def main() -> None:
    """Rounds over both panels and all requests; nothing is asserted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", type=int, default=1000)
    parser.add_argument("--many", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one request in one round")
    parser.add_argument("--postgres", metavar="URL", default="", help="of a server; without it, SQLite")
    parser.add_argument("--folder", type=Path, help="where what was filled is kept for the next time")
    options = parser.parse_args()
    core, database = leave_a_core(), "PostgreSQL" if options.postgres else "SQLite"
    print(f"Python {python_version()}, {database}; load of the machine {os.getloadavg()[0]:.1f}", flush=True)
    with tempfile.TemporaryDirectory(prefix="bench") as folder, ExitStack() as stack:
        place = options.folder or Path(folder)
        servers = [
            stack.enter_context(_server(place / str(number), options.postgres, number, core))
            for number in (options.few, options.many)
        ]
        print(_line("", *(f"{number:,}" for number in (options.few, options.many)), "times"), flush=True)
        for name in servers[0].loads():
            print(_told(name, *_measured(name, servers, options)), flush=True)


@contextmanager
def _server(folder: Path, postgres: str, number: int, core: int) -> Iterator[Server]:
    full, port = filled(folder, postgres, number), free_port()
    with running([PANEL, "api"], {**full.environment, "PANEL_PORT": str(port)}, partial(answers, port), core) as pid:
        yield Server(full, number, port, pid, _process(postgres) if postgres else None)


def _process(url: str) -> int:
    with psycopg.connect(url) as connection:
        return parent(connection.info.backend_pid)


def _measured(name: str, servers: Sequence[Server], options: argparse.Namespace) -> list[list[Figures]]:
    for server in servers:
        server.figures(name, options.seconds / 4)
    rounds = [[server.figures(name, options.seconds) for server in servers] for _ in range(options.rounds)]
    return [list(each) for each in zip(*rounds, strict=True)]


def _told(name: str, few: Sequence[Figures], many: Sequence[Figures]) -> str:
    shown = [f"{median(one.cost for one in each):.2f} {median(one.delay for one in each):.2f}" for each in (few, many)]
    costs = median(large.cost / small.cost for small, large in zip(few, many, strict=True))
    delays = median(large.delay / small.delay for small, large in zip(few, many, strict=True))
    return _line(name, *shown, f"{costs:.2f} {delays:.2f}")


def _line(name: str, few: str, many: str, ratio: str) -> str:
    return f"{name or 'CPU ms, and ms until answered':34} {few:>16} {many:>18} {ratio:>16}"


if __name__ == "__main__":
    main()
