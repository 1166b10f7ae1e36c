"""The door for queued work: claims it, carries it out in threads, keeps its leases, and looks after the engine."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event, Lock, Thread

from domain import jobs, watching
from domain.errors import Unavailable
from domain.model import Operation, OperationStatus
from domain.ports import Ports, Query
from domain.report import Lease
from handlers import owners

_log = logging.getLogger(__name__)
_AT_ONCE = 4
_LEASE = timedelta(seconds=10)
_LOOK_EVERY = 1.0
_OBSERVE_EVERY = 2.0
_SWEEP_EVERY = 30.0


class Worker:
    """Four pieces of work at once at most, of four services; stops within seconds, and lets go of what it held."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._owner = owners.new_owner()
        self._stopping = Event()
        self._lock = Lock()
        self._held: dict[str, Lease] = {}
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="work")
        self._watch = watching.Watch()
        self._threads = [
            Thread(target=self._repeat, args=(act, every), name=name, daemon=True)
            for name, act, every in (
                ("queue", self._look, _LOOK_EVERY),
                ("observer", lambda: watching.observe(ports, self._watch), _OBSERVE_EVERY),
                ("sweeper", self._sweep, _SWEEP_EVERY),
            )
        ]

    def start(self) -> None:
        """Returns at once; the work goes on in threads, that of dead workers of this machine first."""
        self._inherit()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop what runs at its next step and put it back into the queue, for whoever starts next."""
        self._stopping.set()
        with self._lock:
            for lease in self._held.values():
                lease.lost.set()
        self._ports.feed.nudge()
        self._pool.shutdown(wait=True)
        for thread in self._threads:
            thread.join()

    def run_until_idle(self) -> None:
        """Carry out everything that is queued, in this thread: for tests and scripts."""
        while operation := self._claim():
            self._carry_out(operation, Lease(self._owner))

    def _repeat(self, act: Callable[[], object], every: float) -> None:
        told = None
        while not self._stopping.is_set():
            mark = self._ports.feed.mark()
            try:
                act()
                told = None
            except Unavailable as away:
                if away.message != told:
                    _log.warning("%s", away.message)
                told = away.message
            except Exception:  # noqa: BLE001 - one bad look must not end the looking
                _log.exception("unforeseen")
            if every <= _LOOK_EVERY:
                self._ports.feed.wait(every, mark)
            else:
                self._stopping.wait(every)

    def _inherit(self) -> None:
        now = self._ports.clock.now()
        with self._ports.store.begin() as work:
            for operation in work.operations.page(Query({"status": OperationStatus.RUNNING}, per_page=100)).items:
                if operation.lease_owner and owners.is_dead(operation.lease_owner):
                    work.operations.renew(operation.id, operation.lease_owner, now)

    def _look(self) -> None:
        self._renew()
        while len(self._held) < _AT_ONCE and not self._stopping.is_set():
            operation = self._claim()
            if operation is None:
                return
            lease = Lease(self._owner)
            with self._lock:
                self._held[operation.id] = lease
            self._pool.submit(self._carry_out, operation, lease)

    def _claim(self) -> Operation | None:
        now = self._ports.clock.now()
        with self._ports.store.begin() as work:
            return work.operations.claim(self._owner, now, now + _LEASE)

    def _carry_out(self, operation: Operation, lease: Lease) -> None:
        try:
            jobs.carry_out(self._ports, operation, lease)
        except Exception:  # noqa: BLE001 - its lease runs out, and then it is claimed again
            _log.exception("the end of %s could not be written; it is tried again", operation.id)
        finally:
            with self._lock:
                self._held.pop(operation.id, None)
            self._ports.feed.nudge()

    def _renew(self) -> None:
        with self._lock:
            held = dict(self._held)
        until = self._ports.clock.now() + _LEASE
        for operation_id, lease in held.items():
            with self._ports.store.begin() as work:
                operation = work.operations.renew(operation_id, self._owner, until)
            if operation is None:
                lease.lost.set()
            elif operation.cancel_requested:
                lease.cancelled.set()

    def _sweep(self) -> None:
        for name in watching.sweep(self._ports):
            _log.info("removed %s, which nothing claims", name)
