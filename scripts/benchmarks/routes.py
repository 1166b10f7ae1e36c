"""Measure what forwarding costs: requests to a target directly, and through the route of a service.

The target is a small server in a process of its own. CPU is that of the forwarding process.
"""

import argparse
import asyncio
import http.client
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvloop
from load import Load
from processes import cpu_seconds, reserve_core

from domain.adapters.forwarder import Router
from domain.adapters.forwarder.port_leases import ServicePorts
from domain.ports.router import Target

_RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000
_PORTS = range(28_000, 28_100)
_CONNECTIONS = 8


class _Responder(asyncio.Protocol):
    """Responds to each piece of data, which is one request."""

    def connection_made(self, transport: asyncio.WriteTransport) -> None:  # type: ignore[override]  # a TCP transport
        """Keep the transport."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Send the response."""
        del data
        self._transport.write(_RESPONSE)


async def _serve_target() -> None:
    server = await asyncio.get_running_loop().create_server(_Responder, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def _serve_route(folder: str, port: int) -> None:
    router = Router(Path(folder), "127.0.0.1", "127.0.0.1", ports=ServicePorts(_PORTS))
    router.start()
    print(router.switch("svc_bench", "bench", [Target("127.0.0.1", port)]).rpartition(":")[2], flush=True)
    sys.stdin.read()
    router.stop()


@contextmanager
def _start(*arguments: str) -> Iterator[tuple[int, int]]:
    """Run a part of this module as a process; yield its ID and the port that it prints."""
    command = [sys.executable, __file__, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        try:
            yield child.pid, int(child.stdout.readline())
        finally:
            child.kill()


def _new_connections(port: int, seconds: float) -> int:
    """Return how many requests were made, each on a connection of its own."""
    until, number = time.perf_counter() + seconds, 0
    while time.perf_counter() < until:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", "/")
        connection.getresponse().read()
        connection.close()
        number += 1
    return number


def _keep_alive(port: int, seconds: float) -> int:
    return Load("GET", "/").run(port, "", _CONNECTIONS, seconds).succeeded


def main() -> None:
    """Run rounds of both in turn and print the best of each, which other processes have disturbed least."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    reserve_core()
    with (
        tempfile.TemporaryDirectory(prefix="bench") as folder,
        _start("target") as (_, direct),
        _start("route", folder, str(direct)) as (pid, routed),
    ):
        for name, measure in (("keep-alive", _keep_alive), ("new connections", _new_connections)):
            rates, costs = [], []
            for _ in range(options.rounds):
                rate = measure(direct, options.seconds)
                before = cpu_seconds(pid)
                number = measure(routed, options.seconds)
                costs.append(1_000_000 * (cpu_seconds(pid) - before) / number)
                rates.append((number / options.seconds, rate / options.seconds))
            through, direct_rate = max(rates)
            print(f"{name:16} {min(costs):6.1f} us CPU a request, {through:7.0f}/s; directly {direct_rate:7.0f}/s")


if __name__ == "__main__":
    if sys.argv[1:2] == ["target"]:
        uvloop.run(_serve_target())
    elif sys.argv[1:2] == ["route"]:
        _serve_route(sys.argv[2], int(sys.argv[3]))
    else:
        main()
