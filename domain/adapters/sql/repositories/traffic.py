"""The repository of traffic: the last reading of each container, and the sums by customer and month."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace

from sqlalchemy import ForeignKeyConstraint, Select, delete, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from domain.adapters.sql.reading import Block
from domain.adapters.sql.repositories.customers import customers
from domain.adapters.sql.repositories.services import services
from domain.adapters.sql.tables import entity_table, list_indexes
from domain.model.traffic import MonthlyTraffic, TrafficReading, month_of, new_bytes
from domain.ports.repositories import traffic as ports

readings = entity_table(
    "traffic_readings",
    TrafficReading,
    ForeignKeyConstraint(["service_id"], ["services.id"], ondelete="CASCADE"),
    primary=("container",),
)
list_indexes(readings, "service_id")
months = entity_table(
    "traffic",
    MonthlyTraffic,
    ForeignKeyConstraint(["customer_id"], ["customers.id"], ondelete="CASCADE"),
    primary=("customer_id", "month"),
)


class Traffic(ports.Traffic):
    """Traffic."""

    def __init__(self, block: Block) -> None:
        self._connection = block.connection

    def count(self, readings: Sequence[TrafficReading]) -> None:
        """Add what is new in these readings. Locks the services: workers that read the same take turns."""
        known = self._lock({reading.service_id for reading in readings}, {reading.customer_id for reading in readings})
        current = [_as_stored(each) for each in readings if (each.service_id, each.customer_id) in known]
        before = self._before({reading.service_id for reading in current})
        newer = [reading for reading in current if _is_newer(before.get(reading.container), reading)]
        sums = Counter[tuple[str, str]]()
        for reading in newer:
            sums[reading.customer_id, month_of(reading.at)] += new_bytes(before.get(reading.container), reading)
        self._replace(newer)
        self._add(sums)

    def of_customer(self, customer_id: str, month: str) -> int:
        """Return the bytes of a customer in a month."""
        return self._sum(select(func.sum(months.c.bytes)).where(months.c.customer_id == customer_id), month)

    def of_organization(self, organization_id: str, month: str) -> int:
        """Return the bytes of all customers of an organization in a month."""
        members = select(customers.c.id).where(customers.c.organization_id == organization_id)
        return self._sum(select(func.sum(months.c.bytes)).where(months.c.customer_id.in_(members)), month)

    def _sum(self, rows: Select[tuple[int]], month: str) -> int:
        return int(self._connection.scalar(rows.where(months.c.month == month)) or 0)

    def _lock(self, service_ids: Collection[str], customer_ids: Collection[str]) -> set[tuple[str, str]]:
        """Return the services and customers that exist, as pairs of IDs; the services are locked."""
        this = services.c
        rows = (
            select(this.id, this.customer_id)
            .join(customers, customers.c.id == this.customer_id)
            .where(this.id.in_(service_ids), customers.c.id.in_(customer_ids))
            .order_by(this.id)
            .with_for_update(of=services, key_share=True)
        )
        return {(row.id, row.customer_id) for row in self._connection.execute(rows)}

    def _before(self, service_ids: Collection[str]) -> Mapping[str, TrafficReading]:
        rows = self._connection.execute(select(readings).where(readings.c.service_id.in_(service_ids)))
        return {row.container: TrafficReading(*row) for row in rows}

    def _replace(self, newer: Sequence[TrafficReading]) -> None:
        """Store readings, and forget those of containers of the same services that are not measured any more."""
        if not newer:
            return
        for service_id in {reading.service_id for reading in newer}:
            oldest = min(reading.started_at for reading in newer if reading.service_id == service_id)
            self._connection.execute(
                delete(readings).where(
                    readings.c.service_id == service_id,
                    or_(readings.c.at < oldest, readings.c.container.in_([reading.container for reading in newer])),
                )
            )
        self._connection.execute(readings.insert(), [asdict(reading) for reading in newer])

    def _add(self, sums: Mapping[tuple[str, str], int]) -> None:
        rows = [
            {"customer_id": customer_id, "month": month, "bytes": count}
            for (customer_id, month), count in sorted(sums.items())
            if count
        ]
        if rows:
            insert = postgresql.insert if self._connection.dialect.name == "postgresql" else sqlite.insert
            added = insert(months)
            total = months.c.bytes + added.excluded.bytes
            self._connection.execute(
                added.on_conflict_do_update(index_elements=["customer_id", "month"], set_={"bytes": total}), rows
            )


def _as_stored(reading: TrafficReading) -> TrafficReading:
    """Return the reading with the start as it is read back: stored times have milliseconds."""
    started_at = reading.started_at
    return replace(reading, started_at=started_at.replace(microsecond=started_at.microsecond // 1000 * 1000))


def _is_newer(before: TrafficReading | None, now: TrafficReading) -> bool:
    """Return whether a reading is not one that another worker has overtaken."""
    if before is None:
        return True
    return (before.started_at, before.bytes) < (now.started_at, now.bytes)
