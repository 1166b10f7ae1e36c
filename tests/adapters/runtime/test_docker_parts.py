"""What needs no engine: reaching, wording, images, subnets, an engine that misbehaves."""

import hashlib
import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from domain.adapters import memory
from domain.adapters.docker import Runtime, hello, networking, reaching, scratch, wording
from domain.errors import Unavailable
from domain.ports.runtime import Container, EngineRefused, ImageMissing
from domain.ports.transactions import held


@contextmanager
def answering(*pieces: bytes, pause: float = 0.0) -> Iterator[tuple[int, list[bytes]]]:
    """A server for one visitor that says these pieces; gives its port and what it was asked."""
    asked: list[bytes] = []
    done = threading.Event()

    def serve() -> None:
        with listener.accept()[0] as peer, suppress(ConnectionError):
            asked.append(peer.recv(4096))
            for piece in pieces:
                peer.sendall(piece)
                done.wait(pause)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1], asked
        finally:
            done.set()
        thread.join()


@pytest.mark.parametrize(
    ("said", "good"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", True),
        (b"HTTP/1.0 204\r\n", True),
        (b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", True),
        (b"HTTP/1.1 100 Continue\r\n\r\n", False),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", False),
        (b"HTTP/1.1 500 Oh\r\n\r\n", False),
        (b"SSH-2.0-OpenSSH\r\n", False),
        (b"HTTP/1.1 2000 OK\r\n", False),
        (b"", False),
        (b"x" * 5000, False),
    ],
)
def test_only_a_good_first_line_is_an_answer(said: bytes, good: bool):
    with answering(said) as (port, _):
        assert reaching.answers("127.0.0.1", port, "/", 2) is good


def test_an_answer_in_pieces_counts_when_it_is_there_in_time():
    with answering(b"HTT", b"P/1.1 2", b"00 OK\r\n", pause=0.05) as (port, _):
        assert reaching.answers("127.0.0.1", port, "/", 5)


def test_a_server_that_drips_does_not_hold_us_beyond_the_time():
    with answering(*[b"H"] * 50, pause=0.1) as (port, _):
        assert not reaching.answers("127.0.0.1", port, "/", 0.4)


def test_a_path_cannot_add_lines_to_the_request():
    with answering(b"HTTP/1.1 200 OK\r\n") as (port, asked):
        assert reaching.answers("127.0.0.1", port, "/a b\r\nEvil: 1?q=ü&x=%20", 2)
    assert asked[0].splitlines()[0] == b"GET /a%20b%0D%0AEvil:%201?q=%C3%BC&x=%20 HTTP/1.1"
    assert not [line for line in asked[0].splitlines() if line.startswith(b"Evil")]


def test_a_container_without_an_address_is_not_reached():
    container = Container("web", "exited", {})
    assert not Runtime("unix:///nobody.sock").accepts(container, 80)
    assert not Runtime("unix:///nobody.sock").answers(container, 80, "/", 1)


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        (b"", ""),
        (b"one", "one"),
        (b"\x1b[1;31mtwo\x1b[0m\x1b]8;;http://x\x07\x00", "two"),
        (b"\xc3\xbc \xff\tthree\r", "ü \ufffd\tthree"),
        (b"x" * 8192, "x" * 8192),
        (b"x" * 9000, "x" * 8191 + "…"),
        ("ü".encode() * 9000, "ü" * 8191 + "…"),
        ("🎉".encode() * 9000, "🎉" * 8191 + "…"),
        (b"\x1b[0m" * 20_000, "…"),
    ],
)
def test_printed_lines_are_harmless_and_not_too_long(printed: bytes, shown: str):
    assert wording.shown(printed) == shown


def test_hello_is_the_same_image_every_time():
    assert hashlib.sha256(hello.hello()).digest() == hashlib.sha256(hello.hello()).digest()


def test_a_busybox_that_is_missing_or_not_static_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for made in (tmp_path / "missing", tmp_path / "script", Path("/bin/ls")):
        if made.name == "script":
            made.write_text("#!/bin/sh\n")
        monkeypatch.setattr(scratch, "BUSYBOX", made)
        with pytest.raises(ImageMissing, match="apt-get install busybox-static"):
            scratch.busybox()


def test_subnets_that_this_host_has_a_route_to_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    table = tmp_path / "route"
    table.write_text(
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t0102000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "br-1\t2000D20A\t00000000\t0001\t0\t0\t0\tE0FFFFFF\t0\t0\t0\n"
    )
    monkeypatch.setattr(networking, "ROUTES", table)
    assert [str(subnet) for subnet in networking.on_host()] == ["10.210.0.32/27"]


def test_the_twin_is_not_called_within_a_transaction():
    with held(), pytest.raises(AssertionError, match="inside a block of the store"):
        memory.Runtime().containers({})


class Engine(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """An engine that has an answer for the version and one prepared answer for anything else."""

    daemon_threads = True
    status = 200
    body = b""
    cut = False


class Answer(BaseHTTPRequestHandler):
    """One request to the prepared engine."""

    server: Engine

    def do_GET(self) -> None:
        version = self.path.endswith("/version")
        self._give(200 if version else 404, json.dumps({"ApiVersion": "1.41", "message": "No such image"}).encode())

    def do_POST(self) -> None:
        self._give(self.server.status, self.server.body, 10 if self.server.cut else 0)

    def _give(self, status: int, body: bytes, more: int = 0) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body) + more))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        """A socket without a name."""
        return "engine"

    def log_message(self, *given: object) -> None:
        """Quiet."""


@pytest.fixture
def prepared(tmp_path: Path) -> Iterator[tuple[Engine, Runtime]]:
    """An engine that can be told what to answer, and a runtime that talks to it."""
    with Engine(f"{tmp_path}/engine.sock", Answer) as engine:
        thread = threading.Thread(target=engine.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield engine, Runtime(f"unix://{tmp_path}/engine.sock")
        engine.shutdown()
        thread.join()


def test_a_disk_that_fills_up_during_a_pull_is_the_engines_refusal(prepared: tuple[Engine, Runtime]):
    engine, runtime = prepared
    engine.body = b'{"status":"Pulling fs layer","id":"a"}\r\n{"error":"write /x: no space left on device"}\r\n'
    with pytest.raises(EngineRefused, match="no space left on device"):
        runtime.pull("web:1", lambda layers: None)


def test_an_engine_that_goes_away_during_a_pull_is_unavailable(prepared: tuple[Engine, Runtime]):
    engine, runtime = prepared
    engine.body, engine.cut = b'{"status":"Pulling fs la', True
    with pytest.raises(Unavailable):
        runtime.pull("web:1", lambda layers: None)


def test_a_disk_that_is_full_at_the_start_is_the_engines_refusal(prepared: tuple[Engine, Runtime]):
    engine, runtime = prepared
    engine.status, engine.body = 500, b'{"message":"mkdir /var/lib/docker/x: no space left on device"}'
    with pytest.raises(EngineRefused, match="no space left on device"):
        runtime.start("web")


def test_what_tell_raises_comes_through_as_it_is(prepared: tuple[Engine, Runtime]):
    def tell(layers: object) -> None:
        raise OSError("the caller's own disk")

    with pytest.raises(OSError, match="own disk"):
        prepared[1].pull("web:1", tell)
