"""Ports of the host at which services accept connections that are not HTTP."""

from dataclasses import dataclass
from typing import Literal

Protocol = Literal["tcp", "udp"]


@dataclass(frozen=True)
class PublishedPort:
    """A port of a component, and the port of the host that leads to it; 0 until one is chosen."""

    component: str
    port: int
    protocol: Protocol = "tcp"
    host_port: int = 0

    @property
    def host_key(self) -> tuple[str, int]:
        """Protocol and port of the host, by which ports are reserved."""
        return self.protocol, self.host_port


@dataclass(frozen=True)
class PortReservation:
    """A port of the host that a service has for as long as it exists."""

    protocol: str
    host_port: int
    service_id: str
