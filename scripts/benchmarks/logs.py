"""Measure the throughput of a container's output through the panel, compared with `docker logs --follow`.

A container prints as fast as the engine accepts it. Each reader in turn counts the lines that it receives: from the
panel's event stream, from a WebSocket, and from Docker's client. All of them share the machine.
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
from panels import Panel, start_panel
from websockets.sync.client import connect

LINE = 100
_Reader = Callable[[], Generator[int, None, None]]


def main() -> None:
    """Run rounds of all readers in turn and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench") as folder, start_panel(Path(folder)) as panel:
        service_id = _deploy_printer(panel)
        container = panel.request("GET", f"/services/{service_id}/containers")["data"][0]["name"]
        readers: dict[str, _Reader] = {
            "docker logs --follow": partial(_docker, container),
            "event stream": partial(_stream, panel, service_id),
            "WebSocket": partial(_socket, panel, service_id),
        }
        rates: dict[str, list[float]] = {name: [] for name in readers}
        for _ in range(options.rounds):
            for name, read in readers.items():
                rates[name].append(_rate(read, options.seconds))
        panel.request("DELETE", f"/services/{service_id}")
    for name, measured in rates.items():
        share = median(measured) / median(rates["docker logs --follow"])
        print(f"  {name:24} {median(measured):8.1f} MB/s {share:8.2f} x docker")


def _deploy_printer(panel: Panel) -> str:
    """Deploy a service whose container prints without end. Return its ID."""
    run = ["/bin/sh", "-c", f"httpd -p 8080 -h /www; exec /bin/busybox yes {'x' * (LINE - 1)}"]
    compose = json.dumps({"services": {"web": {"image": "ai-admin-panel/hello:1", "entrypoint": run}}})
    return panel.deploy({"deploy_method": "compose", "compose": compose})[0]


def _rate(read: _Reader, seconds: float) -> float:
    """Return megabytes per second, measured from the first line."""
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
            while chunk := os.read(reader.stdout.fileno(), 1 << 16):
                yield chunk.count(b"\n")
        finally:
            reader.terminate()


def _stream(panel: Panel, service_id: str) -> Generator[int, None, None]:
    """Yield the numbers of lines received from an event stream."""
    url = f"http://127.0.0.1:{panel.port}/api/services/{service_id}/logs?follow=true&tail=1"
    with httpx.stream("GET", url, headers={"Authorization": f"Bearer {panel.key}"}, timeout=90) as response:
        for chunk in response.iter_bytes():
            yield chunk.count(b"event: line")


def _socket(panel: Panel, service_id: str) -> Generator[int, None, None]:
    """Yield the numbers of lines received from a WebSocket."""
    url, headers = f"ws://127.0.0.1:{panel.port}/api/ws", {"Authorization": f"Bearer {panel.key}"}
    with connect(url, additional_headers=headers, compression=None, max_size=None) as client:
        client.send(json.dumps({"action": "subscribe", "topics": [f"logs:{service_id}"]}))
        while True:
            yield str(client.recv(90)).count('"stream"')


if __name__ == "__main__":
    main()
