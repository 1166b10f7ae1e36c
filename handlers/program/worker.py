"""The door for queued work: claims it, carries it out in threads, keeps its leases, and looks after the engine."""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from threading import Event, Lock, Thread

from domain import events, runtime
from domain.errors import Unavailable
from domain.identity import expiry
from domain.model.operation import Operation, OperationStatus
from domain.ports import Ports
from domain.ports.store import Query
from domain.rollout.reconcile import garbage_collection, observer
from domain.work import runner
from domain.work.progress import Lease
from handlers.program import worker_id

_log = logging.getLogger(__name__)
_AT_ONCE = 8
_LEASE = timedelta(seconds=10)
_LOOK_EVERY = 1.0
_OBSERVE_EVERY = 2.0
_SWEEP_EVERY = 30.0


class Worker:
    """Eight pieces of work at once at most, of as many services; stops within seconds, and gives back what it held."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._owner = worker_id.new_owner()
        self._stopping = Event()
        self._lock = Lock()
        self._held: dict[str, Lease] = {}
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="work")
        self._watch = observer.Watch()
        self._threads = [
            Thread(target=self._repeat, args=(act, every), name=name, daemon=True)
            for name, act, every in (
                ("queue", self._look, _LOOK_EVERY),
                ("observer", lambda: observer.observe(ports, self._watch), _OBSERVE_EVERY),
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
        self._ports.notifier.notify()
        queue, *watchers = self._threads
        queue.join()
        with self._lock:  # nothing is claimed any more
            for lease in self._held.values():
                lease.lost.set()
        self._pool.shutdown(wait=True)
        for thread in watchers:
            thread.join()
        self._watch.close()

    def run_until_idle(self) -> None:
        """Carry out everything that is queued, in this thread: for tests and scripts."""
        while operation := self._claim():
            self._carry_out(operation, Lease(self._owner))

    def _repeat(self, act: Callable[[], object], every: float) -> None:
        told = None
        while not self._stopping.is_set():
            mark = self._ports.notifier.version()
            try:
                act()
                told = None
            except Unavailable as away:
                if away.message != told:
                    _log.warning("%s", away.message, extra={"details": away.details})
                told = away.message
            except Exception:  # noqa: BLE001 - one bad look must not end the looking
                _log.exception("unforeseen")
            if every <= _LOOK_EVERY:
                self._ports.notifier.wait(every, mark)
            else:
                self._stopping.wait(every)

    def _inherit(self) -> None:
        now = self._ports.clock.now()
        with self._ports.store.begin() as work:
            for operation in work.operations.page(Query({"status": OperationStatus.RUNNING}, per_page=100)).items:
                if operation.lease_owner and worker_id.is_dead(operation.lease_owner):
                    work.operations.renew(operation.id, operation.lease_owner, now)

    def _look(self) -> None:
        self._hear()
        while len(self._held) < _AT_ONCE and not self._stopping.is_set():
            operation = self._claim()
            if operation is None:
                return
            lease = Lease(self._owner, self._ports.clock, operation.lease_until)
            with self._lock:
                self._held[operation.id] = lease
            self._pool.submit(self._carry_out, operation, lease)

    def _claim(self) -> Operation | None:
        now = self._ports.clock.now()
        with self._ports.store.begin() as work:
            return work.operations.claim(self._owner, now, now + _LEASE)

    def _carry_out(self, operation: Operation, lease: Lease) -> None:
        try:
            runner.carry_out(self._ports, operation, lease)
        except Exception:  # noqa: BLE001 - its lease runs out, and then it is claimed again
            _log.exception("the end of %s could not be written; it is tried again", operation.id)
        finally:
            with self._lock:
                self._held.pop(operation.id, None)
            if self._stopping.is_set():
                self._give_back(operation.id)
            self._ports.notifier.notify()

    def _give_back(self, operation_id: str) -> None:
        """Whoever starts next need not wait for the lease to run out; and stopping in order is no failed attempt."""
        with suppress(Unavailable), self._ports.store.begin() as work:
            operation = work.operations.get(operation_id)
            if operation and operation.lease_owner == self._owner:
                operation.lease_until, operation.attempts = self._ports.clock.now(), operation.attempts - 1
                work.operations.save(operation)

    def _hear(self) -> None:
        """Keep the leases, and learn what was cancelled: at every news, which costs no transaction that writes."""
        with self._lock:
            held = dict(self._held)
        if not held:
            return
        self._renew({name: lease for name, lease in held.items() if self._is_due(lease)})
        with self._ports.store.read() as work:
            for operation_id, lease in held.items():
                operation = work.operations.get(operation_id)
                if operation and operation.cancel_requested:
                    lease.cancelled.set()

    def _is_due(self, lease: Lease) -> bool:
        return lease.until is not None and lease.until - self._ports.clock.now() < _LEASE * 2 / 3

    def _renew(self, due: Mapping[str, Lease]) -> None:
        if not due:
            return
        until = self._ports.clock.now() + _LEASE
        with self._ports.store.begin() as work:
            renewed = {name for name in due if work.operations.renew(name, self._owner, until)}
        for operation_id, lease in due.items():
            if operation_id in renewed:
                lease.until = until
            else:
                lease.lost.set()

    def _sweep(self) -> None:
        events.forget_old(self._ports)
        expiry.remove_expired(self._ports)
        runtime.forget_old(self._ports)
        for name in garbage_collection.sweep(self._ports):
            _log.info("removed %s, which nothing claims", name)
