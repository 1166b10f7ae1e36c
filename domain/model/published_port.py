"""Ports of the host at which services accept connections that are not HTTP."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedPort:
    """A port of a component, and the port of the host that leads to it."""

    component: str
    port: int
    protocol: str
    host_port: int


@dataclass(frozen=True)
class PortReservation:
    """A port of the host that a service has for as long as it exists."""

    protocol: str
    host_port: int
    service_id: str
