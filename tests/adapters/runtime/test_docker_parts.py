"""Parts of the Docker adapter that need no engine, and engines that misbehave."""

import hashlib
import json
import socketserver
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from domain.adapters import memory
from domain.adapters.docker import Runtime, hello_image, networks, output_text, scratch_image
from domain.errors import Unavailable
from domain.ports.runtime import (
    EngineRefused,
    ImageMissing,
    RegistryRateLimited,
    RegistryRefused,
    RegistryUnavailable,
)
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
def test_output_loses_control_characters_and_is_limited_in_length(printed: bytes, shown: str):
    assert output_text.safe_text(printed) == shown


def test_the_hello_image_is_built_reproducibly():
    assert hashlib.sha256(hello_image.hello_archive()).digest() == hashlib.sha256(hello_image.hello_archive()).digest()


def test_a_missing_or_dynamic_busybox_is_reported_with_the_next_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for program in (tmp_path / "missing", tmp_path / "script", Path("/bin/ls")):
        if program.name == "script":
            program.write_text("#!/bin/sh\n")
        monkeypatch.setattr(scratch_image, "BUSYBOX", program)
        with pytest.raises(ImageMissing, match="apt-get install busybox-static"):
            scratch_image.busybox()


def test_subnets_in_the_routing_table_of_this_host_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    table = tmp_path / "route"
    table.write_text(
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t0102000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "br-1\t2000D20A\t00000000\t0001\t0\t0\t0\tE0FFFFFF\t0\t0\t0\n"
    )
    monkeypatch.setattr(networks, "ROUTES", table)
    assert [str(subnet) for subnet in networks.host_subnets()] == ["10.210.0.32/27"]


def test_the_in_memory_runtime_refuses_calls_inside_a_transaction():
    with open_transaction(), pytest.raises(AssertionError, match="inside a transaction"):
        memory.Runtime().containers({})


class Engine(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """A fake engine with one response for all POST requests. `cut` ends the response early."""

    daemon_threads = True
    status = 200
    body = b""
    cut = False


class Handler(BaseHTTPRequestHandler):
    """A request to the fake engine, whose version is 1.41 and which has no images."""

    server: Engine

    def do_GET(self) -> None:
        version = self.path.endswith("/version")
        self._respond(200 if version else 404, json.dumps({"ApiVersion": "1.41", "message": "No such image"}).encode())

    def do_POST(self) -> None:
        self._respond(self.server.status, self.server.body, 10 if self.server.cut else 0)

    def _respond(self, status: int, body: bytes, missing: int = 0) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body) + missing))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        """Replace the address, which a Unix socket does not have."""
        return "engine"

    def log_message(self, *arguments: object) -> None:
        """Log nothing."""


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[tuple[Engine, Runtime]]:
    """A fake engine, and a runtime that uses it."""
    with Engine(f"{tmp_path}/engine.sock", Handler) as engine:
        thread = threading.Thread(target=engine.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        with closing(Runtime(f"unix://{tmp_path}/engine.sock")) as runtime:
            yield engine, runtime
        engine.shutdown()
        thread.join()


def test_a_full_disk_during_a_pull_is_refused_by_the_engine(fake: tuple[Engine, Runtime]):
    engine, runtime = fake
    engine.body = b'{"status":"Pulling fs layer","id":"a"}\r\n{"error":"write /x: no space left on device"}\r\n'
    with pytest.raises(EngineRefused, match="The engine's disk is full"):
        runtime.pull("web:1", lambda layers: None)


@pytest.mark.parametrize(
    ("message", "fault", "words"),
    [
        (
            "manifest for web:1 not found: manifest unknown: manifest unknown",
            ImageMissing,
            "docker.io has no image web:1",
        ),
        ("pull access denied for web, repository does not exist or may require 'docker login'", ImageMissing, "login"),
        ("Head https://registry/v2/: no basic auth credentials", RegistryRefused, "denies access"),
        ("unauthorized: authentication required", RegistryRefused, "denies access"),
        ("toomanyrequests: You have reached your pull rate limit.", RegistryRateLimited, "Try again later"),
        ("Get http://10.0.0.7:80/v2/: dial tcp 10.0.0.7:80: connect: refused", RegistryUnavailable, "does not answer"),
        (
            "error parsing HTTP 200 response body: invalid character: SECRET OF THE INSIDE",
            RegistryUnavailable,
            "answer",
        ),
    ],
)
@pytest.mark.parametrize("status", [200, 500])
def test_a_failed_pull_has_a_code_and_the_words_of_the_panel(
    fake: tuple[Engine, Runtime], caplog: pytest.LogCaptureFixture, status: int, message: str, fault: type, words: str
):
    engine, runtime = fake
    engine.status = status
    engine.body = json.dumps({"message" if status == 500 else "error": message}).encode()
    with pytest.raises(fault, match=words) as failure:
        runtime.pull("web:1", lambda layers: None)
    assert message not in str(failure.value)
    assert "10.0.0.7" not in str(failure.value)
    assert message in caplog.text, "the operator finds what the engine said"


@pytest.mark.parametrize("status", [200, 500])
def test_the_answer_of_a_registry_is_cut_when_it_comes_in(
    fake: tuple[Engine, Runtime], caplog: pytest.LogCaptureFixture, status: int
):
    engine, runtime = fake
    engine.status = status
    engine.body = b'{"error":"manifest unknown: ' + b"x" * 20_000_000 + b'"}\n{"status":"end"}\n'
    tracemalloc.start()
    try:
        with pytest.raises(ImageMissing):
            runtime.pull("web:1", lambda layers: None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000
    assert len(caplog.text) < 10_000


def test_an_engine_that_disappears_during_a_pull_is_unavailable(fake: tuple[Engine, Runtime]):
    engine, runtime = fake
    engine.body, engine.cut = b'{"status":"Pulling fs la', True
    with pytest.raises(Unavailable):
        runtime.pull("web:1", lambda layers: None)


def test_a_full_disk_at_a_start_is_refused_by_the_engine(fake: tuple[Engine, Runtime]):
    engine, runtime = fake
    engine.status, engine.body = 500, b'{"message":"mkdir /var/lib/docker/x: no space left on device"}'
    with pytest.raises(EngineRefused, match="no space left on device"):
        runtime.start("web")


def test_an_exception_of_the_progress_callback_is_not_translated(fake: tuple[Engine, Runtime]):
    def progress(layers: object) -> None:
        raise OSError("the caller's own disk")

    with pytest.raises(OSError, match="own disk"):
        fake[1].pull("web:1", progress)
