"""The prober and the resolver: what the sockets of this host reach."""

import re
import socket
import time
from urllib.parse import quote

from domain.ports.router import Target

LONGEST_LINE = 1024
SUCCESS = re.compile(rb"HTTP/1\.[01] [23]\d\d[ \r]")


class Prober:
    """Probes over sockets of its own, one for each probe."""

    def probe_tcp(self, target: Target | None, timeout: float) -> bool:
        if target is None:
            return False
        try:
            socket.create_connection((target.host, target.port), timeout=timeout).close()
        except OSError:
            return False
        return True

    def probe_http(self, target: Target | None, path: str, timeout: float) -> bool:
        """Read the status line only. The timeout covers the whole probe, so a server that sends slowly fails it."""
        if target is None:
            return False
        deadline = time.monotonic() + timeout
        try:
            with socket.create_connection((target.host, target.port), timeout=timeout) as connection:
                connection.sendall(_request(target, path))
                return bool(SUCCESS.match(_first_line(connection, deadline)))
        except OSError:
            return False


def _request(target: Target, path: str) -> bytes:
    """Build the request. The path is quoted, so that it cannot add header lines."""
    quoted = quote(path, safe="/?&=%:@!$+,;~*()")
    return f"GET {quoted} HTTP/1.1\r\nHost: {target.host}:{target.port}\r\nConnection: close\r\n\r\n".encode()


def _first_line(connection: socket.socket, deadline: float) -> bytes:
    """Read until the end of the first line, of the connection, or until the deadline."""
    received = b""
    while b"\n" not in received and len(received) < LONGEST_LINE and (left := deadline - time.monotonic()) > 0:
        connection.settimeout(left)
        data = connection.recv(LONGEST_LINE)
        if not data:
            break
        received += data
    return received


class Resolver:
    """Asks the system's resolver."""

    def addresses(self, host: str) -> list[str]:
        """Return each address once. A failure of the name server is an unknown name."""
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return []
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def is_local(self, address: str) -> bool:
        """Return whether a socket can be bound to the address, which is possible with addresses of this host only."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((address, 0))
            except OSError:
                return False
        return True
