"""Recurring jobs: each run of a job is done by exactly one worker of the installation.

A run that was missed, because no worker was there, is done once when a worker is back. The run of a worker that dies
is done again when its lease runs out, so a job must be able to run twice.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.errors import Unavailable
from domain.model.schedule import Schedule
from domain.ports import Ports
from domain.ports.store import Work

_log = logging.getLogger(__name__)
LEASE = timedelta(minutes=2)
"""How long a run may take before another worker takes it for dead."""


@dataclass(frozen=True)
class Job:
    """A recurring job. `run` must be able to run again at any time; `name` identifies its row.

    `due_at` returns when the job is needed next, if that can be known; it runs then, or `every` interval if that is
    sooner. Transactions that make it needed earlier call `Schedules.bring_forward`.
    """

    name: str
    every: timedelta
    run: Callable[[Ports], object]
    due_at: Callable[[Work], datetime | None] = lambda _work: None


def add_schedules(ports: Ports, jobs: Iterable[Job]) -> None:
    """Add a row for each job that has none, due now, and give the others their current interval."""
    now = ports.clock.now()
    schedules = [Schedule(job.name, job.every.total_seconds(), now) for job in jobs]
    with ports.store.begin() as work:
        work.schedules.put(schedules)


def run_due_jobs(ports: Ports, jobs: Iterable[Job], owner: str) -> list[str]:
    """Run every job that is due and that no other worker runs; return the names of those that were run."""
    by_name = {job.name: job for job in jobs}
    names: list[str] = []
    while schedule := _claim(ports, by_name, owner):
        names.append(schedule.name)
        job = by_name[schedule.name]
        _finish(ports, job, owner, error=_run(ports, job, schedule.last_error))
    return names


def _claim(ports: Ports, by_name: dict[str, Job], owner: str) -> Schedule | None:
    """Take the job that is due for longest. Reading first costs workers that find nothing no write."""
    now = ports.clock.now()
    with ports.store.read() as work:
        if not work.schedules.due(by_name, now):
            return None
    with ports.store.begin() as work:
        return work.schedules.claim(by_name, owner, now, now + LEASE)


def _run(ports: Ports, job: Job, last_error: str | None) -> str | None:
    """Run the job and return its error, which is logged when it is another than that of the last run."""
    try:
        job.run(ports)
    except Unavailable as fault:
        if fault.message != last_error:
            _log.warning("job %s failed: %s", job.name, fault.message, extra={"details": fault.details})
        return fault.message
    except Exception as fault:  # noqa: BLE001 - a job that fails must not end the others
        _log.exception("job %s failed unexpectedly", job.name)
        return type(fault).__name__
    return None


def _finish(ports: Ports, job: Job, owner: str, error: str | None) -> None:
    """Set the next run: one interval after the end of this one, or when the job is needed next if that is sooner.

    Runs that were missed are not made up for. After a failure the interval alone counts, so that a job that fails does
    not run without end.
    """
    now = ports.clock.now()
    with ports.store.begin() as work:
        work.schedules.lock(job.name)  # what brings the job forward from now on waits, and is not overwritten
        needed_at = job.due_at(work) if error is None else None
        next_at = min(now + job.every, needed_at or datetime.max.replace(tzinfo=now.tzinfo))
        work.schedules.finish(job.name, owner, now, next_at, error)
