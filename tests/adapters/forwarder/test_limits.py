"""Bounds of the forwarder: the size of heads, time, and the number of connections."""

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.adapters.forwarder import Router, proxy_connections
from domain.adapters.forwarder.http_exchange import MAX_HEAD
from domain.identity.connection_limits import ConnectionLimits

from .peers import SERVICE, Listen, Serve, connect, connection_count, eventually, get, read_all, sink

HEAD = b"GET / HTTP/1.1\r\nHost: shop\r\n"
CONNECTIONS = 30


@pytest.fixture
def few(tmp_path: Path) -> Iterator[Router]:
    """A router that allows a few connections."""
    limits = ConnectionLimits("the forwarder", CONNECTIONS, CONNECTIONS)
    router = Router(tmp_path / "few", "127.0.0.1", "127.0.0.1", limits=limits)
    router.start()
    yield router
    router.stop()


def padding(size: int) -> bytes:
    return (b"a: " + b"b" * 59 + b"\r\n") * (size // 64)


@pytest.mark.parametrize(
    "parts",
    [
        [HEAD + padding(MAX_HEAD) + b"\r\n"],
        [HEAD, *[padding(1024)] * 33],
        [HEAD + b"a: ", *[b"b" * 1024] * 40],
        [HEAD + b"\r\n", HEAD + padding(MAX_HEAD) + b"\r\n"],
    ],
    ids=["at once", "many headers", "one header", "after a request"],
)
def test_a_head_above_32_kib_is_refused_with_431(forwarder: Router, web: Serve, parts: list[bytes]):
    url = forwarder.switch(SERVICE, "shop", [web("a").target])
    with connect(url) as client, contextlib.suppress(BrokenPipeError):
        for part in parts:
            client.sendall(part)
            time.sleep(0.02)
    with connect(url) as client:
        client.sendall(b"".join(parts))
        assert b"HTTP/1.1 431 " in read_all(client)


def test_a_large_head_below_the_limit_reaches_the_target(forwarder: Router, web: Serve):
    url = forwarder.switch(SERVICE, "shop", [web("a").target])
    with connect(url) as client:
        client.sendall(HEAD + b"Connection: close\r\n" + b"a: %s\r\n" % (b"b" * (MAX_HEAD - 512)))
        time.sleep(0.1)
        client.sendall(b"\r\n")
        assert read_all(client).endswith(b"\r\n\r\na")


def test_a_body_that_follows_the_end_of_a_head_is_not_counted(forwarder: Router, raw: Listen):
    size = 500_000

    def read_body(target: socket.socket) -> None:
        received = 0
        while received < size:
            received += len(target.recv(65536))
        target.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with connect(forwarder.switch(SERVICE, "shop", [raw(read_body)])) as client:
        client.sendall(HEAD + b"Content-Length: %d\r\n" % size)
        time.sleep(0.1)
        client.sendall(b"\r\n" + b"x" * size)
        assert client.recv(12) == b"HTTP/1.1 204"


def test_a_slow_head_or_body_gets_408(forwarder: Router, raw: Listen, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(proxy_connections, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(proxy_connections, "BODY_SECONDS", 0.3)
    url = forwarder.switch(SERVICE, "shop", [raw(sink)])
    for sent in (HEAD, HEAD + b"Content-Length: 5\r\n\r\n1"):
        with connect(url) as client:
            client.sendall(sent)
            assert read_all(client).startswith(b"HTTP/1.1 408 ")


def test_silent_and_idle_connections_are_closed(forwarder: Router, web: Serve, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(proxy_connections, "SILENT_SECONDS", 0.3)
    monkeypatch.setattr(proxy_connections, "KEEP_ALIVE_SECONDS", 0.3)
    url = forwarder.switch(SERVICE, "shop", [web("a").target])
    with connect(url) as silent, connect(url) as idle:
        idle.sendall(HEAD + b"\r\n")
        assert read_all(idle).endswith(b"a")
        assert read_all(silent) == b""
    eventually(lambda: connection_count(forwarder) == 0)


def test_a_request_that_is_answered_slowly_is_not_idle(forwarder: Router, web: Serve, monkeypatch: pytest.MonkeyPatch):
    for limit in ("SILENT_SECONDS", "HEAD_SECONDS", "BODY_SECONDS", "KEEP_ALIVE_SECONDS"):
        monkeypatch.setattr(proxy_connections, limit, 0.1)
    assert get(forwarder.switch(SERVICE, "shop", [web("a").target]), "/1.5") == "a"


def test_silent_connections_keep_no_client_away(few: Router, web: Serve):
    url = few.switch(SERVICE, "shop", [web("a").target])
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(connect(url)) for _ in range(3 * CONNECTIONS)]
        assert [get(url) for _ in range(5)] == ["a"] * 5
        assert connection_count(few) <= CONNECTIONS
        silent[-1].sendall(HEAD + b"\r\n")
        assert silent[-1].recv(12) == b"HTTP/1.1 200"


def test_a_running_request_is_not_cut_for_new_connections(few: Router, raw: Listen):
    def answer_late(target: socket.socket) -> None:
        if target.recv(65536):
            time.sleep(1)
            target.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    url = few.switch(SERVICE, "shop", [raw(answer_late)])
    with connect(url) as client, contextlib.ExitStack() as stack:
        client.sendall(HEAD + b"\r\n")
        time.sleep(0.2)
        for _ in range(2 * CONNECTIONS):
            stack.enter_context(connect(url))
        assert client.recv(12) == b"HTTP/1.1 200"
