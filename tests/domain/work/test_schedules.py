"""Recurring jobs: one worker runs a due job, missed runs are made up for once, a dead worker loses its lease."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, Thread

import pytest

from domain.adapters import memory
from domain.errors import Unavailable
from domain.model.schedule import Schedule
from domain.ports import Ports
from domain.settings import Settings
from domain.tasks.periodic import JOBS
from domain.work.schedules import LEASE, Job, add_schedules, run_due_jobs
from tests import fake_ports
from tests.adapters.sql.conftest import postgres_url, sqlite_url, url  # noqa: F401

EVERY = timedelta(seconds=30)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def store_ports(tmp_path: Path, url: str) -> Iterator[Ports]:  # noqa: F811
    """Ports on each database."""
    with fake_ports.open_ports(Settings(data_dir=tmp_path, database_url=url, runtime="memory")) as ports:
        yield replace(ports, clock=Clock())


def _job(runs: list[str], name: str = "sweep", fault: Exception | None = None) -> Job:
    def run(_ports: Ports) -> None:
        runs.append(name)
        if fault:
            raise fault

    return Job(name, EVERY, run)


def _schedule(ports: Ports, name: str = "sweep") -> Schedule:
    with ports.store.read() as work:
        schedule = work.schedules.get(name)
    assert schedule is not None
    return schedule


def test_a_job_runs_when_it_is_due_and_not_before(store_ports: Ports):
    runs: list[str] = []
    jobs = [_job(runs)]
    add_schedules(store_ports, jobs)
    assert run_due_jobs(store_ports, jobs, "worker-1") == ["sweep"]
    assert run_due_jobs(store_ports, jobs, "worker-1") == []
    store_ports.clock.sleep(29)
    assert run_due_jobs(store_ports, jobs, "worker-1") == []
    store_ports.clock.sleep(1)
    assert run_due_jobs(store_ports, jobs, "worker-2") == ["sweep"]
    assert runs == ["sweep"] * 2


def test_missed_runs_are_made_up_by_one_run(store_ports: Ports):
    runs: list[str] = []
    jobs = [_job(runs)]
    add_schedules(store_ports, jobs)
    run_due_jobs(store_ports, jobs, "worker-1")
    store_ports.clock.sleep(3600)
    add_schedules(store_ports, jobs)
    run_due_jobs(store_ports, jobs, "worker-1")
    assert runs == ["sweep"] * 2
    assert _schedule(store_ports).next_at == store_ports.clock.now() + EVERY


def test_of_many_workers_at_once_one_runs_a_due_job(store_ports: Ports):
    runs: list[str] = []
    jobs = [_job(runs, name) for name in ("a", "b", "c")]
    add_schedules(store_ports, jobs)
    ready = Barrier(6)

    def work(number: int) -> None:
        ready.wait()
        run_due_jobs(store_ports, jobs, f"worker-{number}")

    threads = [Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(runs) == ["a", "b", "c"]


def test_the_run_of_a_worker_that_died_is_done_again_when_its_lease_has_run_out(store_ports: Ports):
    runs: list[str] = []
    jobs = [_job(runs)]
    add_schedules(store_ports, jobs)
    now = store_ports.clock.now()
    with store_ports.store.begin() as work:
        assert work.schedules.claim(["sweep"], "dead", now, now + LEASE)
    assert run_due_jobs(store_ports, jobs, "worker-1") == []
    store_ports.clock.sleep(LEASE.total_seconds())
    assert run_due_jobs(store_ports, jobs, "worker-1") == ["sweep"]


def test_a_worker_whose_lease_was_taken_does_not_move_the_next_run(store_ports: Ports):
    jobs = [_job([])]
    add_schedules(store_ports, jobs)
    now = store_ports.clock.now()
    with store_ports.store.begin() as work:
        work.schedules.claim(["sweep"], "slow", now, now)
        work.schedules.claim(["sweep"], "worker-2", now, now + LEASE)
        work.schedules.finish("sweep", "slow", now, now + EVERY, None)
    assert (_schedule(store_ports).lease_owner, _schedule(store_ports).next_at) == ("worker-2", now)


def test_the_leases_of_a_worker_are_released_by_name(store_ports: Ports):
    jobs = [_job([])]
    add_schedules(store_ports, jobs)
    now = store_ports.clock.now()
    with store_ports.store.begin() as work:
        work.schedules.claim(["sweep"], "dead", now, now + LEASE)
        assert work.schedules.owners() == {"dead"}
        work.schedules.release("dead")
    assert run_due_jobs(store_ports, jobs, "worker-1") == ["sweep"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [(Unavailable("The engine is away"), "The engine is away"), (RuntimeError("a bug"), "RuntimeError")],
)
def test_a_job_that_fails_is_due_again_after_its_interval_and_does_not_stop_the_others(
    store_ports: Ports, fault: Exception, error: str
):
    runs: list[str] = []
    jobs = [_job(runs, "bad", fault), _job(runs, "good")]
    add_schedules(store_ports, jobs)
    assert run_due_jobs(store_ports, jobs, "worker-1") == ["bad", "good"]
    schedule = _schedule(store_ports, "bad")
    assert (schedule.last_error, schedule.next_at) == (error, store_ports.clock.now() + EVERY)
    assert _schedule(store_ports, "good").last_error is None


def test_a_changed_interval_is_kept_and_jobs_of_other_releases_are_left_alone(store_ports: Ports):
    runs: list[str] = []
    add_schedules(store_ports, [_job(runs, "removed"), _job(runs)])
    run_due_jobs(store_ports, [_job(runs)], "worker-1")
    add_schedules(store_ports, [replace(_job(runs), every=timedelta(hours=1))])
    schedule = _schedule(store_ports)
    assert (schedule.every, schedule.last_run_at) == (3600, store_ports.clock.now())
    assert runs == ["sweep"]


def test_every_job_of_an_installation_runs(ports: Ports):
    ports = replace(ports, router=memory.Router())
    ports.router.switch("svc_gone", "gone", ())
    add_schedules(ports, JOBS)
    assert sorted(run_due_jobs(ports, JOBS, "worker-1")) == sorted(job.name for job in JOBS)
    assert ports.router.routes() == set()
    with ports.store.read() as work:
        schedules = [work.schedules.get(job.name) for job in JOBS]
    assert [schedule and schedule.last_error for schedule in schedules] == [None] * len(JOBS)


def test_workers_that_start_together_add_the_same_schedules(store_ports: Ports) -> None:
    for attempt in range(5):
        jobs = [_job([], f"job-{attempt}-{number}") for number in range(4)]
        with ThreadPoolExecutor(4) as pool:
            starts = [pool.submit(add_schedules, store_ports, order) for order in (jobs, jobs[::-1], jobs, jobs[::-1])]
            assert [start.result(30) for start in starts] == [None] * 4
