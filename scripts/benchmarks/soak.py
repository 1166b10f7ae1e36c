"""Create, deploy and delete services, open streams and WebSockets, and compare the panel's size over time.

Each round leaves nothing but history. Prints memory, open files, threads and the size of the database at the start, in
the middle and at the end, and the latencies of requests. Fails if the second half of the run has grown.
"""

import argparse
import itertools
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from statistics import quantiles
from typing import Any

from panels import Panel, start_panel
from processes import cpu_seconds, memory_mb, send_request
from websockets.sync.client import connect

_SERVICE = {"deploy_method": "image", "image": "ai-admin-panel/hello:1", "port": 8080}
_LOGS_PER_KEY = 48  # that are followed at once; the panel allows 60
_MAX_MEMORY_MB, _MAX_FILES, _MAX_THREADS = 8.0, 8, 16  # growth in the second half
_MAX_DATABASE_KIB = 40.0  # per round: the operations, deployments and events that are kept for days


@dataclass(frozen=True)
class Size:
    """The size of the panel at one time, after a number of rounds."""

    rounds: int
    memory: float
    files: int
    threads: int
    database: float
    cpu: float

    def __str__(self) -> str:
        return (
            f"{self.rounds:7} rounds {self.memory:8.1f} MB {self.files:6} files {self.threads:5} threads"
            f" {self.database:9.0f} KiB {1000 * self.cpu / max(1, self.rounds):6.0f} ms CPU a round"
        )


@dataclass
class Soak:
    """A run against one panel."""

    panel: Panel
    folder: Path
    keys: list[str]
    streams: int
    latencies: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    numbers: Iterator[int] = field(default_factory=itertools.count)
    rounds: int = 0

    def size(self) -> Size:
        """Return the size when nothing runs."""
        time.sleep(3)  # idle connections and threads end
        process = Path(f"/proc/{self.panel.pid}")
        threads = next(line.split()[1] for line in (process / "status").read_text().splitlines() if "Threads" in line)
        database = sum(file.stat().st_size for file in self.folder.glob("panel.db*")) / 1024
        files = len(list((process / "fd").iterdir()))
        cpu = cpu_seconds(self.panel.pid)
        return Size(self.rounds, memory_mb(self.panel.pid), files, int(threads), database, cpu)

    def run(self, seconds: float, connections: int) -> None:
        """Run rounds in parallel."""
        until = time.monotonic() + seconds
        with ThreadPoolExecutor(connections) as pool:
            for worker in [pool.submit(self._work, until) for _ in range(connections)]:
                worker.result()

    def _work(self, until: float) -> None:
        while time.monotonic() < until:
            number = next(self.numbers)
            self._round(f"soak-{number}", self.keys[number % len(self.keys)])
            self.rounds += 1

    def _round(self, name: str, key: str) -> None:
        created = self._timed("create", "POST", "/services", {**_SERVICE, "name": name})
        service = f"/services/{created['id']}"
        with ExitStack() as stack:
            for _ in range(self.streams):
                stack.enter_context(self._stream("/events", key))
                stack.enter_context(self._stream(f"{service}/logs?follow=true", key))
                stack.enter_context(self._socket(key))
            self._timed("wait", "GET", f"/operations/{created['operation_id']}?wait=60")
            self._timed("deploy", "POST", f"{service}/deploy", {})
        self._timed("list", "GET", "/services")
        self._timed("get", "GET", service)
        self._timed("delete", "DELETE", service)

    def _timed(self, kind: str, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        began = time.perf_counter()
        status, _, response = send_request(self.panel.port, method, f"/api{path}", self.panel.key, body)
        self.latencies[kind].append(1000 * (time.perf_counter() - began))
        if status >= 300:
            raise SystemExit(f"{method} {path}: {status} {response}")
        return response

    @contextmanager
    def _stream(self, path: str, key: str) -> Iterator[None]:
        connection = HTTPConnection("127.0.0.1", self.panel.port, timeout=30)
        try:
            headers = {"Authorization": f"Bearer {key}", "Accept": "text/event-stream"}
            connection.request("GET", f"/api{path}", headers=headers)
            response = connection.getresponse()
            if response.status != 200:
                raise SystemExit(f"GET {path}: {response.status} {response.read()!r}")
            yield
        finally:
            connection.close()

    @contextmanager
    def _socket(self, key: str) -> Iterator[None]:
        headers = {"Authorization": f"Bearer {key}"}
        uri = f"ws://127.0.0.1:{self.panel.port}/api/ws"
        # The queue has no bound: a client that has stopped reading waits ten seconds for the close frame.
        with connect(uri, additional_headers=headers, compression=None, max_queue=None) as socket:
            socket.recv(30)
            yield


def _create_keys(panel: Panel, options: argparse.Namespace) -> list[str]:
    body = {"name": "soak", "role": "admin", "rateLimitRpm": 100_000}
    number = 1 + options.connections * options.streams // _LOGS_PER_KEY
    return [str(panel.request("POST", "/v1/api-keys", body)["key"]) for _ in range(number)]


def growth(middle: Size, end: Size) -> list[str]:
    """Return what has grown too much in the second half."""
    rounds = max(1, end.rounds - middle.rounds)
    grown: dict[str, Callable[[], bool]] = {
        "memory": lambda: end.memory - middle.memory > _MAX_MEMORY_MB,
        "open files": lambda: end.files - middle.files > _MAX_FILES,
        "threads": lambda: end.threads - middle.threads > _MAX_THREADS,
        "database": lambda: (end.database - middle.database) / rounds > _MAX_DATABASE_KIB,
    }
    return [name for name, has_grown in grown.items() if has_grown()]


def main() -> None:
    """Run both halves and print the sizes and latencies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument(
        "--streams", type=int, default=3, help="of each kind, that a round opens; 0 for latencies alone"
    )
    parser.add_argument("--docker", action="store_true", help="use the engine of DOCKER_HOST")
    options = parser.parse_args()
    settings = {} if options.docker else {"PANEL_RUNTIME": "memory"}
    print(f"machine load {os.getloadavg()[0]:.1f}", flush=True)
    with tempfile.TemporaryDirectory(prefix="soak") as folder, start_panel(Path(folder), **settings) as panel:
        soak = Soak(panel, Path(folder), _create_keys(panel, options), options.streams)
        seconds = 60 * options.minutes
        soak.run(seconds / 10, options.connections)  # caches and pools fill
        sizes = [soak.size()]
        print(f"start  {sizes[-1]}", flush=True)
        for name in ("middle", "end"):
            soak.run(seconds * 0.45, options.connections)
            sizes.append(soak.size())
            print(f"{name:6} {sizes[-1]}", flush=True)
    for kind, latencies in soak.latencies.items():
        cuts = quantiles(latencies, n=100)
        print(f"  {kind:7} p50 {cuts[49]:6.0f} ms   p99 {cuts[98]:6.0f} ms")
    if grown := growth(sizes[1], sizes[2]):
        sys.exit(f"grown: {', '.join(grown)}")


if __name__ == "__main__":
    main()
