"""Pulls from registries that misbehave, by the real engine."""

import hashlib
import io
import json
import logging
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise

import pytest
from docker.errors import NotFound

from domain.adapters.docker.scratch import Scratch
from domain.ports.runtime import ImageMissing, Layers
from tests.engine import Images
from tests.runtime_setup import RuntimeSetup

pytestmark = pytest.mark.engine
DOCKER = "application/vnd.docker"
MANIFEST = f"{DOCKER}.distribution.manifest.v2+json"


class Cancelled(Exception):  # noqa: N818 - it is a wish
    """What the caller raises to end a pull."""


def _blobs() -> list[bytes]:
    """Configuration and layer of an image that no engine has seen before; a layer of hashes compresses badly."""
    noise = "".join(hashlib.sha256(f"{time.time()}{number}".encode()).hexdigest() for number in range(20_000))
    archive = Scratch("any/any:1", {"noise": noise.encode()}).archive()
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        parts = [tar.extractfile(name) for name in sorted(tar.getnames()) if name != "manifest.json"]
        return [part.read() for part in parts if part]


def _sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Registry(ThreadingHTTPServer):
    """A registry with one image. `stalls` names the part in whose middle it waits for `goes_on`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.stalls: str | None = None
        self.status = 200
        self.asked: list[str] = []
        self.goes_on = threading.Event()
        self.repository = f"127.0.0.1:{self.server_address[1]}/any/any"
        self.blobs = {_sha256(blob): blob for blob in _blobs()}
        kinds = (f"{DOCKER}.container.image.v1+json", f"{DOCKER}.image.rootfs.diff.tar")
        config, layer = (
            {"mediaType": kind, "size": len(blob), "digest": digest}
            for kind, (digest, blob) in zip(kinds, self.blobs.items(), strict=True)
        )
        described = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]}
        self.manifest = json.dumps(described).encode()


class Answer(BaseHTTPRequestHandler):
    """One request to the registry."""

    server: Registry
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.path == "/v2/":
            self._give(b"{}", "")
        elif self.server.status != 200:
            self._head(self.server.status, 0)
        elif "/manifests/" in self.path:
            self._give(self.server.manifest, "manifest", MANIFEST)
        else:
            blob = self.server.blobs[self.path.rpartition("/")[2]]
            self._give(blob, "layer" if len(blob) > 10_000 else "config")

    do_HEAD = do_GET  # noqa: N815 - the library calls it so

    def _head(self, status: int, length: int, kind: str = "application/octet-stream") -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": length, "WWW-Authenticate": "Basic"}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.flush()

    def _give(self, body: bytes, part: str, kind: str = "application/octet-stream") -> None:
        stalls = self.server.stalls == part
        if stalls and part == "manifest":
            self.server.goes_on.wait()
        self._head(200, len(body), kind)
        if self.command == "HEAD":
            return
        half = len(body) // 2
        with suppress(ConnectionError):
            self.wfile.write(body[:half])
            if stalls:
                self.server.goes_on.wait()
            self.wfile.write(body[half:])

    def log_message(self, *given: object) -> None:
        """Quiet."""


@pytest.fixture
def hosted() -> Iterator[Registry]:
    """The registry, on a port of loopback."""
    with Registry() as registry:
        thread = threading.Thread(target=registry.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield registry
        registry.goes_on.set()
        registry.shutdown()
        thread.join()


def test_layers_and_bytes_are_told_as_they_come(real: RuntimeSetup, hosted: Registry):
    hosted.stalls = "layer"
    told: list[Layers | None] = []

    def tell(layers: Layers | None) -> None:
        told.append(layers)
        if layers and layers.bytes_done:
            hosted.goes_on.set()

    image = real.runtime.pull(f"{hosted.repository}:1", tell)
    assert image.digest == f"{hosted.repository}@{_sha256(hosted.manifest)}"
    halfway = next(layers for layers in told if layers and layers.bytes_done)
    assert (halfway.done, halfway.known) == (0, 1)
    assert 0 < halfway.bytes_done < halfway.bytes_known == max(len(blob) for blob in hosted.blobs.values())
    assert Layers(1, 1, halfway.bytes_known, halfway.bytes_known) in told


@pytest.mark.parametrize("part", ["manifest", "layer"])
def test_a_hanging_pull_tells_twice_a_second_and_a_cancel_ends_it_at_the_engine(
    real: RuntimeSetup, images: Images, hosted: Registry, part: str
):
    hosted.stalls = part
    at: list[float] = []

    def tell(layers: Layers | None) -> None:
        at.append(time.monotonic())
        if len(at) == 5:
            raise Cancelled

    with pytest.raises(Cancelled):
        real.runtime.pull(f"{hosted.repository}:1", tell)
    assert time.monotonic() - at[-1] < 2
    assert max(later - earlier for earlier, later in pairwise(at)) < 0.6
    hosted.goes_on.set()  # what comes now is what a pull that goes on would have taken
    for _ in range(15):
        time.sleep(0.1)
        with pytest.raises(NotFound):
            images.client.inspect_image(f"{hosted.repository}:1")


@pytest.mark.parametrize(
    ("status", "words"), [(401, "no basic auth|denied|unauthorized"), (404, "."), (429, "."), (500, ".")]
)
def test_a_registry_that_refuses_makes_the_image_missing_in_its_words(
    real: RuntimeSetup, hosted: Registry, status: int, words: str
):
    hosted.status = status
    with pytest.raises(ImageMissing, match=words):
        real.runtime.pull(f"{hosted.repository}:1", lambda layers: None)


def test_without_its_registry_the_copy_of_the_engine_is_used_and_the_log_says_so(
    real: RuntimeSetup, images: Images, caplog: pytest.LogCaptureFixture
):
    reference = "127.0.0.1:1/gone/web:1"
    identity = images.load(reference)
    with caplog.at_level(logging.WARNING):
        assert real.runtime.pull(reference, lambda layers: None).digest == identity
    assert "127.0.0.1:1/gone/web:1" in caplog.text
    assert "connection refused" in caplog.text


def test_without_registry_and_copy_the_image_is_missing(real: RuntimeSetup):
    with pytest.raises(ImageMissing, match="connection refused"):
        real.runtime.pull("127.0.0.1:1/nobody/web:1", lambda layers: None)


def test_a_digest_that_the_engine_holds_is_not_asked_for(real: RuntimeSetup, hosted: Registry):
    digest = real.runtime.pull(f"{hosted.repository}:1", lambda layers: None).digest
    hosted.asked.clear()
    hosted.status = 500
    assert real.runtime.pull(digest, lambda layers: None).digest == digest
    assert not hosted.asked


def test_a_tag_that_moved_brings_the_new_image_and_the_old_digest_still_starts(real: RuntimeSetup, images: Images):
    reference = images.push("moving:1", {"www/version": b"one"})
    old = real.runtime.pull(reference, lambda layers: None).digest
    images.push("moving:1", {"www/version": b"two"})
    new = real.runtime.pull(reference, lambda layers: None).digest
    assert old != new
    for digest, word in ((old, "one"), (new, "two")):
        spec = replace(real.spec(word, command=("cat", "/www/version")), image=digest)
        real.runtime.create(spec)
        real.runtime.start(spec.name)
        real.wait_exited(spec.name)
        assert real.runtime.logs(spec.name, 1) == [word]
