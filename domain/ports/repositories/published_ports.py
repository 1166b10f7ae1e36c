"""The repository of the ports of this host at which services are published."""

from collections.abc import Collection
from typing import Protocol

from domain.model.published_port import PortReservation


class PublishedPorts(Protocol):
    """Reservations of ports of this host, as protocol and port. They are removed with their service."""

    def all(self) -> list[PortReservation]:
        """Return all reservations."""

    def of(self, service_id: str) -> set[tuple[str, int]]:
        """Return protocol and port of a service's reservations."""

    def reserve(self, service_id: str, wanted: Collection[tuple[str, int]]) -> bool:
        """Reserve ports for a service. Return False if another service has one of them."""

    def release(self, service_id: str, unused: Collection[tuple[str, int]]) -> None:
        """Remove reservations of a service."""
