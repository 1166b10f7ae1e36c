"""Measures how fast what a container prints comes through the panel, beside `docker logs --follow` of the same output.

A container prints as fast as the engine takes it; each reader in turn counts the lines that reach it, as an event
stream of the panel's, over one of its sockets, and by Docker's own client. All of them share the machine.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import closing
from functools import partial
from pathlib import Path
from statistics import median

import httpx
from panels import Panel, serving
from websockets.sync.client import connect

LINE = 100
_Reader = Callable[[], Generator[int, None, None]]


def main() -> None:
    """Rounds of all readers in turn; nothing is asserted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench") as folder, serving(Path(folder)) as panel:
        service_id = _printing(panel)
        container = panel.ask("GET", f"/services/{service_id}/containers")["data"][0]["name"]
        readers: dict[str, _Reader] = {
            "docker logs --follow": partial(_docker, container),
            "event stream": partial(_stream, panel, service_id),
            "socket": partial(_socket, panel, service_id),
        }
        rates: dict[str, list[float]] = {name: [] for name in readers}
        for _ in range(options.rounds):
            for name, read in readers.items():
                rates[name].append(_rate(read, options.seconds))
        panel.ask("DELETE", f"/services/{service_id}")
    for name, found in rates.items():
        share = median(found) / median(rates["docker logs --follow"])
        print(f"  {name:24} {median(found):8.1f} MB/s {share:8.2f} x docker")


def _printing(panel: Panel) -> str:
    """A service whose container prints and prints."""
    run = ["/bin/sh", "-c", f"httpd -p 8080 -h /www; exec /bin/busybox yes {'x' * (LINE - 1)}"]
    compose = json.dumps({"services": {"web": {"image": "ai-admin-panel/hello:1", "entrypoint": run}}})
    return panel.deployed({"deploy_method": "compose", "compose": compose})[0]


def _rate(read: _Reader, seconds: float) -> float:
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


def _stream(panel: Panel, service_id: str) -> Generator[int, None, None]:
    """Counts of lines as they come in an event stream."""
    url = f"http://127.0.0.1:{panel.port}/api/services/{service_id}/logs?follow=true&tail=1"
    with httpx.stream("GET", url, headers={"Authorization": f"Bearer {panel.key}"}, timeout=90) as answer:
        for got in answer.iter_bytes():
            yield got.count(b"event: line")


def _socket(panel: Panel, service_id: str) -> Generator[int, None, None]:
    """Counts of lines as they come over a socket."""
    url, headers = f"ws://127.0.0.1:{panel.port}/api/ws", {"Authorization": f"Bearer {panel.key}"}
    with connect(url, additional_headers=headers, compression=None, max_size=None) as client:
        client.send(json.dumps({"action": "subscribe", "topics": [f"logs:{service_id}"]}))
        while True:
            yield str(client.recv(90)).count('"stream"')


if __name__ == "__main__":
    main()
