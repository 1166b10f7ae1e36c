"""Small files on hosts of the internet, read with one request over one connection."""

import socket
import time

_SECONDS = 5.0
_LONGEST = 20 * 1024  # bytes of head and body
_LONGEST_BODY = 4 * 1024


class WebReader:
    """Reads with HTTP/1.0, so that a body ends with its connection and has no chunks."""

    def __init__(self, port: int = 80) -> None:
        self._port = port

    def read(self, address: str, host: str, path: str) -> bytes | None:
        """Return the body of a 200. The time limit covers the whole exchange, so a host that sends slowly has none."""
        deadline = time.monotonic() + _SECONDS
        request = f"GET {path} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: ai-admin-panel\r\nAccept: */*\r\n\r\n"
        try:
            with socket.create_connection((address, self._port), timeout=_SECONDS) as connection:
                connection.sendall(request.encode("ascii"))
                return _body(_receive(connection, deadline))
        except (OSError, UnicodeError):
            return None


def _receive(connection: socket.socket, deadline: float) -> bytes:
    """Return what arrives until the end of the connection. Raise OSError if it is too much or takes too long."""
    received = b""
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        data = connection.recv(_LONGEST)
        if not data:
            return received
        received += data
        if len(received) > _LONGEST:
            raise OSError("the response is too large")


def _body(response: bytes) -> bytes | None:
    head, _, body = response.partition(b"\r\n\r\n")
    status = head.split(b" ", 2)[1:2]
    return body if head.startswith(b"HTTP/1.") and status == [b"200"] and len(body) <= _LONGEST_BODY else None
