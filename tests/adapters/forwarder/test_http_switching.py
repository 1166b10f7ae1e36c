"""HTTP at a switch: the old target completes an exchange that has begun, and the new one gets the next request."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event

import pytest

from domain.adapters.forwarder import Router, proxy_connections
from domain.ports.router import Target

from .peers import SERVICE, Listen, connect, connection_count, eventually

REQUEST = b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CLIENT, TARGET = "client", "target"
QUIET = 0.15  # seconds; three times what counts as idle


@dataclass(frozen=True)
class Exchange:
    """What client and target send, one after the other. Without `keeps_alive`, the target closes at the end."""

    name: str
    steps: tuple[tuple[str, bytes], ...]
    keeps_alive: bool = True
    half_closed: bool = False

    def send(self, steps: tuple[tuple[str, bytes], ...], client: socket.socket, target: socket.socket) -> None:
        """Do some of the steps, and check that all bytes arrive at the other side."""
        for sender, data in steps:
            source, sink = (client, target) if sender == CLIENT else (target, client)
            source.sendall(data)
            assert read(sink, len(data)) == data
            if self.half_closed and sender == CLIENT:
                client.shutdown(socket.SHUT_WR)


def post(head: bytes, *steps: tuple[str, bytes]) -> tuple[tuple[str, bytes], ...]:
    return ((CLIENT, b"POST / HTTP/1.1\r\nHost: shop\r\n" + head + b"\r\n"), *steps)


UPGRADE = b"GET / HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n"
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(REQUEST)
EXCHANGES = [
    Exchange("request and response", ((CLIENT, REQUEST), (TARGET, RESPONSE))),
    Exchange(
        "slow heads",
        (
            *((CLIENT, part) for part in (b"G", b"ET / HT", b"TP/1.1\r\nHost: shop\r\n", b"\r\n")),
            *((TARGET, part) for part in (b"HTTP/1.1 2", b"00 OK\r\nContent-Length: 2\r\n\r", b"\nok")),
        ),
    ),
    Exchange(
        "slow bodies, one of which looks like a request",
        post(LENGTH, (CLIENT, REQUEST), (TARGET, RESPONSE[:-2]), (TARGET, b"o"), (TARGET, b"k")),
    ),
    Exchange(
        "chunked bodies",
        post(
            b"Transfer-Encoding: chunked\r\n",
            (CLIENT, b"1e\r\n" + REQUEST + b"\r\n"),
            (CLIENT, b"0\r\n\r\n"),
            (TARGET, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
            (TARGET, b"2\r\nok\r\n"),
            (TARGET, b"0\r\n\r\n"),
        ),
    ),
    Exchange(
        "a body after 100 Continue",
        post(
            b"Expect: 100-continue\r\n" + LENGTH,
            (TARGET, b"HTTP/1.1 100 Continue\r\n\r\n"),
            (CLIENT, REQUEST),
            (TARGET, RESPONSE),
        ),
    ),
    Exchange(
        "a response before the end of the request",
        post(LENGTH, (CLIENT, REQUEST[:5]), (TARGET, RESPONSE), (CLIENT, REQUEST[5:])),
    ),
    Exchange(
        "HEAD, whose response has no body",
        ((CLIENT, REQUEST.replace(b"GET", b"HEAD")), (TARGET, RESPONSE[:-2])),
    ),
    Exchange("pipelined requests", ((CLIENT, REQUEST + REQUEST), (TARGET, RESPONSE), (TARGET, RESPONSE))),
    Exchange("a refused upgrade", ((CLIENT, UPGRADE % b"h2c"), (TARGET, RESPONSE))),
    Exchange(
        "HTTP/1.0, with a body that ends with the connection",
        ((CLIENT, b"GET / HTTP/1.0\r\n\r\n"), (TARGET, b"HTTP/1.0 200 OK\r\n\r\n"), (TARGET, b"o"), (TARGET, b"k")),
        keeps_alive=False,
    ),
    Exchange(
        "a client that half-closes after its request",
        ((CLIENT, REQUEST), (TARGET, RESPONSE[:-2]), (TARGET, b"ok")),
        keeps_alive=False,
        half_closed=True,
    ),
]
MOMENTS = [(exchange, moment) for exchange in EXCHANGES for moment in range(len(exchange.steps) + 1)]


class Targets:
    """Targets whose connections the test holds, by their names."""

    def __init__(self, raw: Listen) -> None:
        self._raw = raw
        self._done = Event()
        self._connections: dict[str, SimpleQueue[socket.socket]] = {}

    def start(self, name: str) -> Target:
        queue = self._connections[name] = SimpleQueue()

        def hold(connection: socket.socket) -> None:
            queue.put(connection)
            self._done.wait(30)

        return self._raw(hold)

    def connection(self, name: str) -> socket.socket:
        return self._connections[name].get(timeout=10)

    def stop(self) -> None:
        self._done.set()


def read(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size and (part := connection.recv(size - len(received))):
        received += part
    return received


@pytest.mark.parametrize(("exchange", "moment"), MOMENTS, ids=[f"{one.name}, {at}" for one, at in MOMENTS])
def test_the_old_target_completes_an_exchange_that_has_begun(
    forwarder: Router, raw: Listen, monkeypatch: pytest.MonkeyPatch, exchange: Exchange, moment: int
):
    monkeypatch.setattr(proxy_connections, "IDLE_SECONDS", QUIET / 3)
    targets = Targets(raw)
    url = forwarder.switch(SERVICE, "shop", [targets.start("old")])

    def switch() -> None:
        forwarder.switch(SERVICE, "shop", [targets.start("new")])
        forwarder.drain(SERVICE, 10)

    with connect(url) as client, ThreadPoolExecutor(1) as pool:
        target = targets.connection("old")
        exchanged, rest = exchange.steps[:moment], exchange.steps[moment:]
        exchange.send(exchanged, client, target)
        drained = pool.submit(switch)
        time.sleep(QUIET)
        target = target if exchanged else targets.connection("new")
        exchange.send(rest, client, target)
        if exchange.keeps_alive:
            target = targets.connection("new") if exchanged else target
            client.sendall(REQUEST)
            assert read(target, len(REQUEST)) == REQUEST
        else:
            target.shutdown(socket.SHUT_RDWR)
            assert client.recv(1) == b""
        drained.result(5)
        targets.stop()


def test_a_tunnel_stays_with_its_target_whatever_it_carries(forwarder: Router, raw: Listen):
    targets = Targets(raw)
    url = forwarder.switch(SERVICE, "shop", [targets.start("old")])
    with connect(url) as client:
        target, request = targets.connection("old"), UPGRADE % b"websocket"
        client.sendall(request)
        assert read(target, len(request)) == request
        target.sendall(SWITCHING)
        assert read(client, len(SWITCHING)) == SWITCHING
        forwarder.switch(SERVICE, "shop", [targets.start("new")])
        for _ in range(3):
            client.sendall(REQUEST)
            assert read(target, len(REQUEST)) == REQUEST
            target.sendall(RESPONSE)
            assert read(client, len(RESPONSE)) == RESPONSE
        targets.stop()


def test_an_upgrade_that_is_under_way_is_completed_by_the_old_target(forwarder: Router, raw: Listen):
    targets = Targets(raw)
    url = forwarder.switch(SERVICE, "shop", [targets.start("old")])
    with connect(url) as client, ThreadPoolExecutor(1) as pool:
        target, request = targets.connection("old"), UPGRADE % b"websocket"
        client.sendall(request)
        assert read(target, len(request)) == request
        forwarder.switch(SERVICE, "shop", [targets.start("new")])
        drained = pool.submit(forwarder.drain, SERVICE, 10)
        time.sleep(0.5)
        assert not drained.done()
        target.sendall(SWITCHING)
        assert read(client, len(SWITCHING)) == SWITCHING
        assert client.recv(1) == b""  # an idle tunnel ends; its client connects again
        drained.result(5)
        targets.stop()


def test_an_idle_client_of_http_does_not_notice_a_switch(forwarder: Router, raw: Listen):
    targets = Targets(raw)
    url = forwarder.switch(SERVICE, "shop", [targets.start("0")])
    with connect(url) as client:
        for number in range(5):
            target = targets.connection(str(number))
            client.sendall(REQUEST)
            assert read(target, len(REQUEST)) == REQUEST
            target.sendall(RESPONSE)
            assert read(client, len(RESPONSE)) == RESPONSE
            forwarder.switch(SERVICE, "shop", [targets.start(str(number + 1))])
            forwarder.drain(SERVICE, 10)
            target.shutdown(socket.SHUT_RDWR)
        assert connection_count(forwarder) == 1
        targets.stop()
    eventually(lambda: connection_count(forwarder) == 0)
