"""Small files on hosts, read over real connections."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from domain.adapters import web_reader
from domain.adapters.web_reader import WebReader

OK = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n"


@contextmanager
def _host(*pieces: bytes, stays_open: bool = False) -> Iterator[tuple[WebReader, list[bytes]]]:
    """Answer one request with the pieces; yield a reader of this host and the requests."""
    requests: list[bytes] = []
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                requests.append(connection.recv(4096))
                with suppress(ConnectionError):  # the reader may have seen enough
                    for piece in pieces:
                        connection.sendall(piece)
                if stays_open:
                    ended.wait(10)

        thread = threading.Thread(target=answer)
        thread.start()
        yield WebReader(listener.getsockname()[1]), requests
        ended.set()
        thread.join()


def test_a_file_is_read_with_one_request_for_its_host() -> None:
    with _host(OK, b"tok", b"en") as (reader, requests):
        assert reader.read("127.0.0.1", "shop.example.com", "/.well-known/a") == b"token"
    assert requests[0].startswith(b"GET /.well-known/a HTTP/1.0\r\nHost: shop.example.com\r\n")


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n",
        b"HTTP/1.0 404 Not Found\r\n\r\ntoken",
        b"200 token",
        b"",
        OK + b"x" * 5000,
        b"HTTP/1.0 200 OK\r\n" + b"X-Long: y\r\n" * 3000,
    ],
    ids=["redirect", "missing", "no HTTP", "nothing", "large", "endless head"],
)
def test_everything_but_a_small_file_counts_as_none(response: bytes) -> None:
    with _host(response) as (reader, _):
        assert reader.read("127.0.0.1", "shop.example.com", "/a") is None


def test_a_host_that_does_not_finish_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_reader, "_SECONDS", 0.2)
    with _host(OK, b"token", stays_open=True) as (reader, _):
        assert reader.read("127.0.0.1", "shop.example.com", "/a") is None


def test_a_host_that_nothing_listens_at_has_no_file() -> None:
    assert WebReader(9).read("127.0.0.1", "shop.example.com", "/a") is None
