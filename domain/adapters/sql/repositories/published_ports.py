"""The repository of the ports of this host at which services are published."""

from collections.abc import Collection

from sqlalchemy import ForeignKeyConstraint, delete, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from domain.adapters.sql.reading import Block
from domain.adapters.sql.tables import entity_table, list_indexes
from domain.model.published_port import PortReservation
from domain.ports.repositories import published_ports as ports

published_ports = entity_table(
    "published_ports",
    PortReservation,
    ForeignKeyConstraint(["service_id"], ["services.id"], ondelete="CASCADE"),
    primary=("protocol", "host_port"),
)
list_indexes(published_ports, "service_id")


class PublishedPorts(ports.PublishedPorts):
    """Reservations of ports, which end with their service."""

    def __init__(self, block: Block) -> None:
        self._connection = block.connection

    def all(self) -> list[PortReservation]:
        """Return all reservations."""
        return [PortReservation(*row) for row in self._connection.execute(select(published_ports))]

    def of(self, service_id: str) -> set[tuple[str, int]]:
        """Return protocol and port of a service's reservations."""
        columns = (published_ports.c.protocol, published_ports.c.host_port)
        own = self._connection.execute(select(*columns).where(published_ports.c.service_id == service_id))
        return {(row.protocol, row.host_port) for row in own}

    def reserve(self, service_id: str, wanted: Collection[tuple[str, int]]) -> bool:
        """Reserve ports for a service. Return False if another service has one of them."""
        if not wanted:
            return True
        insert = postgresql.insert if self._connection.dialect.name == "postgresql" else sqlite.insert
        rows = [
            {"protocol": protocol, "host_port": host_port, "service_id": service_id}
            for protocol, host_port in sorted(wanted)
        ]
        self._connection.execute(insert(published_ports).on_conflict_do_nothing(), rows)
        return set(wanted) <= self.of(service_id)

    def release(self, service_id: str, unused: Collection[tuple[str, int]]) -> None:
        """Remove reservations of a service."""
        if unused:
            among = tuple_(published_ports.c.protocol, published_ports.c.host_port).in_(list(unused))
            own = published_ports.c.service_id == service_id
            self._connection.execute(delete(published_ports).where(own, among))
