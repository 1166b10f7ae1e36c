"""Bounds on open connections: so many from one address, and so many in all."""

import logging
import time
from collections import Counter
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Protocol

_log = logging.getLogger(__name__)
_LOG_INTERVAL = 10.0  # seconds
_IPV6_PREFIX = 64  # the smallest network that a provider gives to one customer


class Connection(Protocol):
    """A connection that can be closed while it waits for a request."""

    def close_idle(self) -> None: ...


class ConnectionLimits:
    """Counts the open connections of one server. All methods are called in its event loop.

    An address of this machine has no bound of its own: a reverse proxy connects from there for all of its clients. If
    there are `in_all` connections, the one that has waited longest for a request is closed for a new one.
    """

    def __init__(self, server: str, in_all: int, per_address: int) -> None:
        self._server = server
        self._in_all = in_all
        self._per_address = per_address
        self._networks: dict[Connection, str] = {}
        self._counts: Counter[str] = Counter()
        self._waiting: dict[Connection, None] = {}  # the longest waiting first
        self._logged_at = 0.0
        self._refused = 0

    @property
    def count(self) -> int:
        """The number of open connections."""
        return len(self._networks)

    def add(self, connection: Connection, address: str) -> bool:
        """Count a new connection, which waits for a request. Return False, without counting it, if it is too many."""
        network = _network(address)
        if network and self._counts[network] >= self._per_address:
            self._log(f"{network} has {self._per_address} open connections (PANEL_CONNECTIONS_PER_ADDRESS)")
            return False
        if len(self._networks) >= self._in_all and not self._close_waiting():
            return False
        self._networks[connection] = network
        self._counts[network] += 1
        self._waiting[connection] = None
        return True

    def wait(self, connection: Connection) -> None:
        """Record that a connection waits for a request, from now on."""
        self._waiting.pop(connection, None)
        if connection in self._networks:
            self._waiting[connection] = None

    def work(self, connection: Connection) -> None:
        """Record that a connection has a request, so that it is not closed for others."""
        self._waiting.pop(connection, None)

    def replace(self, connection: Connection, successor: Connection) -> None:
        """Count another object for the same connection."""
        network = self._networks.pop(connection, None)
        self._waiting.pop(connection, None)
        if network is not None:
            self._networks[successor] = network

    def remove(self, connection: Connection) -> None:
        """Forget a closed connection. One that was not counted is ignored."""
        self._waiting.pop(connection, None)
        network = self._networks.pop(connection, None)
        if network is None:
            return
        self._counts[network] -= 1
        if not self._counts[network]:
            del self._counts[network]

    def _close_waiting(self) -> bool:
        """Close the connection that has waited longest. Return whether there is one."""
        oldest = next(iter(self._waiting), None)
        self._log(f"all {self._in_all} connections are open; raise the limit on open files (ulimit -n) to allow more")
        if oldest is None:
            return False
        self.remove(oldest)
        oldest.close_idle()
        return True

    def _log(self, reason: str) -> None:
        """Log at most one line in ten seconds, with the number of connections that were closed since the last one."""
        self._refused += 1
        now = time.monotonic()
        if now - self._logged_at >= _LOG_INTERVAL or not self._logged_at:
            _log.warning("%s closes connections: %s", self._server, reason, extra={"closed": self._refused})
            self._logged_at, self._refused = now, 0


def _network(address: str) -> str:
    """Return what is counted as one client: an IPv4 address or an IPv6 network; nothing for this machine."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    if parsed.is_loopback:
        return ""
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, _IPV6_PREFIX), strict=False))
    return str(parsed)
