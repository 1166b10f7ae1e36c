"""Measures how fast what a container prints comes through the panel, beside `docker logs --follow` of the same output.

A container prints as fast as the engine takes it; each reader in turn counts the lines that reach it, as an event
stream of the panel's, over one of its sockets, and by Docker's own client. All of them share the machine.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from socket import create_server
from statistics import median
from typing import Any

import httpx
from websockets.sync.client import connect

BIN = Path(sys.executable).parent
LINE = 100


def main() -> None:
    """Rounds of all readers in turn; nothing is asserted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench") as folder, _panel(Path(folder)) as panel:
        service_id, container = panel.printing()
        readers: dict[str, Callable[[], Generator[int, None, None]]] = {
            "docker logs --follow": lambda: _docker(container),
            "event stream": lambda: panel.stream(service_id),
            "socket": lambda: panel.socket(service_id),
        }
        rates: dict[str, list[float]] = {name: [] for name in readers}
        for _ in range(options.rounds):
            for name, read in readers.items():
                rates[name].append(_rate(read, options.seconds))
        panel.forget(service_id)
    for name, found in rates.items():
        share = median(found) / median(rates["docker logs --follow"])
        print(f"  {name:24} {median(found):8.1f} MB/s {share:8.2f} x docker")


def _rate(read: Callable[[], Generator[int, None, None]], seconds: float) -> float:
    """Megabytes a second, from the first line that comes."""
    lines, start = 0, 0.0
    with closing(read()) as counts:
        for count in counts:
            start = start or time.perf_counter()
            lines += count
            if time.perf_counter() - start > seconds:
                break
    return lines * LINE / 1e6 / (time.perf_counter() - start)


def _docker(container: str) -> Generator[int, None, None]:
    command = ["docker", "logs", "--follow", "--tail", "0", container]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as reader:
        assert reader.stdout
        try:
            while got := os.read(reader.stdout.fileno(), 1 << 16):
                yield got.count(b"\n")
        finally:
            reader.terminate()


class Panel:
    """The panel as a process on the engine that DOCKER_HOST names, and its admin's key."""

    def __init__(self, port: int, key: str) -> None:
        self._address = f"127.0.0.1:{port}"
        self._headers = {"Authorization": f"Bearer {key}"}

    def _ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        url = f"http://{self._address}/api{path}"
        answer = httpx.request(method, url, json=body, headers=self._headers, timeout=90).raise_for_status()
        return answer.json() if answer.content else {}

    def printing(self) -> tuple[str, str]:
        """A service whose container prints and prints; its id and the container's name."""
        run = ["/bin/sh", "-c", f"httpd -p 8080 -h /www; exec /bin/busybox yes {'x' * (LINE - 1)}"]
        compose = json.dumps({"services": {"web": {"image": "ai-admin-panel/hello:1", "entrypoint": run}}})
        made = self._ask("POST", "/services", {"name": "bench", "deploy_method": "compose", "compose": compose})
        ended = self._ask("GET", f"/operations/{made['operation_id']}?wait=60")
        assert ended["status"] == "succeeded", ended
        return str(made["id"]), str(self._ask("GET", f"/services/{made['id']}/containers")["data"][0]["name"])

    def stream(self, service_id: str) -> Generator[int, None, None]:
        """Counts of lines as they come in an event stream."""
        url = f"http://{self._address}/api/services/{service_id}/logs?follow=true&tail=1"
        with httpx.stream("GET", url, headers=self._headers, timeout=90) as answer:
            for got in answer.iter_bytes():
                yield got.count(b"event: line")

    def socket(self, service_id: str) -> Generator[int, None, None]:
        """Counts of lines as they come over a socket."""
        url = f"ws://{self._address}/api/ws"
        with connect(url, additional_headers=self._headers, compression=None, max_size=None) as client:
            client.send(json.dumps({"action": "subscribe", "topics": [f"logs:{service_id}"]}))
            while True:
                yield str(client.recv(90)).count('"stream"')

    def forget(self, service_id: str) -> None:
        """Delete the service."""
        self._ask("DELETE", f"/services/{service_id}")


@contextmanager
def _panel(folder: Path) -> Iterator[Panel]:
    with create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    given = {name: value for name, value in os.environ.items() if not name.startswith("PANEL_")}
    environment = {**given, "PANEL_DATA_DIR": str(folder), "PANEL_PORT": str(port)}
    key = subprocess.run([str(BIN / "ai-admin-panel"), "create-key"], env=environment, capture_output=True, check=True)
    child = subprocess.Popen([str(BIN / "ai-admin-panel"), "serve"], env=environment, stdout=subprocess.DEVNULL)
    try:
        while child.poll() is None:
            try:
                httpx.get(f"http://127.0.0.1:{port}/api/health").raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.05)
        yield Panel(port, key.stdout.decode().strip())
    finally:
        child.terminate()
        child.wait()


if __name__ == "__main__":
    main()
