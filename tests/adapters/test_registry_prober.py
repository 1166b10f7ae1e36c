"""The prober of registries reads the realm and the redirect of the first answer, and nothing else."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from socket import create_server, socket

import pytest

from domain.adapters import registry_prober
from domain.adapters.registry_prober import RegistryProber


@contextmanager
def _registry(answer: bytes, *, endless: bytes = b"") -> Iterator[tuple[str, list[bytes]]]:
    """Serve plain HTTP on loopback. Yield its name and the requests that it gets."""
    requests: list[bytes] = []
    with create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_serve, args=(server, answer, endless, requests), daemon=True)
        thread.start()
        yield f"registry.example.com:{server.getsockname()[1]}", requests
        server.shutdown(2)
        thread.join(10)


def _serve(server: socket, answer: bytes, endless: bytes, requests: list[bytes]) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            requests.append(connection.recv(65536))
            try:
                connection.sendall(answer)
                while endless:
                    connection.sendall(endless)
                    time.sleep(0.001)
            except OSError:
                continue


@pytest.mark.parametrize(
    ("fields", "hosts"),
    [
        ('WWW-Authenticate: Bearer realm="https://auth.example.com/token",service="r"', {"auth.example.com"}),
        ("www-authenticate: bearer service=r, REALM=http://169.254.169.254/latest?x=1", {"169.254.169.254"}),
        ('WWW-Authenticate: Basic realm="the registry"', set()),
        (
            'WWW-Authenticate: Bearer realm="https://a.example/t"\r\nWWW-Authenticate: Bearer realm="http://[::1]:80/"',
            {"a.example", "::1"},
        ),
        ("Location: http://user@10.0.0.1:8080/v2/", {"10.0.0.1"}),
        ("Location: /elsewhere", set()),
        ('WWW-Authenticate: Bearer realm="http://[broken/"', set()),
        ("Content-Type: application/json", set()),
    ],
)
def test_realms_and_redirects_are_found(fields: str, hosts: set[str]):
    with _registry(f"HTTP/1.1 401 Unauthorized\r\n{fields}\r\n\r\n".encode()) as (name, requests):
        assert set(RegistryProber().referred_hosts(name, "127.0.0.1")) == hosts
    assert f"GET /v2/ HTTP/1.1\r\nHost: {name}\r\n".encode() in requests[-1]
    assert b"Authorization" not in requests[-1]


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH\r\n", b"\x00" * 100, b"HTTP/1.1"])
def test_a_server_that_is_no_registry_refers_to_no_host(answer: bytes):
    with _registry(answer) as (name, _):
        assert not RegistryProber().referred_hosts(name, "127.0.0.1")


def test_nothing_that_listens_refers_to_no_host():
    with create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert not RegistryProber().referred_hosts(f"registry.example.com:{port}", "127.0.0.1")


@pytest.mark.parametrize("endless", [b"X-Filler: " + b"x" * 1000 + b"\r\n", b"x"])
def test_a_registry_that_never_ends_its_headers_is_given_up(endless: bytes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(registry_prober, "_TIMEOUT", 0.5)
    with _registry(b"HTTP/1.1 401 Unauthorized\r\n", endless=endless) as (name, _):
        began = time.monotonic()
        assert not RegistryProber().referred_hosts(name, "127.0.0.1")
        assert time.monotonic() - began < 5
