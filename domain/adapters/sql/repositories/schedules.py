"""The repository of schedules: recurring jobs and their leases."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from domain.adapters.sql.reading import Block
from domain.adapters.sql.tables import entity_table, list_indexes
from domain.model.schedule import Schedule
from domain.ports.repositories import schedules as ports

schedules = entity_table("schedules", Schedule, primary=("name",))
list_indexes(schedules, "next_at")


class Schedules(ports.Schedules):
    """Schedules. A row is locked while a worker takes it, so that one worker gets it."""

    def __init__(self, block: Block) -> None:
        self._connection = block.connection

    def put(self, added: Sequence[Schedule]) -> None:
        """Add those whose name is new; of the others change nothing but `every`.

        Workers that start together add the same rows, so the database decides which are new. The order of the names
        keeps two of them from waiting for each other.
        """
        insert = postgresql.insert if self._connection.dialect.name == "postgresql" else sqlite.insert
        for schedule in sorted(added, key=lambda schedule: schedule.name):
            row = insert(schedules).values(asdict(schedule))
            self._connection.execute(row.on_conflict_do_update(index_elements=["name"], set_={"every": schedule.every}))

    def get(self, name: str) -> Schedule | None:
        """Return a schedule; None if there is none of this name."""
        row = self._connection.execute(select(schedules).where(schedules.c.name == name)).first()
        return None if row is None else Schedule(*row)

    def due(self, names: Collection[str], now: datetime) -> bool:
        """Return whether one of these is due and no worker runs it."""
        return self._connection.scalar(select(schedules.c.name).where(_due(names, now)).limit(1)) is not None

    def claim(self, names: Collection[str], owner: str, now: datetime, until: datetime) -> Schedule | None:
        """Take the one of these that is due for longest and that no worker runs."""
        oldest = select(schedules).where(_due(names, now)).order_by(schedules.c.next_at, schedules.c.name).limit(1)
        row = self._connection.execute(oldest.with_for_update(skip_locked=True)).first()
        if row is None:
            return None
        schedule = Schedule(*row)
        schedule.lease_owner, schedule.lease_until = owner, until
        named = update(schedules).where(schedules.c.name == schedule.name)
        self._connection.execute(named.values(lease_owner=owner, lease_until=until))
        return schedule

    def lock(self, name: str) -> None:
        """Lock the row until the block ends."""
        named = select(schedules.c.name).where(schedules.c.name == name)
        self._connection.execute(named.with_for_update())

    def bring_forward(self, name: str, at: datetime) -> None:
        """Make a job due at this time, unless it is due earlier."""
        later = update(schedules).where(schedules.c.name == name, schedules.c.next_at > at)
        self._connection.execute(later.values(next_at=at))

    def finish(self, name: str, owner: str, ran_at: datetime, next_at: datetime, error: str | None) -> None:
        """Write a run and give up the lease, if it is still the owner's."""
        leased = update(schedules).where(schedules.c.name == name, schedules.c.lease_owner == owner)
        self._connection.execute(
            leased.values(last_run_at=ran_at, next_at=next_at, last_error=error, lease_owner=None, lease_until=None)
        )

    def owners(self) -> set[str]:
        """Return the workers that have a lease."""
        leased = select(schedules.c.lease_owner).where(schedules.c.lease_owner.is_not(None))
        return {owner for owner in self._connection.scalars(leased) if owner is not None}

    def release(self, owner: str) -> None:
        """Give up the leases of a worker."""
        leased = update(schedules).where(schedules.c.lease_owner == owner)
        self._connection.execute(leased.values(lease_owner=None, lease_until=None))


def _due(names: Collection[str], now: datetime) -> ColumnElement[bool]:
    free = or_(schedules.c.lease_until.is_(None), schedules.c.lease_until <= now)
    return and_(schedules.c.name.in_(list(names)), schedules.c.next_at <= now, free)
