"""A load: one request asked again and again, by a process of its own.

`load.py PORT CONNECTIONS SECONDS <request` tells as JSON how often it was answered well, and after how long.
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
from processes import printed

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


@dataclass(frozen=True)
class Told:
    """Answers a second, how many there were, and the median of milliseconds that they took."""

    rate: float
    answered: int
    refused: int
    delay: float


@dataclass(frozen=True)
class Load:
    """One request of the API."""

    method: str
    path: str
    body: dict[str, Any] | None = None

    def offered(self, port: int, key: str, connections: int, seconds: float) -> Told:
        """Ask for so long over so many connections, each as soon as it is answered."""
        command = [sys.executable, __file__, str(port), str(connections), str(seconds)]
        told = Told(**json.loads(printed(command, os.environ, self._request(key))))
        if told.refused or not told.answered:
            raise SystemExit(f"{self.path} was refused {told.refused} times and answered {told.answered} times")
        return told

    def _request(self, key: str) -> bytes:
        body = json.dumps(self.body).encode() if self.body else b""
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
        lines += [f"Authorization: Bearer {key}", "Content-Type: application/json"]
        return "\r\n".join([*lines, "", ""]).encode() + body


class Visitor(asyncio.Protocol):
    """One connection that asks again as soon as it is answered, until its time is over."""

    def __init__(self, request: bytes, until: float) -> None:
        self.refused = 0
        self.delays: list[float] = []
        self.done = asyncio.get_running_loop().create_future()
        self._request = request
        self._until = until
        self._seen = b""

    def connection_made(self, transport: asyncio.WriteTransport) -> None:  # type: ignore[override]  # TCP has it
        """Ask for the first time."""
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._asked = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Ask again when the answer is whole."""
        self._seen += data
        head, _, body = self._seen.partition(b"\r\n\r\n")
        length = _LENGTH.search(head + b"\r\n")
        if length is None or len(body) < int(length[1]):
            return
        self._seen = b""
        if head.startswith(b"HTTP/1.1 2"):
            self.delays.append(time.perf_counter() - self._asked)
        else:
            self.refused += 1
        if time.perf_counter() < self._until:
            self._ask()
        else:
            self._transport.close()
            self.done.set_result(None)


async def _load(port: int, connections: int, seconds: float, request: bytes) -> Told:
    loop, began = asyncio.get_running_loop(), time.perf_counter()
    made = [
        await loop.create_connection(lambda: Visitor(request, began + seconds), "127.0.0.1", port)
        for _ in range(connections)
    ]
    visitors = [visitor for _, visitor in made]
    await asyncio.gather(*(one.done for one in visitors))
    took = time.perf_counter() - began
    delays = [delay for one in visitors for delay in one.delays]
    refused = sum(one.refused for one in visitors)
    return Told(len(delays) / took, len(delays), refused, 1000 * median(delays or [0.0]))


if __name__ == "__main__":
    where, visitors, lasting = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    print(json.dumps(asdict(uvloop.run(_load(where, visitors, lasting, sys.stdin.buffer.read())))))
