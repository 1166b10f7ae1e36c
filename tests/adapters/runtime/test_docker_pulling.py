"""Pulls from registries that misbehave, by the real engine."""

import hashlib
import io
import json
import logging
import select
import tarfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from engine import Images
from stage import Stage

from domain.adapters.docker.scratch import Scratch
from domain.ports import ImageMissing, Layers

pytestmark = pytest.mark.engine
DOCKER = "application/vnd.docker"


class Cancelled(Exception):  # noqa: N818 - it is a wish
    """What the caller raises to end a pull."""


@dataclass
class Registry:
    """A registry with one image, that stops in the middle of the manifest or of the layer, or refuses."""

    stalls: str | None = None
    status: int = 200
    port: int = 0
    asked: list[str] = field(default_factory=list)
    goes_on: threading.Event = field(default_factory=threading.Event)
    left: threading.Event = field(default_factory=threading.Event)
    blobs: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Hexadecimal of a hash does not compress, and another port makes it another layer.
        noise = "".join(hashlib.sha256(f"{time.time()}{number}".encode()).hexdigest() for number in range(20_000))
        made = tarfile.open(fileobj=io.BytesIO(Scratch("any/any:1", {"noise": noise.encode()}).archive()))
        parts = [made.extractfile(name) for name in sorted(made.getnames()) if name != "manifest.json"]
        config, layer = (part.read() for part in parts if part)
        self.blobs = {f"sha256:{hashlib.sha256(blob).hexdigest()}": blob for blob in (config, layer)}
        kinds = (f"{DOCKER}.container.image.v1+json", f"{DOCKER}.image.rootfs.diff.tar")
        described = [
            {"mediaType": kind, "size": len(blob), "digest": digest}
            for kind, (digest, blob) in zip(kinds, self.blobs.items(), strict=True)
        ]
        kind = f"{DOCKER}.distribution.manifest.v2+json"
        manifest = {"schemaVersion": 2, "mediaType": kind, "config": described[0], "layers": described[1:]}
        self.manifest = json.dumps(manifest).encode()

    @property
    def reference(self) -> str:
        """The image here."""
        return f"127.0.0.1:{self.port}/any/any:1"


def _handler(registry: Registry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """One request."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # noqa: N802 - the library's name
            registry.asked.append(self.path)
            if self.path == "/v2/":
                self.answer(b"{}")
            elif registry.status != 200:
                self.send_response(registry.status)
                self.send_header("WWW-Authenticate", 'Basic realm="private"')
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif "/manifests/" in self.path:
                self.answer(registry.manifest, "manifest", f"{DOCKER}.distribution.manifest.v2+json")
            else:
                blob = registry.blobs[self.path.rpartition("/")[2]]
                self.answer(blob, "layer" if len(blob) > 10_000 else "config")

        do_HEAD = do_GET  # noqa: N815

        def answer(self, body: bytes, part: str = "", kind: str = "application/octet-stream") -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Docker-Content-Digest", f"sha256:{hashlib.sha256(body).hexdigest()}")
            if registry.stalls != part:
                self.end_headers()
                self.wfile.write(b"" if self.command == "HEAD" else body)
                return
            if part == "layer":
                self.end_headers()
                self.wfile.write(body[: len(body) // 2])
                self.wfile.flush()
            if self.stalled():
                self.wfile.write(body[len(body) // 2 :])

        def stalled(self) -> bool:
            """Wait until the test says go on (True), or the engine hangs up."""
            while not registry.goes_on.is_set():
                if select.select([self.connection], [], [], 0.05)[0] and not self.connection.recv(1):
                    registry.left.set()
                    return False
            return True

        def log_message(self, *given: object) -> None:
            """Quiet."""

    return Handler


@pytest.fixture
def hosted() -> Iterator[Registry]:
    """The registry, on a port of loopback."""
    registry = Registry()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(registry))
    registry.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield registry
    registry.goes_on.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_layers_and_bytes_are_told_as_they_come(real: Stage, hosted: Registry):
    hosted.stalls = "layer"
    told: list[Layers | None] = []

    def tell(layers: Layers | None) -> None:
        told.append(layers)
        if layers and layers.bytes_done:
            hosted.goes_on.set()

    image = real.runtime.pull(hosted.reference, tell)
    assert image.digest == f"127.0.0.1:{hosted.port}/any/any@sha256:{hashlib.sha256(hosted.manifest).hexdigest()}"
    halfway = next(layers for layers in told if layers and layers.bytes_done)
    assert (halfway.done, halfway.known) == (0, 1)
    assert 0 < halfway.bytes_done < halfway.bytes_known == max(len(blob) for blob in hosted.blobs.values())
    assert Layers(1, 1, halfway.bytes_known, halfway.bytes_known) in told


@pytest.mark.parametrize("part", ["manifest", "layer"])
def test_a_hanging_pull_tells_twice_a_second_and_a_cancel_ends_it_at_the_engine(
    real: Stage, hosted: Registry, part: str
):
    hosted.stalls = part
    at: list[float] = []

    def tell(layers: Layers | None) -> None:
        at.append(time.monotonic())
        if len(at) == 5:
            raise Cancelled

    with pytest.raises(Cancelled):
        real.runtime.pull(hosted.reference, tell)
    assert time.monotonic() - at[-1] < 2
    assert max(later - earlier for earlier, later in zip(at, at[1:], strict=False)) < 0.5
    assert hosted.left.wait(5)


@pytest.mark.parametrize(
    ("status", "words"), [(401, "no basic auth|denied|unauthorized"), (404, "."), (429, "."), (500, ".")]
)
def test_a_registry_that_refuses_makes_the_image_missing_in_its_words(
    real: Stage, hosted: Registry, status: int, words: str
):
    hosted.status = status
    with pytest.raises(ImageMissing, match=words):
        real.runtime.pull(hosted.reference, lambda layers: None)


def test_without_its_registry_the_copy_of_the_engine_is_used_and_the_log_says_so(
    real: Stage, images: Images, caplog: pytest.LogCaptureFixture
):
    reference = "127.0.0.1:1/gone/web:1"
    identity = images.load(reference)
    with caplog.at_level(logging.WARNING):
        assert real.runtime.pull(reference, lambda layers: None).digest == identity
    assert "127.0.0.1:1/gone/web:1" in caplog.text
    assert "connection refused" in caplog.text


def test_without_registry_and_copy_the_image_is_missing(real: Stage):
    with pytest.raises(ImageMissing, match="connection refused"):
        real.runtime.pull("127.0.0.1:1/nobody/web:1", lambda layers: None)


def test_a_digest_that_the_engine_holds_is_not_asked_for(real: Stage, hosted: Registry):
    digest = real.runtime.pull(hosted.reference, lambda layers: None).digest
    hosted.asked.clear()
    hosted.status = 500
    assert real.runtime.pull(digest, lambda layers: None).digest == digest
    assert not hosted.asked


def test_a_tag_that_moved_brings_the_new_image_and_the_old_digest_still_starts(real: Stage, images: Images):
    reference = images.push("moving:1", {"www/version": b"one"})
    old = real.runtime.pull(reference, lambda layers: None).digest
    images.push("moving:1", {"www/version": b"two"})
    new = real.runtime.pull(reference, lambda layers: None).digest
    assert old != new
    for digest, word in ((old, "one"), (new, "two")):
        spec = replace(real.spec(word, command=("cat", "/www/version")), image=digest)
        real.runtime.create(spec)
        real.runtime.start(spec.name)
        real.ended(spec.name)
        assert real.runtime.logs(spec.name, 1) == [word]
