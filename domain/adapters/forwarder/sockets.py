"""Ports of this host: who has them, and how the panel's processes share one without ever joining a stranger."""

import errno
import fcntl
import socket
from collections.abc import Collection
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

from domain.ports.router import RouteFailed

BACKLOG = 4096

Address = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]


@dataclass(frozen=True)
class Held:
    """A port that this process listens at, and the locked file that tells its siblings so."""

    listener: socket.socket
    mark: TextIOWrapper

    def release(self) -> None:
        self.listener.close()
        self.mark.close()


def hold(host: str, port: int, mark: Path) -> Held:
    """Listen, beside the siblings when some do. Raise OSError when somebody else has the port.

    Whoever finds the mark unlocked is the first and must meet nobody: the kernel lets all processes of one user share
    a port, and two panels of that user would get each other's visitors.
    """
    file = mark.open("w")
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            listener = _join(host, port)
        else:
            listener = listen_first(host, port)
            fcntl.flock(file, fcntl.LOCK_SH)
    except OSError:
        file.close()
        raise
    return Held(listener, file)


def keep(listener: socket.socket, mark: Path) -> Held:
    """Mark a port that was claimed."""
    file = mark.open("w")
    fcntl.flock(file, fcntl.LOCK_SH)
    return Held(listener, file)


def claim_port(host: str, ports: range, used: Collection[int]) -> socket.socket:
    """Listen at the first of these ports that nobody has."""
    for port in ports:
        if port in used:
            continue
        try:
            return listen_first(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise RouteFailed(f"Nothing can listen at {host}: {error.strerror}; see PANEL_HOST") from error
    raise RouteFailed(f"All ports of {host} from {ports[0]} to {ports[-1]} are taken; see PANEL_SERVICE_PORTS")


def listen_first(host: str, port: int) -> socket.socket:
    """Listening comes before sharing is allowed: of two who try this at once one is refused."""
    listener, address = _socket(host, port)
    try:
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except OSError:
        listener.close()
        raise
    return listener


def keep_alive(connection: socket.socket) -> None:
    """A peer that vanished without a word is found out within minutes; accepted connections inherit it."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)


def _join(host: str, port: int) -> socket.socket:
    listener, address = _socket(host, port)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _socket(host: str, port: int) -> tuple[socket.socket, Address]:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    keep_alive(made)
    return made, address
