"""Real connections through the forwarder: data, ends, backpressure and load."""

import asyncio
import contextlib
import os
import socket
import time
from concurrent.futures import Future
from pathlib import Path
from threading import Event

import pytest

from domain.adapters.forwarder import Router, proxy_connections
from domain.ports.router import Target

from .peers import (
    NOWHERE,
    SERVICE,
    Listen,
    Serve,
    connect,
    connection_count,
    eventually,
    get,
    port_of,
    read_all,
)


def test_clients_reach_all_targets_in_turn(forwarder: Router, web: Serve):
    url = forwarder.switch(SERVICE, "shop", [web(name).target for name in "abc"])
    assert sorted(get(url) for _ in range(9)) == list("aaabbbccc")


def test_a_target_that_refuses_is_skipped(forwarder: Router, web: Serve):
    url = forwarder.switch(SERVICE, "shop", [NOWHERE, web("a").target, NOWHERE])
    assert [get(url) for _ in range(6)] == ["a"] * 6


@pytest.mark.parametrize("targets", [[], [NOWHERE], [NOWHERE, Target("127.0.0.1", 2)]])
def test_connections_are_closed_at_once_if_no_target_accepts_them(forwarder: Router, targets: list[Target]):
    url = forwarder.switch(SERVICE, "shop", targets)
    start = time.monotonic()
    with connect(url) as visitor:
        visitor.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert read_all(visitor) == b""
    assert time.monotonic() - start < 5
    eventually(lambda: connection_count(forwarder) == 0)


def test_the_end_of_the_client_is_passed_on_and_the_response_still_arrives(forwarder: Router, raw: Listen):
    url = forwarder.switch(SERVICE, "shop", [raw(lambda target: target.sendall(read_all(target).upper()))])
    with connect(url) as visitor:
        visitor.sendall(b"quiet" * 100_000)
        visitor.shutdown(socket.SHUT_WR)
        assert read_all(visitor) == b"QUIET" * 100_000
    eventually(lambda: connection_count(forwarder) == 0)


def test_the_end_of_the_target_is_passed_on_and_the_client_can_still_send(forwarder: Router, raw: Listen):
    heard: Future[bytes] = Future()

    def greet(target: socket.socket) -> None:
        target.sendall(b"hello")
        target.shutdown(socket.SHUT_WR)
        heard.set_result(read_all(target))

    url = forwarder.switch(SERVICE, "shop", [raw(greet)])
    with connect(url) as visitor:
        assert read_all(visitor) == b"hello"
        visitor.sendall(b"word" * 100_000)
    assert heard.result(20) == b"word" * 100_000
    eventually(lambda: connection_count(forwarder) == 0)


def test_a_client_that_sends_and_ends_before_the_target_is_connected_loses_nothing(forwarder: Router, raw: Listen):
    url = forwarder.switch(SERVICE, "shop", [raw(lambda target: target.sendall(read_all(target)))])
    for _ in range(50):
        with connect(url) as visitor:
            visitor.sendall(b"x" * 1000)
            visitor.shutdown(socket.SHUT_WR)
            assert read_all(visitor) == b"x" * 1000


def test_a_half_open_connection_without_traffic_is_closed(
    forwarder: Router, raw: Listen, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(proxy_connections, "HALF_OPEN_SECONDS", 0.2)
    hold = Event()
    url = forwarder.switch(SERVICE, "shop", [raw(lambda _: hold.wait(20))])
    with connect(url) as ending, connect(url):
        ending.shutdown(socket.SHUT_WR)
        eventually(lambda: connection_count(forwarder) == 1)
        time.sleep(0.6)
        assert connection_count(forwarder) == 1
    hold.set()


def test_a_slow_reader_slows_the_target_and_uses_no_memory(forwarder: Router, raw: Listen):
    size, block, sent = 200_000_000, b"x" * 100_000, [0]

    def pour(target: socket.socket) -> None:
        while sent[0] < size:
            target.sendall(block)
            sent[0] += len(block)

    url = forwarder.switch(SERVICE, "shop", [raw(pour)])
    with connect(url) as visitor:
        visitor.settimeout(30)
        before, most, received, view = memory(), 0, 0, memoryview(bytearray(1 << 18))
        time.sleep(1)
        assert sent[0] < 30_000_000
        while count := visitor.recv_into(view):
            received += count
            most = max(most, memory())
    assert received == size
    assert most - before < 20_000_000


def memory() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_slow_target_slows_the_client(forwarder: Router, raw: Listen):
    go, total = Event(), Future[int]()

    def sip(target: socket.socket) -> None:
        go.wait(20)
        total.set_result(len(read_all(target)))

    url = forwarder.switch(SERVICE, "shop", [raw(sip)])
    with connect(url) as visitor:
        visitor.settimeout(1)
        with pytest.raises(TimeoutError):
            visitor.sendall(b"x" * 60_000_000)
        go.set()
    assert 0 < total.result(20) < 60_000_000


def test_a_thousand_parallel_connections_are_served_and_leave_nothing_behind(forwarder: Router):
    async def talk() -> int:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write((await reader.readline()).upper())
            await reader.read()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024)
        target = Target("127.0.0.1", server.sockets[0].getsockname()[1])
        url = await asyncio.to_thread(forwarder.switch, SERVICE, "shop", [target])
        pairs = [await asyncio.open_connection("127.0.0.1", port_of(url)) for _ in range(1000)]
        for number, (_, writer) in enumerate(pairs):
            writer.write(b"visitor %d\n" % number)
        answers = [await reader.readline() for reader, _ in pairs]
        assert answers == [b"VISITOR %d\n" % number for number in range(1000)]
        together = connection_count(forwarder)
        for _, writer in pairs:
            writer.close()
            await writer.wait_closed()
        server.close()
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
        return together

    files = len(os.listdir("/proc/self/fd"))
    assert asyncio.run(talk()) == 1000
    eventually(lambda: connection_count(forwarder) == 0)
    assert forwarder._loop
    tasks = asyncio.all_tasks(forwarder._loop)
    assert len(tasks) <= 1  # the one that looks for changes
    eventually(lambda: len(os.listdir("/proc/self/fd")) <= files + 3)


def test_clients_that_disconnect_while_a_target_is_connected_leave_nothing_behind(forwarder: Router):
    silent = socket.create_server(("127.0.0.1", 0), backlog=0)
    with silent, contextlib.ExitStack() as full:
        target = Target("127.0.0.1", silent.getsockname()[1])
        for _ in range(4):  # the backlog is full from here on, and connecting takes for ever
            filler = full.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", target.port))
        url = forwarder.switch(SERVICE, "shop", [target])
        for _ in range(20):
            connect(url).close()
        with connect(url):
            eventually(lambda: connection_count(forwarder) >= 1)
    forwarder.close(SERVICE)
    assert forwarder._loop
    eventually(lambda: forwarder._loop and len(asyncio.all_tasks(forwarder._loop)) <= 1)
