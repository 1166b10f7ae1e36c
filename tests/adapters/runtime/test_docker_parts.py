"""Parts of the Docker adapter that need no engine, and engines that misbehave."""

import hashlib
import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from domain.adapters import memory
from domain.adapters.docker import Runtime, hello, networking, scratch, wording
from domain.errors import Unavailable
from domain.ports.runtime import EngineRefused, ImageMissing
from domain.ports.transactions import open_transaction


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


def test_the_in_memory_runtime_refuses_calls_inside_a_transaction():
    with open_transaction(), pytest.raises(AssertionError, match="inside a transaction"):
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
