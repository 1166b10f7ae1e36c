"""Ports of this host: who has them, and how to share one among the panel's processes."""

import errno
import socket
from collections.abc import Collection

from domain import errors

FIRST_PORT, LAST_PORT = 49152, 65535


def bind(host: str, port: int, *, first: bool = False) -> socket.socket:
    """Bind together with the panel's other processes; raise OSError when somebody else has the port.

    The first one must meet nobody: sharing is allowed only once the port is its own, as otherwise it would join
    strangers who share theirs.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    bound = socket.socket(family, kind, protocol)
    try:
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if first:
            bound.bind(address)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        keep_alive(bound)
        if not first:
            bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def keep_alive(connection: socket.socket) -> None:
    """A peer that vanished without a word is found out within minutes; accepted connections inherit it."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)


def claim_port(host: str, used: Collection[int]) -> socket.socket:
    """Bind the first port that nobody has."""
    for port in range(FIRST_PORT, LAST_PORT + 1):
        if port in used:
            continue
        try:
            return bind(host, port, first=True)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise errors.Unavailable(f"Nothing can listen at {host}: {error.strerror}; see PANEL_HOST") from error
    raise errors.Unavailable(f"All ports of {host} from {FIRST_PORT} to {LAST_PORT} are taken")
