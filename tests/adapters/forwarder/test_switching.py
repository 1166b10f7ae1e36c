"""Switches under load, and connections to earlier targets."""

import contextlib
import http.client
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

import pytest

from domain.adapters.forwarder import Router

from .peers import (
    NOWHERE,
    SERVICE,
    Listen,
    Serve,
    connect,
    connection_count,
    echo,
    eventually,
    get,
    port_of,
    read_all,
    sink,
)


class Visitor(Thread):
    """Sends requests continuously, and records responses and failures."""

    def __init__(self, url: str, *, keep_alive: bool, path: str = "/") -> None:
        super().__init__()
        self.url, self.keep_alive, self.path = url, keep_alive, path
        self.stopped = Event()
        self.answers: list[str] = []
        self.failures: list[str] = []
        self.connections = 0
        self.start()

    def run(self) -> None:
        connection = self.fresh()
        while not self.stopped.is_set():
            try:
                connection.request("GET", self.path)
                self.answers.append(connection.getresponse().read().decode())
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
                connection = self.fresh()
            if not self.keep_alive:
                connection.close()
                connection = self.fresh()
            self.stopped.wait(0.002)
        connection.close()

    def fresh(self) -> http.client.HTTPConnection:
        self.connections += 1
        return http.client.HTTPConnection("127.0.0.1", port_of(self.url), timeout=20)


def test_fifty_switches_fail_no_request_while_each_old_target_is_killed(forwarder: Router, web: Serve):
    server = web("0")
    url = forwarder.switch(SERVICE, "shop", [server.target])
    visitors = [
        Visitor(url, keep_alive=False),
        Visitor(url, keep_alive=True),
        Visitor(url, keep_alive=True, path="/0.1"),
    ]
    for number in range(1, 51):
        old, server = server, web(str(number))
        forwarder.switch(SERVICE, "shop", [server.target])
        forwarder.drain(SERVICE, 10)
        old.die()
    assert get(url) == "50"
    for visitor in visitors:
        visitor.stopped.set()
        visitor.join()
    assert [visitor.failures for visitor in visitors] == [[], [], []]
    for visitor in visitors:
        assert [int(answer) for answer in visitor.answers] == sorted(int(answer) for answer in visitor.answers)
        assert len(set(visitor.answers)) > 15
    assert visitors[1].connections == 1


def test_every_connection_after_a_switch_goes_to_the_new_target(forwarder: Router, web: Serve):
    servers = [web("a"), web("b")]
    url = forwarder.switch(SERVICE, "shop", [servers[0].target])
    for number in range(200):
        forwarder.switch(SERVICE, "shop", [servers[number % 2].target])
        assert get(url) == "ab"[number % 2]


def test_a_running_request_is_finished_by_the_old_target(forwarder: Router, web: Serve):
    old, new = web("old"), web("new")
    url = forwarder.switch(SERVICE, "shop", [old.target])
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(get, url, "/0.4")
        eventually(lambda: old.open)
        time.sleep(0.05)
        forwarder.switch(SERVICE, "shop", [new.target])
        forwarder.drain(SERVICE, 10)
        old.die()
        assert answer.result(20) == "old"


def test_an_idle_connection_ends_with_a_fin_soon_after_the_switch(forwarder: Router, raw: Listen):
    url = forwarder.switch(SERVICE, "shop", [raw(echo)])
    with connect(url) as visitor:
        visitor.sendall(b"hello")
        assert visitor.recv(100) == b"hello"
        forwarder.switch(SERVICE, "shop", [raw(echo)])
        start = time.monotonic()
        forwarder.drain(SERVICE, 30)
        assert time.monotonic() - start < 10
        assert visitor.recv(100) == b""
        assert visitor.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    eventually(lambda: connection_count(forwarder) == 0)


def test_a_connection_with_an_outstanding_response_is_closed_after_the_timeout(forwarder: Router, raw: Listen):
    url = forwarder.switch(SERVICE, "shop", [raw(sink)])
    with connect(url) as visitor:
        visitor.sendall(b"hello")
        time.sleep(0.1)
        forwarder.switch(SERVICE, "shop", [raw(sink)])
        start = time.monotonic()
        forwarder.drain(SERVICE, 1)
        assert 0.9 < time.monotonic() - start < 10
        assert visitor.recv(100) == b""


def test_a_download_with_a_slow_reader_is_not_taken_for_idle(forwarder: Router, raw: Listen):
    size = 20_000_000
    url = forwarder.switch(SERVICE, "shop", [raw(lambda target: target.sendall(b"x" * size))])
    with connect(url) as visitor, ThreadPoolExecutor(1) as pool:
        visitor.recv(1)
        forwarder.switch(SERVICE, "shop", [NOWHERE])
        drained = pool.submit(forwarder.drain, SERVICE, 30)
        time.sleep(0.8)
        assert not drained.done()
        assert len(read_all(visitor)) == size - 1
        drained.result(20)


def test_a_connection_without_traffic_is_moved_to_the_new_target(forwarder: Router, web: Serve):
    old, new = web("old"), web("new")
    url = forwarder.switch(SERVICE, "shop", [old.target])
    visitor = http.client.HTTPConnection("127.0.0.1", port_of(url), timeout=20)
    with contextlib.closing(visitor):
        visitor.connect()
        eventually(lambda: old.open)
        forwarder.switch(SERVICE, "shop", [new.target])
        forwarder.drain(SERVICE, 10)
        old.die()
        time.sleep(0.4)
        visitor.request("GET", "/")
        assert visitor.getresponse().read() == b"new"


def test_a_connection_that_is_not_http_stays_with_its_target(forwarder: Router, raw: Listen):
    answer_old = raw(lambda target: [target.sendall(b"old") for _ in iter(lambda: target.recv(100), b"")])
    answer_new = raw(lambda target: [target.sendall(b"new") for _ in iter(lambda: target.recv(100), b"")])
    url = forwarder.switch(SERVICE, "shop", [answer_old])
    with connect(url) as visitor:
        for _ in range(3):
            visitor.sendall(b"LOGIN me\r\n")
            assert visitor.recv(100) == b"old"
            forwarder.switch(SERVICE, "shop", [answer_new])
        # Not even words that look like a request move it.
        visitor.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert visitor.recv(100) == b"old"


def test_a_server_that_sends_first_keeps_its_connection(forwarder: Router, raw: Listen):
    def greet(target: socket.socket) -> None:
        target.sendall(b"220 old\r\n")
        echo(target)

    url = forwarder.switch(SERVICE, "shop", [raw(greet)])
    with connect(url) as visitor:
        assert visitor.recv(100) == b"220 old\r\n"
        forwarder.switch(SERVICE, "shop", [NOWHERE])
        visitor.sendall(b"EHLO x\r\n")
        assert visitor.recv(100) == b"EHLO x\r\n"


def test_closing_a_route_ends_its_connections_and_shuts_its_port(forwarder: Router, raw: Listen):
    url = forwarder.switch(SERVICE, "shop", [raw(echo)])
    with connect(url) as visitor:
        visitor.sendall(b"hello")
        assert visitor.recv(100) == b"hello"
        with ThreadPoolExecutor(1) as pool:
            closed = pool.submit(forwarder.close, SERVICE)
            assert visitor.recv(100) == b""
            visitor.close()
            closed.result(20)
    with pytest.raises(ConnectionRefusedError):
        connect(url)
