"""Whether a container can be reached from this host, at its address on its bridge."""

import re
import socket
import time
from urllib.parse import quote

ACCEPTING = 1.0
ANSWER = re.compile(rb"HTTP/1\.[01] [23]\d\d[ \r]")


def accepts(host: str, port: int, timeout: float = ACCEPTING) -> bool:
    """Whether somebody listens."""
    try:
        socket.create_connection((host, port), timeout=timeout).close()
    except OSError:
        return False
    return True


def answers(host: str, port: int, path: str, timeout: float) -> bool:
    """Whether the first line of the answer is good, and there in time: a server that drips is not well."""
    until = time.monotonic() + timeout
    asked = f"GET {quote(path, safe='/?&=%:@!$+,;~*()')} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection((host, port), timeout=timeout) as peer:
            peer.sendall(asked.encode())
            return bool(ANSWER.match(_start(peer, until)))
    except OSError:
        return False


def _start(peer: socket.socket, until: float) -> bytes:
    """At most the first line."""
    got = b""
    while b"\n" not in got and len(got) < 1024 and (left := until - time.monotonic()) > 0:
        peer.settimeout(left)
        more = peer.recv(1024)
        if not more:
            break
        got += more
    return got
