"""An engine on another host: over TCP, plain and with certificates on both sides."""

import datetime
import ipaddress
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from domain.adapters.docker import Runtime
from domain.errors import Unavailable
from domain.ports.runtime import Engine

RESPONSE = {
    "ApiVersion": "1.41",
    "Version": "20.10.24",
    "Id": "sha256:1",
    "Config": {"Tty": False},
}
LOOPBACK = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])


class Handler(BaseHTTPRequestHandler):
    """Returns the same response to all requests but those for logs."""

    def do_GET(self) -> None:
        if "/logs?" in self.path:
            self._print()
            return
        body = json.dumps(RESPONSE).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def _print(self) -> None:
        self.send_response(200)
        self.end_headers()
        for text in ("one", "two"):
            body = f"2026-03-29T10:00:00.123456789Z {text}\n".encode()
            self.wfile.write(bytes([1, 0, 0, 0]) + len(body).to_bytes(4, "big") + body)
            time.sleep(0.5)

    def log_message(self, *arguments: object) -> None:
        """Log nothing."""


@contextmanager
def _served(context: ssl.SSLContext | None = None) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"tcp://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for DOCKER_CERT_PATH with one self-signed certificate for all three roles."""
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))
    for bundle in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):  # either would take precedence over the engine's own CA
        monkeypatch.delenv(bundle, raising=False)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "engine")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(LOOPBACK, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (tmp_path / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    for role in ("ca.pem", "cert.pem"):
        (tmp_path / role).write_bytes(made.public_bytes(pem))
    return tmp_path


def _works(host: str) -> None:
    with closing(Runtime(host)) as runtime:
        _read_all(runtime)


def _read_all(runtime: Runtime) -> None:
    assert runtime.ping() == Engine("docker", "20.10.24")
    assert runtime.pull("web:1", lambda layers: None).digest == "sha256:1"
    batches = [[line.text for line in lines] for lines in runtime.follow("web")]
    assert [text for lines in batches for text in lines] == ["one", "two"]
    assert [] in batches[batches.index(["one"]) : batches.index(["two"])]


def test_an_engine_is_reached_over_plain_tcp():
    with _served() as host:
        _works(host)


def test_an_engine_is_reached_with_certificates(certificates: Path):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificates / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    with _served(context) as host:
        _works(host)


def test_an_engine_that_does_not_speak_tls_is_unavailable(certificates: Path):
    with _served() as host, pytest.raises(Unavailable):
        Runtime(host).ping()


@pytest.mark.parametrize("host", ["nonsense", "tcp://127.0.0.1:1", "ftp://127.0.0.1"])
def test_an_unusable_host_is_unavailable_and_named(host: str):
    with pytest.raises(Unavailable, match=host) as refusal:
        Runtime(host).ping()
    assert "DOCKER_HOST" in str(refusal.value)
