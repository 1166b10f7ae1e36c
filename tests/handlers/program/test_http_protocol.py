"""Bounds of HTTP connections: the size of heads, time, pipelined requests, and the number of connections."""

import json
import logging
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest

from domain.identity.connection_limits import ConnectionLimits
from handlers.program import http_protocol, http_server
from handlers.program.http_protocol import MAX_HEAD
from tests.http_server import serve_http
from tests.panel import Panel
from tests.process import Process, until

HEAD = b"GET /api/health HTTP/1.1\r\nHost: panel\r\n"
POST = b"POST /api/v1/api-keys HTTP/1.1\r\nHost: panel\r\nContent-Type: application/json\r\nContent-Length: 20\r\n"
CONNECTIONS = 30


@pytest.fixture
def url(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server with short time limits."""
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 1.0)
    monkeypatch.setattr(http_protocol, "BODY_SECONDS", 1.0)
    with serve_http(panel.app, panel.ports) as base:
        yield base


def connect(url: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=20)


def responses(connection: socket.socket) -> list[tuple[int, str]]:
    """Return the status and the error's code of each response until the panel closes."""
    received = b"".join(iter(lambda: connection.recv(65536), b""))
    parts = [part.partition(b"\r\n\r\n") for part in received.split(b"HTTP/1.1 ")[1:]]
    return [(int(head[:3]), json.loads(body).get("error", {}).get("code", "")) for head, _, body in parts]


def assert_cut(connection: socket.socket, data: bytes = b"", times: int = 0) -> None:
    """Send, then read, and assert that the panel cuts the connection meanwhile."""
    try:
        for _ in range(times):
            connection.sendall(data)
        while connection.recv(1 << 20):
            pass
    except (ConnectionResetError, BrokenPipeError):
        return
    raise AssertionError("the connection was not cut")


def padding(size: int) -> bytes:
    """Return headers of this size in all."""
    return (b"a: " + b"b" * 59 + b"\r\n") * (size // 64)


def test_a_head_of_nearly_32_kib_is_read(url: str) -> None:
    with connect(url) as connection:
        connection.sendall(HEAD + padding(MAX_HEAD - 512) + b"\r\n")
        assert connection.recv(12) == b"HTTP/1.1 200"


@pytest.mark.parametrize(
    "parts",
    [
        [HEAD + padding(MAX_HEAD) + b"\r\n"],
        [HEAD, *[padding(1024)] * 33],
        [HEAD + b"a: ", *[b"b" * 1024] * 40],
        [b"GET /" + b"a" * 20_000, b"a" * 20_000],
    ],
    ids=["at once", "many headers", "one header", "path"],
)
def test_a_larger_head_is_refused_with_431(url: str, parts: list[bytes]) -> None:
    with connect(url) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(0.005)
        assert responses(connection) == [(431, "too_large")]


def test_200_mb_of_headers_use_no_memory(url: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with connect(url) as connection, suppress(OSError):
        connection.sendall(HEAD)
        for _ in range(3000):
            connection.sendall(b"a: b\r\n" * 11_000)
        assert responses(connection) == [(431, "too_large")]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 10_000  # KiB


@pytest.mark.parametrize("begin", [HEAD, HEAD + b"\r\n" + HEAD], ids=["first", "after a response"])
def test_a_head_that_comes_slowly_gets_408(url: str, begin: bytes) -> None:
    with connect(url) as connection:
        connection.sendall(begin)
        start = time.monotonic()
        assert responses(connection)[-1] == (408, "request_timeout")
        assert time.monotonic() - start < 10


@pytest.mark.parametrize("sent", [b"", b"\r\n\r\n"], ids=["silent", "empty lines"])
def test_a_connection_without_a_request_is_closed(url: str, sent: bytes) -> None:
    with connect(url) as connection:
        connection.sendall(sent)
        assert connection.recv(1) == b""


def test_a_body_that_comes_slowly_gets_408(panel: Panel, url: str) -> None:
    with connect(url) as connection:
        connection.sendall(POST + f"Authorization: Bearer {panel.admin}\r\n\r\n{{".encode())
        assert responses(connection) == [(408, "request_timeout")]


def test_a_client_that_does_not_read_is_disconnected(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "STALL_SECONDS", 0.5)
    limits = ConnectionLimits("the API", CONNECTIONS, CONNECTIONS)
    monkeypatch.setattr(http_server, "ConnectionLimits", lambda *_: limits)
    with serve_http(panel.app, panel.ports) as url, connect(url) as connection:
        connection.sendall(b"GET /api/docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: panel\r\n\r\n" * 10)
        until(lambda: not limits.count, 20, "the connection is closed")


def test_too_many_pipelined_requests_are_refused(url: str) -> None:
    with connect(url) as connection:
        assert_cut(connection, (HEAD + b"\r\n") * 1000, 1000)


def test_with_too_many_connections_the_longest_silent_one_is_closed(
    panel: Panel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(http_server, "max_connections", lambda _files: CONNECTIONS)
    with caplog.at_level(logging.WARNING), serve_http(panel.app, panel.ports) as url, ExitStack() as stack:
        silent = [stack.enter_context(connect(url)) for _ in range(CONNECTIONS)]
        assert httpx.get(f"{url}/api/health").status_code == 200
        assert silent[0].recv(1) == b""
        silent[-1].sendall(HEAD + b"\r\n")
        assert silent[-1].recv(12) == b"HTTP/1.1 200"
    assert [record.getMessage() for record in caplog.records if "connections" in record.getMessage()] == [
        f"the API closes connections: all {CONNECTIONS} connections are open; "
        "raise the limit on open files (ulimit -n) to allow more"
    ]


def test_the_panel_answers_with_256_files_and_400_silent_connections(tmp_path: Path) -> None:
    process = Process(tmp_path, "", settings={"PANEL_RUNTIME": "memory"}, open_files=256)
    with ExitStack() as stack:
        process.start()
        stack.callback(process.kill)
        silent = [socket.create_connection(("127.0.0.1", process.port), timeout=20) for _ in range(400)]
        for connection in silent:
            stack.enter_context(connection)
        for _ in range(5):
            process.ask("GET", "/health")
            process.ask("POST", "/v1/api-keys", {"name": "ci", "role": "viewer"}, expect=201)
    assert "Traceback" not in process.log()
