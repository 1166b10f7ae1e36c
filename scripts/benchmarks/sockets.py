"""Measures what telling an event to many sockets costs, beside a bare broadcast of the same bytes by the same library.

Each event is committed to the database by another process, told by Redis, read, judged for each socket and sent; the
peer only sends. Both servers are one process on one core, and the next event comes when everybody has the last one.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from statistics import median

import uvloop
from processes import HERE, PANEL, cpu, environment, leave_a_core, printed, running
from websockets.asyncio.client import ClientConnection, unix_connect

from domain import api_keys, settings
from domain.model.definition import Definition
from domain.model.event import Event
from domain.model.identifiers import new_id
from domain.model.role import Role
from domain.model.service import DeployMethod, Service
from domain.ports import Ports
from handlers.program import wiring
from ws import protocol

REQUEST = (
    "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer {key}\r\n\r\n"
)


@dataclass(frozen=True)
class Figures:
    """CPU microseconds a delivered message, and milliseconds until everybody had an event."""

    cost: float
    delay: float


class Listener(asyncio.Protocol):
    """Counts the bytes after the response to its handshake: to read them would cost more than to send them."""

    def __init__(self, request: str) -> None:
        self._request = request
        self.opened = asyncio.get_running_loop().create_future()
        self.got = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self._request.encode())  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        if self.opened.done():
            self.got += len(data)
            return
        head, _, rest = data.partition(b"\r\n\r\n")
        assert b" 101 " in head.split(b"\r\n")[0], head
        self.got = len(rest)
        self.opened.set_result(None)


def main() -> None:
    """Rounds of both in turn; nothing is asserted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=2000)
    parser.add_argument("--events", type=int, default=40, help="in one round")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    core = leave_a_core()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    words = f"{options.sockets} sockets, {options.events} events a round, {options.rounds} rounds"
    print(f"Python {python_version()}, websockets {version('websockets')}; {words}", flush=True)
    with tempfile.TemporaryDirectory(prefix="bench") as folder, ExitStack() as stack:
        ours, peers = uvloop.run(_measured(stack, Path(folder), core, options))
    _tell(ours, peers)


async def _measured(
    stack: ExitStack, folder: Path, core: int, options: argparse.Namespace
) -> tuple[list[Figures], list[Figures]]:
    given = environment(folder, PANEL_RUNTIME="memory", PANEL_REDIS_URL=_redis(stack, str(folder / "redis")))
    ports = wiring.open_ports(settings.read(given))
    stack.callback(ports.store.close)
    stack.callback(ports.notifier.close)
    key, service = api_keys.create_unbounded_key(ports, "bench", Role.ADMIN), _service(ports)
    panel_path, peer_path = folder / "ws.sock", folder / "peer.sock"
    panel = stack.enter_context(running([PANEL, "ws"], given, panel_path.exists, core))
    command = [sys.executable, str(HERE / "broadcast_peer.py"), str(peer_path)]
    peer = stack.enter_context(running(command, given, peer_path.exists, core))
    ours, peers = [], []
    for _ in range(options.rounds):
        told: list[Event] = []
        with _listening(options.sockets) as listeners:
            await listeners.open(panel_path, REQUEST.format(path=protocol.PATH, key=key))
            tell = partial(_changed, ports, service, told)
            ours.append(await _figures(panel, listeners, options.events, tell))
        with _listening(options.sockets) as listeners:
            await listeners.open(peer_path, REQUEST.format(path="/", key=key))
            async with unix_connect(str(peer_path), "ws://localhost/publish", compression=None) as publisher:
                tell = partial(_published, publisher, iter([protocol.event(event) for event in told]))
                peers.append(await _figures(peer, listeners, options.events, tell))
    return ours, peers


def _redis(stack: ExitStack, folder: str) -> str:
    script = str(HERE.parent / "redis")
    stack.callback(subprocess.run, [script, "stop", folder], check=True)
    return printed([script, folder], os.environ).strip()


def _service(ports: Ports) -> Service:
    now = ports.clock.now()
    service = Service(new_id("svc"), "bench", DeployMethod.IMAGE, Definition("services: {}"), now, now)
    with ports.store.begin() as work:
        work.services.add(service)
    return service


async def _changed(ports: Ports, service: Service, told: list[Event]) -> int:
    """One more event; the bytes that it takes on the wire."""
    with ports.store.begin() as work:
        work.services.save(service)
    with ports.store.read() as work:
        (event,) = work.events.after(work.events.bounds()[1] - 1, 1)
    told.append(event)
    return _framed(protocol.event(event))


async def _published(publisher: ClientConnection, texts: Iterator[str]) -> int:
    text = next(texts)
    await publisher.send(text)
    return _framed(text)


def _framed(text: str) -> int:
    return len(text.encode()) + (2 if len(text.encode()) < 126 else 4)


class Listeners:
    """Many listeners at one server."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._all: list[Listener] = []
        self._transports: list[asyncio.Transport] = []

    async def open(self, path: Path, request: str) -> None:
        """Returns when all are open and their greeting has come."""
        for _ in range(self._number):
            transport, listener = await asyncio.get_running_loop().create_unix_connection(
                lambda: Listener(request), str(path)
            )
            await listener.opened
            self._all.append(listener)
            self._transports.append(transport)
        await asyncio.sleep(1)
        for listener in self._all:
            listener.got = 0

    async def have(self, size: int) -> None:
        """Returns when each got so many bytes."""
        while any(listener.got < size for listener in self._all):
            await asyncio.sleep(0.001)

    def close(self) -> None:
        """Hang up."""
        for transport in self._transports:
            transport.abort()


@contextmanager
def _listening(number: int) -> Iterator[Listeners]:
    listeners = Listeners(number)
    yield listeners
    listeners.close()


async def _figures(pid: int, listeners: Listeners, events: int, tell: Callable[[], Awaitable[int]]) -> Figures:
    delays, size, before = [], 0, cpu(pid)
    for _ in range(events):
        start = time.perf_counter()
        size += await tell()
        await listeners.have(size)
        delays.append(1000 * (time.perf_counter() - start))
    used = cpu(pid) - before
    return Figures(1e6 * used / events / len(listeners._all), median(delays))


def _tell(ours: list[Figures], peers: list[Figures]) -> None:
    print(f"{'':24} {'CPU µs / message':>18} {'all have it after ms':>22}")
    for name, figures in (("panel", ours), ("websockets.broadcast", peers)):
        cost, delay = median(one.cost for one in figures), median(one.delay for one in figures)
        print(f"  {name:22} {cost:18.1f} {delay:22.1f}")
    ratio = median(own.cost / peer.cost for own, peer in zip(ours, peers, strict=True))
    print(json.dumps({"panel_by_broadcast_cpu": round(ratio, 2)}))


if __name__ == "__main__":
    main()
