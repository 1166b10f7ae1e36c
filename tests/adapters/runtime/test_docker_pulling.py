"""Pulls by the real engine: progress, cancelling, credentials, and registries that misbehave."""

import base64
import hashlib
import io
import json
import logging
import socket
import subprocess
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import pytest
from docker.errors import NotFound

from domain.adapters.docker.scratch_image import ScratchImage
from domain.adapters.sockets import Prober
from domain.ports.router import Target
from domain.ports.runtime import (
    ImageMissing,
    Layers,
    PullFailed,
    RegistryCredentials,
    RegistryRateLimited,
    RegistryRefused,
    RegistryUnavailable,
)
from tests.engine import Images
from tests.runtime_setup import RuntimeSetup

pytestmark = pytest.mark.engine
DOCKER = "application/vnd.docker"
MANIFEST = f"{DOCKER}.distribution.manifest.v2+json"
ERRORS = {401: "UNAUTHORIZED", 404: "MANIFEST_UNKNOWN", 429: "TOOMANYREQUESTS"}
PASSWORD = "s3cret pass"
HTPASSWD = "ann:$2b$04$ZKSVFdAtYrkn4s7ULHdEQengEWle74KVtrbVL.WL52xYrOBEXKa8K\n"
"""The bcrypt hash of PASSWORD, in the format of htpasswd."""


class Cancelled(Exception):  # noqa: N818 - not an error
    """Raised by the progress callback to abort a pull."""


def _blobs() -> list[bytes]:
    """Build configuration and layer of an image that no engine has. A layer of hashes does not compress well."""
    noise = "".join(hashlib.sha256(f"{time.time()}{number}".encode()).hexdigest() for number in range(20_000))
    archive = ScratchImage("any/any:1", {"noise": noise.encode()}).archive()
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        parts = [tar.extractfile(name) for name in sorted(tar.getnames()) if name != "manifest.json"]
        return [part.read() for part in parts if part]


def _sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Registry(ThreadingHTTPServer):
    """A registry with one image.

    It waits for `resume` in the middle of the part that `stalls` names. Other statuses than 200 refuse all requests
    for the image. With `authorization`, it demands this header.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.stalls: str | None = None
        self.status = 200
        self.requests: list[str] = []
        self.authorization: str | None = None
        self.challenge = "Basic"
        self.resume = threading.Event()
        self.repository = f"127.0.0.1:{self.server_address[1]}/any/any"
        self.blobs = {_sha256(blob): blob for blob in _blobs()}
        kinds = (f"{DOCKER}.container.image.v1+json", f"{DOCKER}.image.rootfs.diff.tar")
        config, layer = (
            {"mediaType": kind, "size": len(blob), "digest": digest}
            for kind, (digest, blob) in zip(kinds, self.blobs.items(), strict=True)
        )
        described = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]}
        self.manifest = json.dumps(described).encode()


class Handler(BaseHTTPRequestHandler):
    """A request to the registry."""

    server: Registry
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        if self.server.authorization not in (None, self.headers["Authorization"]):
            self._head(401, 0)
        elif self.path == "/v2/":
            self._respond(b"{}", "")
        elif self.server.status != 200:
            self._refuse(self.server.status)
        elif "/manifests/" in self.path:
            self._respond(self.server.manifest, "manifest", MANIFEST)
        else:
            blob = self.server.blobs[self.path.rpartition("/")[2]]
            self._respond(blob, "layer" if len(blob) > 10_000 else "config")

    do_HEAD = do_GET  # noqa: N815 - the name in http.server

    def _refuse(self, status: int) -> None:
        """Send an error as registries do (https://distribution.github.io/distribution/spec/api/#errors)."""
        code = ERRORS.get(status, "UNKNOWN")
        body = json.dumps({"errors": [{"code": code, "message": code.lower().replace("_", " ")}]}).encode()
        self._head(status, len(body), "application/json")
        if self.command == "GET":
            self.wfile.write(body)

    def _head(self, status: int, length: int, kind: str = "application/octet-stream") -> None:
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": length, "WWW-Authenticate": self.server.challenge}
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.flush()

    def _respond(self, body: bytes, part: str, kind: str = "application/octet-stream") -> None:
        stalls = self.server.stalls == part
        if stalls and part == "manifest":
            self.server.resume.wait()
        self._head(200, len(body), kind)
        if self.command == "HEAD":
            return
        half = len(body) // 2
        with suppress(ConnectionError):
            self.wfile.write(body[:half])
            if stalls:
                self.server.resume.wait()
            self.wfile.write(body[half:])

    def log_message(self, *arguments: object) -> None:
        """Log nothing."""


@pytest.fixture
def registry_server() -> Iterator[Registry]:
    """The registry, on a loopback port."""
    with Registry() as registry:
        thread = threading.Thread(target=registry.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield registry
        registry.resume.set()
        registry.shutdown()
        thread.join()


def test_progress_counts_layers_and_bytes(real: RuntimeSetup, registry_server: Registry):
    registry_server.stalls = "layer"
    reported: list[Layers | None] = []

    def progress(layers: Layers | None) -> None:
        reported.append(layers)
        if layers and layers.bytes_done:
            registry_server.resume.set()

    image = real.runtime.pull(f"{registry_server.repository}:1", progress)
    assert image.digest == f"{registry_server.repository}@{_sha256(registry_server.manifest)}"
    halfway = next(layers for layers in reported if layers and layers.bytes_done)
    assert (halfway.done, halfway.known) == (0, 1)
    assert 0 < halfway.bytes_done < halfway.bytes_known == max(len(blob) for blob in registry_server.blobs.values())
    assert Layers(1, 1, halfway.bytes_known, halfway.bytes_known) in reported


@pytest.mark.parametrize("part", ["manifest", "layer"])
def test_a_hanging_pull_reports_twice_a_second_and_ends_at_the_engine_when_it_is_cancelled(
    real: RuntimeSetup, images: Images, registry_server: Registry, part: str
):
    registry_server.stalls = part
    at: list[float] = []

    def progress(layers: Layers | None) -> None:
        at.append(time.monotonic())
        if len(at) == 5:
            raise Cancelled

    with pytest.raises(Cancelled):
        real.runtime.pull(f"{registry_server.repository}:1", progress)
    assert time.monotonic() - at[-1] < 2
    assert max(later - earlier for earlier, later in pairwise(at)) < 0.6
    registry_server.resume.set()  # a pull that had not been aborted would complete now
    for _ in range(15):
        time.sleep(0.1)
        with pytest.raises(NotFound):
            images.client.inspect_image(f"{registry_server.repository}:1")


@pytest.mark.parametrize(
    ("status", "fault"),
    [(401, RegistryRefused), (404, ImageMissing), (429, RegistryRateLimited), (500, RegistryUnavailable)],
)
def test_the_refusal_of_a_registry_has_a_code(
    real: RuntimeSetup, registry_server: Registry, status: int, fault: type[PullFailed]
):
    registry_server.status = status
    with pytest.raises(fault):
        real.runtime.pull(f"{registry_server.repository}:1", lambda layers: None)


def test_an_image_that_the_engine_has_is_found_without_its_registry(real: RuntimeSetup, images: Images):
    reference = "127.0.0.1:1/gone/web:1"
    identity = images.load(reference, ExposedPorts={"8080/tcp": {}})
    found = real.runtime.find_image(reference)
    assert found
    assert (found.digest, found.ports) == (identity, (8080,))
    assert real.runtime.find_image("127.0.0.1:1/gone/web:2") is None


def test_a_registry_that_does_not_answer_is_unavailable_and_the_log_has_the_reason(
    real: RuntimeSetup, images: Images, caplog: pytest.LogCaptureFixture
):
    images.load("127.0.0.1:1/gone/web:1")
    with caplog.at_level(logging.WARNING), pytest.raises(RegistryUnavailable) as failure:
        real.runtime.pull("127.0.0.1:1/gone/web:1", lambda layers: None)
    assert "connection refused" in caplog.text
    assert "connection refused" not in str(failure.value)


def test_a_tag_that_moved_pulls_the_new_image_and_the_old_digest_still_starts(real: RuntimeSetup, images: Images):
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


def test_a_login_is_sent_to_the_registry(real: RuntimeSetup, registry_server: Registry):
    reference = f"{registry_server.repository}:1"
    registry_server.authorization = f"Basic {base64.b64encode(b'ann:pass word').decode()}"
    for credentials in (None, RegistryCredentials("ann", "wrong")):
        with pytest.raises(PullFailed):
            real.runtime.pull(reference, lambda layers: None, credentials)
    assert real.runtime.pull(reference, lambda layers: None, RegistryCredentials("ann", "pass word"))


def test_a_token_is_sent_to_the_registry_as_a_bearer_token(real: RuntimeSetup, registry_server: Registry):
    reference = f"{registry_server.repository}:1"
    registry_server.challenge = 'Bearer realm="http://127.0.0.1:1/token"'
    registry_server.authorization = "Bearer t0ken"
    with pytest.raises(RegistryUnavailable):
        real.runtime.pull(reference, lambda layers: None)
    assert real.runtime.pull(reference, lambda layers: None, RegistryCredentials(token="t0ken"))


@pytest.fixture
def private_registry(tmp_path: Path) -> Iterator[str]:
    """The address of docker-registry, which demands a login by htpasswd."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    (tmp_path / "htpasswd").write_text(HTPASSWD)
    (tmp_path / "registry.yml").write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {tmp_path}/images}}}}\nhttp: {{addr: '{address}'}}\n"
        f"auth: {{htpasswd: {{realm: test, path: {tmp_path}/htpasswd}}}}\nlog: {{level: error}}\n"
    )
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(["docker-registry", "serve", f"{tmp_path}/registry.yml"], stdout=log, stderr=log)
    try:
        _wait_for(server, address, tmp_path / "log")
        yield address
    finally:
        server.terminate()
        server.wait(10)


def _wait_for(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    host, port = address.split(":")
    for _ in range(100):
        assert server.poll() is None, log.read_text()
        if Prober().probe_tcp(Target(host, int(port)), 1):
            return
        time.sleep(0.1)


def test_a_private_image_is_pulled_with_a_login_only(real: RuntimeSetup, images: Images, private_registry: str):
    reference = f"{private_registry}/shop/web:1"
    images.load(reference)
    login = {"username": "ann", "password": PASSWORD}
    for line in images.client.push(reference, stream=True, decode=True, auth_config=login):
        assert "error" not in line, line["error"]
    images.client.remove_image(reference, force=True)
    for credentials in (None, RegistryCredentials("ann", "wrong")):
        with pytest.raises(RegistryRefused):
            real.runtime.pull(reference, lambda layers: None, credentials)
    image = real.runtime.pull(reference, lambda layers: None, RegistryCredentials("ann", PASSWORD))
    assert image.digest.startswith(f"{private_registry}/shop/web@sha256:")
    assert PASSWORD not in repr(RegistryCredentials("ann", PASSWORD))


def test_a_login_is_tested_without_being_stored(real: RuntimeSetup, private_registry: str):
    real.runtime.log_in(private_registry, RegistryCredentials("ann", PASSWORD))
    with pytest.raises(RegistryRefused) as refusal:
        real.runtime.log_in(private_registry, RegistryCredentials("ann", "wrong"))
    assert private_registry in str(refusal.value)
    with pytest.raises(RegistryRefused):
        real.runtime.pull(f"{private_registry}/shop/web:1", lambda layers: None)


def test_a_login_at_a_registry_that_is_away_is_unavailable(real: RuntimeSetup):
    with pytest.raises(RegistryUnavailable):
        real.runtime.log_in("127.0.0.1:1", RegistryCredentials("ann", "x"))
