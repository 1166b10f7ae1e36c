"""The repository of samples: the resource usage of services over time."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from domain.adapters.sql.reading import Block
from domain.adapters.sql.repositories.services import services
from domain.adapters.sql.tables import entity_table, list_indexes
from domain.model.sample import Sample
from domain.ports.repositories import samples as ports

samples = entity_table(
    "samples",
    Sample,
    ForeignKeyConstraint(["service_id"], ["services.id"], ondelete="CASCADE"),
    primary=("service_id", "at"),
)
list_indexes(samples, "at")


class Samples(ports.Samples):
    """Samples."""

    def __init__(self, block: Block) -> None:
        self._connection = block.connection

    def add(self, new_samples: Sequence[Sample]) -> None:
        """Insert samples. Skip those of a time that has one, and of services that do not exist.

        Locks the services: a sample of a service that is removed meanwhile would fail the whole block.
        """
        ids = {sample.service_id for sample in new_samples}
        known = set(self._connection.scalars(select(services.c.id).where(services.c.id.in_(ids)).with_for_update()))
        rows = [asdict(sample) for sample in new_samples if sample.service_id in known]
        if rows:
            insert = postgresql.insert if self._connection.dialect.name == "postgresql" else sqlite.insert
            self._connection.execute(insert(samples).on_conflict_do_nothing(), rows)

    def between(self, service_id: str, since: datetime, until: datetime) -> list[Sample]:
        """Return the samples from `since` until before `until`, oldest first."""
        where = (samples.c.service_id == service_id, samples.c.at >= since, samples.c.at < until)
        rows = self._connection.execute(select(samples).where(*where).order_by(samples.c.at))
        return [Sample(*row) for row in rows]

    def remove_before(self, before: datetime) -> int:
        """Delete older samples. Return how many."""
        return int(self._connection.execute(delete(samples).where(samples.c.at < before)).rowcount)
