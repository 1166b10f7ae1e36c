"""A load generator.

`load.py PORT CONNECTIONS SECONDS <request` sends the request again and again, and tells as JSON how often it was
answered with 200.
"""

import asyncio
import json
import re
import sys
import time

import uvloop

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


class Visitor(asyncio.Protocol):
    """One connection that asks again as soon as it is answered."""

    answered = refused = 0

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._seen = b""

    def connection_made(self, transport: asyncio.WriteTransport) -> None:  # type: ignore[override]  # TCP has it
        """Ask for the first time."""
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Ask again when the answer is whole."""
        self._seen += data
        head, _, body = self._seen.partition(b"\r\n\r\n")
        length = _LENGTH.search(head + b"\r\n")
        if length is None or len(body) < int(length[1]):
            return
        self._seen = b""
        if head.startswith(b"HTTP/1.1 200 "):
            self.answered += 1
        else:
            self.refused += 1
        self._transport.write(self._request)


async def _load(port: int, connections: int, seconds: float, request: bytes) -> dict[str, float]:
    loop = asyncio.get_running_loop()
    began = time.monotonic()
    made = [await loop.create_connection(lambda: Visitor(request), "127.0.0.1", port) for _ in range(connections)]
    await asyncio.sleep(seconds)
    took = time.monotonic() - began
    for transport, _ in made:
        transport.abort()
    visitors = [visitor for _, visitor in made]
    return {
        "answered": sum(one.answered for one in visitors),
        "refused": sum(one.refused for one in visitors),
        "seconds": took,
    }


if __name__ == "__main__":
    print(
        json.dumps(uvloop.run(_load(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.stdin.buffer.read())))
    )
