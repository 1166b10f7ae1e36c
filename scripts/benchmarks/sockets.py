"""Measure the cost of an event for many WebSockets, compared with a bare broadcast of the same bytes.

For the panel, another process commits each event to the database and Redis notifies the server, which reads the event,
checks the permissions of each client and sends it. The peer only sends. Each server is one process on one core. The
next event follows when all clients have received the last one.
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
from processes import HERE, PANEL, command_output, cpu_seconds, environment, reserve_core, start_process
from websockets.asyncio.client import ClientConnection, unix_connect

from domain import api_keys, settings
from domain.model.definition import Definition
from domain.model.event import Event
from domain.model.identifiers import new_id
from domain.model.role import Role
from domain.model.service import DeployMethod, Service
from domain.ports import Ports
from handlers.edge.event_tail import event_message
from handlers.program import wiring
from ws import protocol

REQUEST = (
    "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer {key}\r\n\r\n"
)


@dataclass(frozen=True)
class Figures:
    """CPU microseconds per delivered message, and milliseconds until all clients have received an event."""

    cost: float
    latency: float


class Listener(asyncio.Protocol):
    """Counts the bytes after the handshake's response. Parsing them would cost more than sending them."""

    def __init__(self, request: str) -> None:
        self._request = request
        self.handshake = asyncio.get_running_loop().create_future()
        self.received = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self._request.encode())  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        if self.handshake.done():
            self.received += len(data)
            return
        head, _, rest = data.partition(b"\r\n\r\n")
        assert b" 101 " in head.split(b"\r\n")[0], head
        self.received = len(rest)
        self.handshake.set_result(None)


def main() -> None:
    """Run rounds of both servers in turn and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=2000)
    parser.add_argument("--events", type=int, default=40, help="per round")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    core = reserve_core()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    conditions = f"{options.sockets} WebSockets, {options.events} events per round, {options.rounds} rounds"
    print(f"Python {python_version()}, websockets {version('websockets')}; {conditions}", flush=True)
    with tempfile.TemporaryDirectory(prefix="bench") as folder, ExitStack() as stack:
        ours, peers = uvloop.run(_measure(stack, Path(folder), core, options))
    _print(ours, peers)


async def _measure(
    stack: ExitStack, folder: Path, core: int, options: argparse.Namespace
) -> tuple[list[Figures], list[Figures]]:
    given = environment(folder, PANEL_RUNTIME="memory", PANEL_REDIS_URL=_redis(stack, str(folder / "redis")))
    ports = wiring.open_ports(settings.read(given))
    stack.callback(ports.store.close)
    stack.callback(ports.notifier.close)
    key, service = api_keys.create_unbounded_key(ports, "bench", Role.ADMIN), _service(ports)
    panel_path, peer_path = folder / "ws.sock", folder / "peer.sock"
    panel = stack.enter_context(start_process([PANEL, "ws"], given, panel_path.exists, core))
    command = [sys.executable, str(HERE / "broadcast_peer.py"), str(peer_path)]
    peer = stack.enter_context(start_process(command, given, peer_path.exists, core))
    ours, peers = [], []
    for _ in range(options.rounds):
        events_sent: list[Event] = []
        with _open_listeners(options.sockets) as listeners:
            await listeners.open(panel_path, REQUEST.format(path=protocol.PATH, key=key))
            send = partial(_change_service, ports, service, events_sent)
            ours.append(await _figures(panel, listeners, options.events, send))
        with _open_listeners(options.sockets) as listeners:
            await listeners.open(peer_path, REQUEST.format(path="/", key=key))
            async with unix_connect(str(peer_path), "ws://localhost/publish", compression=None) as publisher:
                send = partial(_publish, publisher, iter([event_message(event).text for event in events_sent]))
                peers.append(await _figures(peer, listeners, options.events, send))
    return ours, peers


def _redis(stack: ExitStack, folder: str) -> str:
    script = str(HERE.parent / "redis")
    stack.callback(subprocess.run, [script, "stop", folder], check=True)
    return command_output([script, folder], os.environ).strip()


def _service(ports: Ports) -> Service:
    now = ports.clock.now()
    service = Service(new_id("svc"), "bench", DeployMethod.IMAGE, Definition("services: {}"), now, now)
    with ports.store.begin() as work:
        work.services.add(service)
    return service


async def _change_service(ports: Ports, service: Service, events_sent: list[Event]) -> int:
    """Commit a change that causes an event. Return the size of its WebSocket frame in bytes."""
    with ports.store.begin() as work:
        work.services.save(service)
    with ports.store.read() as work:
        (event,) = work.events.after(work.events.bounds()[1] - 1, 1)
    events_sent.append(event)
    return _frame_size(event_message(event).text)


async def _publish(publisher: ClientConnection, texts: Iterator[str]) -> int:
    text = next(texts)
    await publisher.send(text)
    return _frame_size(text)


def _frame_size(text: str) -> int:
    return len(text.encode()) + (2 if len(text.encode()) < 126 else 4)


class Listeners:
    """Many listeners of one server."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._all: list[Listener] = []
        self._transports: list[asyncio.Transport] = []

    async def open(self, path: Path, request: str) -> None:
        """Open all connections and wait until their first messages have arrived."""
        for _ in range(self._number):
            transport, listener = await asyncio.get_running_loop().create_unix_connection(
                lambda: Listener(request), str(path)
            )
            await listener.handshake
            self._all.append(listener)
            self._transports.append(transport)
        await asyncio.sleep(1)
        for listener in self._all:
            listener.received = 0

    async def wait_for(self, size: int) -> None:
        """Wait until each listener has received `size` bytes."""
        while any(listener.received < size for listener in self._all):
            await asyncio.sleep(0.001)

    def close(self) -> None:
        """Close all connections."""
        for transport in self._transports:
            transport.abort()


@contextmanager
def _open_listeners(number: int) -> Iterator[Listeners]:
    listeners = Listeners(number)
    yield listeners
    listeners.close()


async def _figures(pid: int, listeners: Listeners, events: int, send: Callable[[], Awaitable[int]]) -> Figures:
    latencies, size, before = [], 0, cpu_seconds(pid)
    for _ in range(events):
        start = time.perf_counter()
        size += await send()
        await listeners.wait_for(size)
        latencies.append(1000 * (time.perf_counter() - start))
    used = cpu_seconds(pid) - before
    return Figures(1e6 * used / events / len(listeners._all), median(latencies))


def _print(ours: list[Figures], peers: list[Figures]) -> None:
    print(f"{'':24} {'CPU µs / message':>18} {'received by all, ms':>22}")
    for name, figures in (("panel", ours), ("websockets.broadcast", peers)):
        cost, latency = median(figure.cost for figure in figures), median(figure.latency for figure in figures)
        print(f"  {name:22} {cost:18.1f} {latency:22.1f}")
    ratio = median(own.cost / peer.cost for own, peer in zip(ours, peers, strict=True))
    print(json.dumps({"panel_by_broadcast_cpu": round(ratio, 2)}))


if __name__ == "__main__":
    main()
