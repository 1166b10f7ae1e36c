"""Send one request repeatedly, in a separate process.

`load.py PORT CONNECTIONS SECONDS <request` prints a LoadResult as JSON.
"""

import asyncio
import json
import os
import re
import sys
import time
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import uvloop
from processes import command_output

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


@dataclass(frozen=True)
class LoadResult:
    """Successful responses per second, the numbers of successful and failed ones, and their median latency in ms."""

    rate: float
    succeeded: int
    failed: int
    latency: float


@dataclass(frozen=True)
class Load:
    """A request of the API."""

    method: str
    path: str
    body: dict[str, Any] | None = None

    def run(self, port: int, key: str, connections: int, seconds: float) -> LoadResult:
        """Send the request for `seconds` over `connections`, each sending the next one after a response."""
        command = [sys.executable, __file__, str(port), str(connections), str(seconds)]
        result = LoadResult(**json.loads(command_output(command, os.environ, self._request(key))))
        if result.failed or not result.succeeded:
            raise SystemExit(f"{self.path}: {result.failed} requests failed, {result.succeeded} succeeded")
        return result

    def _request(self, key: str) -> bytes:
        body = json.dumps(self.body).encode() if self.body else b""
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
        lines += [f"Authorization: Bearer {key}", "Content-Type: application/json"]
        return "\r\n".join([*lines, "", ""]).encode() + body


class Connection(asyncio.Protocol):
    """A connection that sends the next request after each response, until the time is over."""

    def __init__(self, request: bytes, until: float) -> None:
        self.failed = 0
        self.latencies: list[float] = []
        self.done = asyncio.get_running_loop().create_future()
        self._request = request
        self._until = until
        self._buffer = b""

    def connection_made(self, transport: asyncio.WriteTransport) -> None:  # type: ignore[override]  # a TCP transport
        """Send the first request."""
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Send the next request when the response is complete."""
        self._buffer += data
        head, _, body = self._buffer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head + b"\r\n")
        if length is None or len(body) < int(length[1]):
            return
        self._buffer = b""
        if head.startswith(b"HTTP/1.1 2"):
            self.latencies.append(time.perf_counter() - self._sent_at)
        else:
            self.failed += 1
        if time.perf_counter() < self._until:
            self._send()
        else:
            self._transport.close()
            self.done.set_result(None)


async def _load(port: int, number: int, seconds: float, request: bytes) -> LoadResult:
    loop, began = asyncio.get_running_loop(), time.perf_counter()
    opened = [
        await loop.create_connection(lambda: Connection(request, began + seconds), "127.0.0.1", port)
        for _ in range(number)
    ]
    connections = [connection for _, connection in opened]
    await asyncio.gather(*(connection.done for connection in connections))
    took = time.perf_counter() - began
    latencies = [latency for connection in connections for latency in connection.latencies]
    failed = sum(connection.failed for connection in connections)
    return LoadResult(len(latencies) / took, len(latencies), failed, 1000 * median(latencies or [0.0]))


if __name__ == "__main__":
    target, number, duration = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    print(json.dumps(asdict(uvloop.run(_load(target, number, duration, sys.stdin.buffer.read())))))
