"""The worker: runs queued operations in threads, and keeps the engine and the database in agreement."""

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

from domain.errors import Unavailable
from domain.model.operation import Operation
from domain.ports import Ports
from domain.rollout.edge_routes import synchronize
from domain.rollout.reconcile import observer
from domain.tasks.periodic import JOBS
from domain.tasks.registry import TASKS
from domain.work.lease import Lease
from domain.work.runner import run_operation
from domain.work.schedules import Job, add_schedules, run_due_jobs
from domain.work.task import Task
from handlers.program import worker_id
from handlers.program.leases import Leases, end_leases_of_dead_workers

_log = logging.getLogger(__name__)
_AT_ONCE = 8
_QUEUE_EVERY, _OBSERVE_EVERY, _SCHEDULES_EVERY, _EDGE_EVERY = 1.0, 2.0, 1.0, 2.0  # seconds
_MAX_SHARE = 0.02  # of a core, for each of observer and schedules: with thousands of services they run more rarely
_LONGEST_EDGE_PAUSE = 3.0  # seconds: lost routes of custom domains are back within five


class Worker:
    """Run at most eight operations at once, each under its own lock key.

    Four threads: `queue` claims operations and keeps their leases; `schedules` runs jobs that are due; `observer`
    compares services with the engine, and `edge` custom domains with the reverse proxy. These two are no jobs of the
    schedule, since they run every two seconds, and the observer keeps releases and pending probes in memory; two
    workers write the same, so each may have them.
    """

    def __init__(self, ports: Ports, tasks: Mapping[str, Task] = TASKS, jobs: Sequence[Job] = JOBS) -> None:
        self._ports = ports
        self._tasks = tasks
        self._jobs = jobs
        self._owner = worker_id.new_owner()
        self._stopping = Event()
        self._leases = Leases(ports, self._owner)
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="operation")
        self._observed = observer.ObserverState()
        self._threads = [
            Thread(target=self._repeat, args=(act, every, longest), name=name, daemon=True)
            for name, act, every, longest in (
                ("queue", self._run_queue, _QUEUE_EVERY, math.inf),
                ("observer", lambda: observer.observe(ports, self._observed), _OBSERVE_EVERY, math.inf),
                ("edge", lambda: synchronize(ports), _EDGE_EVERY, _LONGEST_EDGE_PAUSE),
                ("schedules", lambda: run_due_jobs(ports, jobs, self._owner), _SCHEDULES_EVERY, math.inf),
            )
        ]

    def start(self) -> None:
        """Start the threads and return; operations of dead workers of this machine are taken first."""
        end_leases_of_dead_workers(self._ports)
        add_schedules(self._ports, self._jobs)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop running operations at their next step and return them to the queue, for the worker that starts next."""
        self._stopping.set()
        self._ports.notifier.notify()
        queue, *others = self._threads
        queue.join()
        self._leases.lose_all()  # nothing is claimed any more
        self._pool.shutdown(wait=True)
        for thread in others:
            thread.join()
        self._observed.close()

    def run_until_idle(self) -> None:
        """Run everything that is queued, in this thread: for tests and scripts."""
        while claimed := self._leases.claim():
            operation, _ = claimed
            self._run(operation, Lease(self._owner))  # without heartbeat, so it must not run out

    def _repeat(self, act: Callable[[], object], every: float, longest: float) -> None:
        logged = None
        while not self._stopping.is_set():
            version, used = self._ports.notifier.version(), time.thread_time()
            try:
                act()
                logged = None
            except Unavailable as fault:
                if fault.message != logged:
                    _log.warning("%s", fault.message, extra={"details": fault.details})
                logged = fault.message
            except Exception:  # noqa: BLE001 - a failure must not end the thread
                _log.exception("failed unexpectedly")
            if act == self._run_queue:
                self._ports.notifier.wait(every, version)
            else:
                self._stopping.wait(min(longest, max(every, (time.thread_time() - used) / _MAX_SHARE)))

    def _run_queue(self) -> None:
        self._leases.keep()
        while len(self._leases) < _AT_ONCE and not self._stopping.is_set():
            claimed = self._leases.claim()
            if claimed is None:
                return
            self._pool.submit(self._run, *claimed)

    def _run(self, operation: Operation, lease: Lease) -> None:
        try:
            run_operation(self._ports, self._tasks, operation, lease)
        except Exception:  # noqa: BLE001 - its lease runs out, and then it is claimed again
            _log.exception("the end of %s could not be written; it is tried again", operation.id)
        finally:
            self._leases.drop(operation.id)
            if self._stopping.is_set():
                self._leases.give_back(operation.id)
            self._ports.notifier.notify()
