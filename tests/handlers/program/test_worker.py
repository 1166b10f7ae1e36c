"""Workers: each operation runs once; leases, dead workers, and an unavailable database."""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.adapters import memory
from domain.errors import Unavailable
from domain.model.identifiers import new_id
from domain.model.operation import OperationStatus
from domain.ports import Ports
from domain.settings import Settings
from handlers.program import leases, worker_id
from handlers.program import worker as worker_module
from handlers.program.worker import Worker
from tests import fake_ports
from tests.adapters.sql.conftest import postgres_url, sqlite_url, url  # noqa: F401
from tests.flow import Flow, fresh


@pytest.fixture
def flow(tmp_path: Path, url: str) -> Iterator[Flow]:  # noqa: F811
    """A flow on each database, in real time."""
    with fake_ports.open_ports(Settings(data_dir=tmp_path, database_url=url, runtime="memory")) as ports:
        yield fresh(ports)


@contextmanager
def _run_workers(*ports: Ports) -> Iterator[list[Worker]]:
    workers = [Worker(worker_ports) for worker_ports in ports]
    for worker in workers:
        worker.start()
    try:
        yield workers
    finally:
        for worker in workers:
            worker.stop()


def _wait_until(condition: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.01)


def _queue_hanging(flow: Flow, service_id: str | None = None) -> str:
    """Queue a deployment whose pull hangs; return its operation's ID."""
    flow.runtime.images["hanging:1"] = memory.Behaviour(ports=(8080,), hangs=True)
    if service_id is None:
        service_id = flow.ask("hanging:1")
    else:
        flow.deploy(service_id, image="hanging:1")
    return flow.last(service_id).id


def _has(flow: Flow, operation_id: str, *statuses: str) -> Callable[[], bool]:
    return lambda: flow.operation(operation_id).status in statuses


class _RecordingRuntime:
    """Counts the created containers, and checks that a service has no two deployments at the same time."""

    def __init__(self, runtime: memory.Runtime) -> None:
        self._runtime, self._lock = runtime, threading.Lock()
        self.created: Counter[str] = Counter()
        self.in_progress: defaultdict[str, set[str]] = defaultdict(set)

    def create(self, spec: Any) -> None:
        with self._lock:
            self.created[spec.labels["panel.deployment"]] += 1
            self.in_progress[spec.labels["panel.service"]].add(spec.labels["panel.deployment"])
            assert len(self.in_progress[spec.labels["panel.service"]]) == 1, "a service has two"
        time.sleep(0.002)
        self._runtime.create(spec)

    def start(self, name: str) -> None:
        self._runtime.start(name)
        time.sleep(0.002)
        service_id, deployment_id = name.split("-")[:2]
        with self._lock:
            self.in_progress[service_id].discard(deployment_id)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runtime, name)


def test_two_workers_run_each_deployment_once_and_one_at_a_time_per_service(flow: Flow):
    services = [flow.running() for _ in range(5)]
    runtime: Any = _RecordingRuntime(flow.runtime)
    ports = replace(flow.ports, runtime=runtime)
    deployments: list[str] = []
    with _run_workers(ports, ports):
        for number in range(30):
            deployments.append(flow.deploy(services[number % 5], image=f"web:{1 + number % 2}"))
            time.sleep(0.01 * (number % 3))
        _wait_until(lambda: all(flow.deployment(deployment_id).finished_at for deployment_id in deployments), 60)
    finished = [flow.deployment(deployment_id) for deployment_id in deployments]
    assert {deployment.status for deployment in finished} == {"succeeded"}
    executed = {deployment.id for deployment in finished if deployment.superseded_by is None}
    assert runtime.created == dict.fromkeys(executed, 1)
    for service_id in services:
        live = flow.service(service_id).live_deployment_id
        assert flow.held(service_id) == {live}
        assert flow.service(service_id).status == "running"


def test_queued_operations_start_immediately(flow: Flow):
    flow.running()
    with _run_workers(flow.ports):
        time.sleep(0.2)
        waits = []
        for _ in range(10):
            service_id = flow.ask()
            operation_id = flow.last(service_id).id
            _wait_until(_has(flow, operation_id, "succeeded"))
            operation = flow.operation(operation_id)
            assert operation.started_at
            waits.append((operation.started_at - operation.created_at).total_seconds())
    assert sorted(waits)[len(waits) // 2] < 0.3, waits


def test_notifications_cause_no_lease_renewals(flow: Flow):
    calls: list[str] = []
    store: Any = _RecordingStore(flow.ports.store, calls)
    _queue_hanging(flow)
    with _run_workers(replace(flow.ports, store=store)):
        _wait_until(lambda: flow.claim() is None and calls)
        time.sleep(0.3)
        calls.clear()
        for _ in range(20):
            flow.ports.notifier.notify()
            time.sleep(0.01)
        renewals = sum(name == "renew" for name in calls)
    assert renewals == 0


class _RecordingStore:
    """Records transactions and lease renewals."""

    def __init__(self, store: Any, calls: list[Any]) -> None:
        self._store, self._calls = store, calls

    @contextmanager
    def begin(self) -> Any:
        with self._store.begin() as work:
            renew = work.operations.renew
            work.operations.renew = lambda *arguments: (self._calls.append("renew"), renew(*arguments))[1]
            self._calls.append("begin")
            yield work

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def test_a_pull_that_hangs_is_cancelled_and_the_queue_moves_on(flow: Flow):
    service_id = flow.running()
    old = str(flow.service(service_id).live_deployment_id)
    with _run_workers(flow.ports):
        operation_id = _queue_hanging(flow, service_id)
        _wait_until(lambda: flow.newest(service_id).status == "pulling")
        next_deployment = flow.deploy(service_id, image="web:2")
        assert flow.serves(service_id, old)
        flow.cancel(operation_id)
        flow.ports.notifier.notify()
        _wait_until(_has(flow, operation_id, "cancelled"), 10)
        _wait_until(lambda: flow.deployment(next_deployment).status == "succeeded")


def test_a_cancelled_operation_that_hangs_frees_its_place_for_others(flow: Flow, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(worker_module, "_AT_ONCE", 2)
    with _run_workers(flow.ports):
        hanging = [_queue_hanging(flow), _queue_hanging(flow)]
        for operation_id in hanging:
            _wait_until(_has(flow, operation_id, "running"))
        waiting = flow.ask()
        time.sleep(0.3)
        assert flow.last(waiting).status == "queued"
        flow.cancel(hanging[0])
        _wait_until(lambda: flow.service(waiting).status == "running", 10)
        flow.cancel(hanging[1])


def test_a_stopped_worker_returns_its_operations_and_the_next_resumes_them_immediately(flow: Flow):
    with _run_workers(flow.ports):
        operation_id = _queue_hanging(flow)
        _wait_until(lambda: flow.operation(operation_id).steps)
        stopped_at = time.monotonic()
    assert time.monotonic() - stopped_at < 5
    operation = flow.operation(operation_id)
    assert (operation.status, operation.attempts) == ("running", 0)
    flow.runtime.release()
    with _run_workers(flow.ports):
        _wait_until(_has(flow, operation_id, "succeeded"), 5)


def test_repeated_orderly_stops_do_not_count_as_crashes(flow: Flow):
    service_id = flow.ask("hanging:1")
    flow.runtime.images["hanging:1"] = memory.Behaviour(ports=(8080,), hangs=True)
    operation_id = flow.last(service_id).id
    for turn in range(1, 6):
        with _run_workers(flow.ports):
            _wait_until(lambda turn=turn: len(flow.operation(operation_id).steps) == turn)
    flow.runtime.release()
    with _run_workers(flow.ports):
        _wait_until(_has(flow, operation_id, "succeeded"), 10)


def test_a_lease_is_renewed_while_its_operation_runs(flow: Flow, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(leases, "LENGTH", leases.LENGTH / 5)
    with _run_workers(flow.ports, flow.ports):
        operation_id = _queue_hanging(flow)
        _wait_until(_has(flow, operation_id, "running"))
        time.sleep(4)
        assert flow.operation(operation_id).attempts == 1
        flow.runtime.release()
        _wait_until(_has(flow, operation_id, "succeeded"))


def test_a_worker_that_lost_its_lease_writes_nothing(flow: Flow):
    with _run_workers(flow.ports):
        operation_id = _queue_hanging(flow)
        _wait_until(lambda: flow.operation(operation_id).steps)
        with flow.ports.store.begin() as work:
            operation = work.operations.get(operation_id)
            assert operation
            work.operations.save(replace(operation, lease_owner="another"))
        before = flow.operation(operation_id)
        flow.runtime.release()
        time.sleep(1)
        assert flow.operation(operation_id) == before
        assert flow.containers(before.resource_id) == []


def test_operations_of_a_dead_worker_on_this_machine_are_resumed_immediately(flow: Flow):
    service_id = flow.ask()
    machine = worker_id._machine()
    assert flow.claim(f"{machine}-{2**22 + 1}-{new_id('wrk')}")
    with _run_workers(flow.ports):
        _wait_until(lambda: flow.last(service_id).status == "succeeded", 5)
    assert flow.last(service_id).attempts == 2
    assert flow.service(service_id).status == "running"


class _UnavailableStore:
    """Raises Unavailable while `unavailable` is set."""

    def __init__(self, store: Any) -> None:
        self._store, self.unavailable = store, False

    @contextmanager
    def begin(self) -> Any:
        with self._block(self._store.begin) as work:
            yield work

    @contextmanager
    def read(self) -> Any:
        with self._block(self._store.read) as work:
            yield work

    def _block(self, block: Callable[[], Any]) -> Any:
        if self.unavailable:
            raise Unavailable("The database does not answer", code="database_unavailable")
        return block()


def test_an_unavailable_database_ends_no_thread_and_no_operation(flow: Flow):
    store: Any = _UnavailableStore(flow.ports.store)
    service_id = flow.running()
    with _run_workers(replace(flow.ports, store=store)) as (worker,):
        operation_id = _queue_hanging(flow, service_id)
        _wait_until(lambda: flow.operation(operation_id).steps)
        store.unavailable = True
        flow.runtime.release()
        time.sleep(1.5)
        later = flow.ask()
        assert all(thread.is_alive() for thread in worker._threads)
        store.unavailable = False
        _wait_until(_has(flow, operation_id, "succeeded"), 20)
        _wait_until(lambda: flow.service(later).status == "running")
        flow.runtime.kill(flow.container(later).name)
        _wait_until(lambda: flow.service(later).status == "failed", 10)


def test_an_unexpected_error_ends_neither_the_queue_nor_the_reconciler(flow: Flow):
    broken: Any = _BrokenRuntime(flow.runtime)
    service_id = flow.running()
    with _run_workers(replace(flow.ports, runtime=broken)):
        time.sleep(0.5)
        broken.broken = False
        flow.runtime.kill(flow.container(service_id).name)
        _wait_until(lambda: flow.service(service_id).status == "failed", 10)
        assert flow.ask()
        _wait_until(lambda: flow.claim() is None)


class _BrokenRuntime:
    """Raises an unexpected error when containers are listed."""

    def __init__(self, runtime: memory.Runtime) -> None:
        self._runtime, self.broken = runtime, True

    def containers(self, labels: Any) -> Any:
        if self.broken:
            raise RuntimeError("a bug")
        return self._runtime.containers(labels)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runtime, name)


def test_an_observer_that_needs_much_time_observes_more_rarely(flow: Flow, monkeypatch: pytest.MonkeyPatch):
    """It may use three percent of a core, so that a tenth of a second is followed by three seconds."""
    used, observed = threading.local(), []

    def observe(*_: object) -> None:
        used.seconds = getattr(used, "seconds", 0.0) + 0.1
        observed.append(time.monotonic())

    monkeypatch.setattr(worker_module, "_OBSERVE_EVERY", 0.05)
    monkeypatch.setattr(worker_module.observer, "observe", observe)
    monkeypatch.setattr(worker_module.time, "thread_time", lambda: getattr(used, "seconds", 0.0))
    with _run_workers(flow.ports):
        _wait_until(lambda: len(observed) == 2)
    assert observed[1] - observed[0] >= 3


def test_a_worker_collects_garbage_when_it_starts(flow: Flow):
    flow.router.switch("svc_gone", "gone", ())
    with _run_workers(flow.ports):
        _wait_until(lambda: flow.router.routes() == set(), 5)


def test_run_until_idle_finishes_all_operations(flow: Flow):
    services = [flow.ask() for _ in range(3)]
    Worker(flow.ports).run_until_idle()
    assert {flow.last(service_id).status for service_id in services} == {OperationStatus.SUCCEEDED}
