"""Ports of this host, which the processes of one panel share, but not with other programs."""

import errno
import fcntl
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

from domain.ports.router import RouteFailed

BACKLOG = 4096

Address = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]


@dataclass(frozen=True)
class ServicePorts:
    """The ports of this host for services. `reserved` returns the TCP ports among them that routes must not take."""

    all: range = range(49_152, 65_536)
    reserved: Callable[[], Collection[int]] = tuple


@dataclass(frozen=True)
class PortLease:
    """A port at which this process listens, and the locked file that tells the panel's other processes so."""

    listener: socket.socket
    lock_file: TextIOWrapper

    def release(self) -> None:
        self.listener.close()
        self.lock_file.close()


def lease_port(host: str, port: int, lock_file: Path) -> PortLease:
    """Listen at a port, together with other processes of this panel. Raise OSError if another program uses the port.

    The process that finds the lock file unlocked is the first one, and requires the port for itself: the kernel lets
    all processes of one user share a port, and two panels of one user would get each other's connections.
    """
    file = lock_file.open("w")
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
    return PortLease(listener, file)


def lease_claimed(listener: socket.socket, lock_file: Path) -> PortLease:
    """Make a lease from a listener of `claim_port`."""
    file = lock_file.open("w")
    fcntl.flock(file, fcntl.LOCK_SH)
    return PortLease(listener, file)


def claim_port(host: str, ports: range, used: Collection[int]) -> socket.socket:
    """Listen at the first port that is free. Raise RouteFailed if there is none."""
    for port in ports:
        if port in used:
            continue
        try:
            return listen_first(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise RouteFailed(f"Nothing can listen at {host}: {error.strerror}. Check PANEL_HOST") from error
    raise RouteFailed(f"All ports of {host} from {ports[0]} to {ports[-1]} are in use. Widen PANEL_SERVICE_PORTS")


def find_free(host: str, ports: range, used: Collection[int], protocol: str) -> int:
    """Return the last port at which nothing listens. Raise RouteFailed if there is none."""
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    for port in reversed(ports):
        if port not in used and _is_free(host, port, kind):
            return port
    raise RouteFailed(f"All ports of {host} from {ports[0]} to {ports[-1]} are in use. Widen PANEL_SERVICE_PORTS")


def _is_free(host: str, port: int, kind: socket.SocketKind) -> bool:
    family, _, _, _, address = socket.getaddrinfo(host or None, port, type=kind, flags=socket.AI_PASSIVE)[0]
    with socket.socket(family, kind) as tried:
        try:
            tried.bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise RouteFailed(f"Nothing can listen at {host}: {error.strerror}. Check PANEL_HOST") from error
            return False
    return True


def listen_first(host: str, port: int) -> socket.socket:
    """Listen, and allow sharing only after that, so that one of two processes that try at the same time is refused."""
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
    """Detect peers that vanished within minutes. Accepted connections inherit this from their listener."""
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
