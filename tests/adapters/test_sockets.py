"""The prober over real sockets."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from domain.adapters.sockets import Prober
from domain.ports.router import Target

PROBER = Prober()


@contextmanager
def responding(*pieces: bytes, pause: float = 0.0) -> Iterator[tuple[Target, list[bytes]]]:
    """Serve one connection: send these pieces with pauses. Yield the server's address and the requests it got."""
    requests: list[bytes] = []
    done = threading.Event()

    def serve() -> None:
        with listener.accept()[0] as connection, suppress(ConnectionError):
            requests.append(connection.recv(4096))
            for piece in pieces:
                connection.sendall(piece)
                done.wait(pause)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield Target("127.0.0.1", listener.getsockname()[1]), requests
        finally:
            done.set()
        thread.join()


@pytest.mark.parametrize(
    ("response", "success"),
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
def test_an_http_probe_succeeds_with_2xx_and_3xx(response: bytes, success: bool):
    with responding(response) as (target, _):
        assert PROBER.probe_http(target, "/", 2) is success


def test_a_status_line_may_arrive_in_pieces():
    with responding(b"HTT", b"P/1.1 2", b"00 OK\r\n", pause=0.05) as (target, _):
        assert PROBER.probe_http(target, "/", 5)


def test_a_server_that_sends_slowly_fails_the_probe_at_the_timeout():
    with responding(*[b"H"] * 50, pause=0.1) as (target, _):
        assert not PROBER.probe_http(target, "/", 0.4)


def test_a_path_cannot_add_lines_to_the_request():
    with responding(b"HTTP/1.1 200 OK\r\n") as (target, requests):
        assert PROBER.probe_http(target, "/a b\r\nEvil: 1?q=ü&x=%20", 2)
    assert requests[0].splitlines()[0] == b"GET /a%20b%0D%0AEvil:%201?q=%C3%BC&x=%20 HTTP/1.1"
    assert not [line for line in requests[0].splitlines() if line.startswith(b"Evil")]


def test_a_port_that_listens_accepts_and_a_closed_one_does_not():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        target = Target("127.0.0.1", listener.getsockname()[1])
        assert PROBER.probe_tcp(target, 1)
    assert not PROBER.probe_tcp(target, 1)
    assert not PROBER.probe_http(target, "/", 1)


def test_probes_of_a_container_without_an_address_fail():
    assert not PROBER.probe_tcp(None, 1)
    assert not PROBER.probe_http(None, "/", 1)
