"""Workers: each operation once, leases kept, lost and returned, dead workers, a database that goes away."""

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
    """On each database, in real time."""
    with fake_ports.opened(Settings(data_dir=tmp_path, database_url=url, runtime="memory")) as ports:
        yield fresh(ports)


@contextmanager
def _working(*ports: Ports) -> Iterator[list[Worker]]:
    workers = [Worker(each) for each in ports]
    for worker in workers:
        worker.start()
    try:
        yield workers
    finally:
        for worker in workers:
            worker.stop()


def _until(true: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


def _hanging(flow: Flow, service_id: str | None = None) -> str:
    """A deployment whose pull hangs; its operation's id."""
    flow.runtime.images["hanging:1"] = memory.Behaviour(ports=(8080,), hangs=True)
    if service_id is None:
        service_id = flow.ask("hanging:1")
    else:
        flow.deploy(service_id, image="hanging:1")
    return flow.last(service_id).id


def _has(flow: Flow, operation_id: str, *statuses: str) -> Callable[[], bool]:
    return lambda: flow.operation(operation_id).status in statuses


class _Noting:
    """An engine that notes which deployments are pulled, and whether a service is ever worked on twice at once."""

    def __init__(self, runtime: memory.Runtime) -> None:
        self._runtime, self._lock = runtime, threading.Lock()
        self.created: Counter[str] = Counter()
        self.at_work: defaultdict[str, set[str]] = defaultdict(set)

    def create(self, spec: Any) -> None:
        with self._lock:
            self.created[spec.labels["panel.deployment"]] += 1
            self.at_work[spec.labels["panel.service"]].add(spec.labels["panel.deployment"])
            assert len(self.at_work[spec.labels["panel.service"]]) == 1, "two at once for one service"
        time.sleep(0.002)
        self._runtime.create(spec)

    def start(self, name: str) -> None:
        self._runtime.start(name)
        time.sleep(0.002)
        service_id, deployment_id = name.split("-")[:2]
        with self._lock:
            self.at_work[service_id].discard(deployment_id)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runtime, name)


def test_two_workers_carry_out_each_deployment_once_and_never_two_of_one_service(flow: Flow):
    services = [flow.running() for _ in range(5)]
    noting: Any = _Noting(flow.runtime)
    ports = replace(flow.ports, runtime=noting)
    asked: list[str] = []
    with _working(ports, ports):
        for number in range(30):
            asked.append(flow.deploy(services[number % 5], image=f"web:{1 + number % 2}"))
            time.sleep(0.01 * (number % 3))
        _until(lambda: all(flow.deployment(each).finished_at for each in asked), 60)
    ended = [flow.deployment(each) for each in asked]
    assert {each.status for each in ended} == {"succeeded"}
    carried = {each.id for each in ended if each.superseded_by is None}
    assert noting.created == dict.fromkeys(carried, 1)
    for service_id in services:
        live = flow.service(service_id).live_deployment_id
        assert flow.held(service_id) == {live}
        assert flow.service(service_id).status == "running"


def test_queued_work_is_picked_up_at_once(flow: Flow):
    flow.running()
    with _working(flow.ports):
        time.sleep(0.2)
        waits = []
        for _ in range(10):
            service_id = flow.ask()
            operation_id = flow.last(service_id).id
            _until(_has(flow, operation_id, "succeeded"))
            operation = flow.operation(operation_id)
            assert operation.started_at
            waits.append((operation.started_at - operation.created_at).total_seconds())
    assert sorted(waits)[len(waits) // 2] < 0.3, waits


def test_notifications_about_one_operation_cost_no_write_for_another(flow: Flow):
    begun: list[int] = []
    store: Any = _Counting(flow.ports.store, begun)
    _hanging(flow)
    with _working(replace(flow.ports, store=store)):
        _until(lambda: flow.claim() is None and begun)
        time.sleep(0.3)
        begun.clear()
        for _ in range(20):
            flow.ports.notifier.notify()
            time.sleep(0.01)
        renewals = sum(name == "renew" for name in begun)
    assert renewals == 0


class _Counting:
    """A store that notes renewals."""

    def __init__(self, store: Any, noted: list[Any]) -> None:
        self._store, self._noted = store, noted

    @contextmanager
    def begin(self) -> Any:
        with self._store.begin() as work:
            renew = work.operations.renew
            work.operations.renew = lambda *given: (self._noted.append("renew"), renew(*given))[1]
            self._noted.append("begin")
            yield work

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def test_a_pull_that_hangs_is_cancelled_and_the_queue_moves_on(flow: Flow):
    service_id = flow.running()
    old = str(flow.service(service_id).live_deployment_id)
    with _working(flow.ports):
        operation_id = _hanging(flow, service_id)
        _until(lambda: flow.newest(service_id).status == "pulling")
        next_one = flow.deploy(service_id, image="web:2")
        assert flow.serves(service_id, old)
        flow.cancel(operation_id)
        flow.ports.notifier.notify()
        _until(_has(flow, operation_id, "cancelled"), 10)
        _until(lambda: flow.deployment(next_one).status == "succeeded")


def test_work_that_hangs_does_not_starve_the_others_once_it_is_cancelled(flow: Flow, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(worker_module, "_AT_ONCE", 2)
    with _working(flow.ports):
        hanging = [_hanging(flow), _hanging(flow)]
        for each in hanging:
            _until(_has(flow, each, "running"))
        waiting = flow.ask()
        time.sleep(0.3)
        assert flow.last(waiting).status == "queued"
        flow.cancel(hanging[0])
        _until(lambda: flow.service(waiting).status == "running", 10)
        flow.cancel(hanging[1])


def test_a_worker_that_is_stopped_gives_its_work_back_and_the_next_takes_it_at_once(flow: Flow):
    with _working(flow.ports):
        operation_id = _hanging(flow)
        _until(lambda: flow.operation(operation_id).steps)
        stopped_at = time.monotonic()
    assert time.monotonic() - stopped_at < 5
    left = flow.operation(operation_id)
    assert (left.status, left.attempts) == ("running", 0)
    flow.runtime.release()
    with _working(flow.ports):
        _until(_has(flow, operation_id, "succeeded"), 5)


def test_stopping_again_and_again_in_order_is_no_crash(flow: Flow):
    service_id = flow.ask("hanging:1")
    flow.runtime.images["hanging:1"] = memory.Behaviour(ports=(8080,), hangs=True)
    operation_id = flow.last(service_id).id
    for turn in range(1, 6):
        with _working(flow.ports):
            _until(lambda turn=turn: len(flow.operation(operation_id).steps) == turn)
    flow.runtime.release()
    with _working(flow.ports):
        _until(_has(flow, operation_id, "succeeded"), 10)


def test_a_lease_is_kept_as_long_as_the_work_goes_on(flow: Flow, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(leases, "LENGTH", leases.LENGTH / 5)
    with _working(flow.ports, flow.ports):
        operation_id = _hanging(flow)
        _until(_has(flow, operation_id, "running"))
        time.sleep(4)
        assert flow.operation(operation_id).attempts == 1
        flow.runtime.release()
        _until(_has(flow, operation_id, "succeeded"))


def test_a_worker_whose_lease_was_taken_writes_nothing_more(flow: Flow):
    with _working(flow.ports):
        operation_id = _hanging(flow)
        _until(lambda: flow.operation(operation_id).steps)
        with flow.ports.store.begin() as work:
            operation = work.operations.get(operation_id)
            assert operation
            work.operations.save(replace(operation, lease_owner="another"))
        before = flow.operation(operation_id)
        flow.runtime.release()
        time.sleep(1)
        assert flow.operation(operation_id) == before
        assert flow.containers(before.resource_id) == []


def test_the_work_of_a_dead_worker_of_this_machine_is_taken_at_once(flow: Flow):
    service_id = flow.ask()
    here = worker_id._machine()
    assert flow.claim(f"{here}-{2**22 + 1}-{new_id('wrk')}")
    with _working(flow.ports):
        _until(lambda: flow.service(service_id).status == "running", 5)
    assert flow.last(service_id).attempts == 2


class _Away:
    """A store that can go away."""

    def __init__(self, store: Any) -> None:
        self._store, self.away = store, False

    @contextmanager
    def begin(self) -> Any:
        with self._block(self._store.begin) as work:
            yield work

    @contextmanager
    def read(self) -> Any:
        with self._block(self._store.read) as work:
            yield work

    def _block(self, block: Callable[[], Any]) -> Any:
        if self.away:
            raise Unavailable("The database does not answer", code="database_unavailable")
        return block()


def test_a_database_that_goes_away_ends_no_thread_and_no_work(flow: Flow):
    store: Any = _Away(flow.ports.store)
    service_id = flow.running()
    with _working(replace(flow.ports, store=store)) as (worker,):
        operation_id = _hanging(flow, service_id)
        _until(lambda: flow.operation(operation_id).steps)
        store.away = True
        flow.runtime.release()
        time.sleep(1.5)
        later = flow.ask()
        assert all(thread.is_alive() for thread in worker._threads)
        store.away = False
        _until(_has(flow, operation_id, "succeeded"), 20)
        _until(lambda: flow.service(later).status == "running")
        flow.runtime.kill(flow.container(later).name)
        _until(lambda: flow.service(later).status == "failed", 10)


def test_an_unforeseen_fault_ends_neither_the_queue_nor_the_observer(flow: Flow):
    broken: Any = _Broken(flow.runtime)
    service_id = flow.running()
    with _working(replace(flow.ports, runtime=broken)):
        time.sleep(0.5)
        broken.broken = False
        flow.runtime.kill(flow.container(service_id).name)
        _until(lambda: flow.service(service_id).status == "failed", 10)
        assert flow.ask()
        _until(lambda: flow.claim() is None)


class _Broken:
    """An engine whose list is a bug of ours."""

    def __init__(self, runtime: memory.Runtime) -> None:
        self._runtime, self.broken = runtime, True

    def containers(self, labels: Any) -> Any:
        if self.broken:
            raise RuntimeError("a bug")
        return self._runtime.containers(labels)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runtime, name)


def test_a_worker_collects_garbage_when_it_starts(flow: Flow):
    flow.router.switch("svc_gone", "gone", ())
    with _working(flow.ports):
        _until(lambda: flow.router.routes() == set(), 5)


def test_all_work_has_ended_when_a_worker_was_idle(flow: Flow):
    services = [flow.ask() for _ in range(3)]
    Worker(flow.ports).run_until_idle()
    assert {flow.last(each).status for each in services} == {OperationStatus.SUCCEEDED}
