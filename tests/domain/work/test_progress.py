"""What an operation writes as it runs, and that it writes nothing once another worker has it."""

from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.errors import Unavailable
from domain.ports import Ports
from domain.tasks.registry import TASKS
from domain.work.failures import Cancelled
from domain.work.lease import Lease, LeaseLost
from domain.work.progress import OperationProgress
from tests.flow import LEASE, Flow, Killed, Trap, fresh


@pytest.fixture
def flow(ports: Ports) -> Flow:
    return fresh(ports)


class Outage:
    """A store that is away for so many blocks, from one of them on; `late` ones are committed all the same."""

    def __init__(self, store: Any, first: int, blocks: int, *, late: bool = False) -> None:
        self._store, self._first, self._last, self._late = store, first, first + blocks, late
        self.instance, self.count = store.instance, 0

    @contextmanager
    def begin(self) -> Any:
        self.count += 1
        away = self._first <= self.count < self._last
        if away and not self._late:
            raise Unavailable("The database does not answer", code="database_unavailable")
        with self._store.begin() as work:
            yield work
        if away:
            raise Unavailable("The database does not answer", code="database_unavailable")

    def read(self) -> Any:
        return self._store.read()


def _progress(flow: Flow) -> tuple[OperationProgress, Lease, str]:
    service_id = flow.ask()
    operation = flow.claimed()
    lease = Lease(flow.owner, flow.ports.clock, operation.lease_until)
    return OperationProgress(flow.ports, TASKS[operation.kind], operation, lease), lease, service_id


@pytest.mark.parametrize("clock", [True, False], ids=["knowing its time", "by the row alone"])
def test_a_worker_that_lost_its_lease_writes_no_step_and_no_line(flow: Flow, clock: bool):
    progress, lease, service_id = _progress(flow)
    lease.until = lease.until if clock else None
    progress.step("pulling", "Pulling")
    flow.ports.clock.sleep(LEASE.total_seconds())
    assert flow.claimed("another")
    before = flow.newest(service_id)
    for write in (lambda: progress.log("late"), lambda: progress.step("creating", "Creating"), progress.check):
        with pytest.raises(LeaseLost):
            write()
    assert flow.newest(service_id) == before
    assert [line.text for line in flow.lines(before.id)] == ["Pulling"]


def test_a_lease_that_has_run_out_stops_the_operation_before_another_worker_takes_it(flow: Flow):
    progress, lease, _ = _progress(flow)
    flow.ports.clock.sleep(LEASE.total_seconds() - 0.1)
    progress.check()
    flow.ports.clock.sleep(0.1)
    with pytest.raises(LeaseLost):
        progress.check()
    assert lease.lost.is_set()


def test_a_lease_that_is_renewed_goes_on(flow: Flow):
    progress, lease, _ = _progress(flow)
    lease.until = flow.ports.clock.now() + timedelta(minutes=1)
    flow.ports.clock.sleep(LEASE.total_seconds() * 2)
    progress.check()


def test_work_whose_lease_is_lost_touches_the_engine_no_more(flow: Flow):
    """At whichever call it happens: that call is the last one."""
    service_id = flow.running()
    for number in range(1, 15):
        flow.deploy(service_id)
        operation = flow.claimed()
        lease, trap = Lease(flow.owner), Trap(0, Killed)

        def lose(name: str, act: Any, *given: Any, trap: Trap = trap, lease: Lease = lease, **named: Any) -> Any:
            trap.log.append(name)
            if len(trap.log) == number:  # noqa: B023 - called within this turn
                lease.lost.set()
            return act(*given, **named)

        trap.call = lose  # type: ignore[method-assign]
        flow.run(operation, flow.trapped(trap), lease)
        assert len(trap.log) == number
        assert flow.operation(operation.id).status == "running"
        flow.inherit()
        assert flow.operation(operation.id).status == "succeeded"


def test_a_cancellation_is_seen_at_the_next_step_without_a_heartbeat(flow: Flow):
    progress, _, service_id = _progress(flow)
    progress.step("pulling", "Pulling")
    flow.cancel(flow.last(service_id).id)
    with pytest.raises(Cancelled):
        progress.step("creating", "Creating")


@pytest.mark.parametrize("late", [False, True], ids=["not written", "written all the same"])
def test_a_database_that_is_away_for_a_moment_at_any_block_costs_only_the_moment(flow: Flow, late: bool):
    service_id = flow.running()
    for first in range(1, 8):
        new = flow.deploy(service_id)
        store: Any = Outage(flow.ports.store, first, 3 if not late else 1, late=late)
        operation = flow.claimed()
        flow.run(operation, replace(flow.ports, store=store))
        assert store.count > first
        assert flow.deployment(new).status == "succeeded"
        assert flow.service(service_id).status == "running"
        steps = [step.name for step in flow.deployment(new).steps]
        assert steps == ["pulling", "creating", "starting", "checking", "routing", "cleaning"]


def test_a_database_that_is_away_for_long_leaves_the_work_to_the_next_worker(flow: Flow):
    service_id = flow.running()
    old = str(flow.service(service_id).live_deployment_id)
    new = flow.deploy(service_id)
    store: Any = Outage(flow.ports.store, 4, 10_000)
    operation = flow.claimed()
    lease = Lease(flow.owner, flow.ports.clock, operation.lease_until)
    flow.run(operation, replace(flow.ports, store=store), lease)
    assert flow.operation(operation.id).status == "running"
    assert flow.serves(service_id, old)
    flow.inherit()
    assert flow.deployment(new).status == "succeeded"
    assert flow.held(service_id) == {new}


def test_lines_go_on_where_the_worker_before_ended(flow: Flow):
    service_id = flow.ask()
    new = flow.newest(service_id).id
    flow.die(Trap(4, Killed))
    before = [line.number for line in flow.lines(new)]
    flow.inherit()
    numbers = [line.number for line in flow.lines(new)]
    assert before
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_line_says_in_which_step_it_was_written_and_by_whom(flow: Flow):
    lines = flow.lines(flow.newest(flow.running()).id)
    assert (lines[0].step, lines[0].stream, lines[0].text) == ("pulling", "panel", "Pulling web:1")
    assert [line.stream for line in lines if line.text.startswith("web:1 is ")] == ["engine"]


def test_progress_only_rises_and_ends_at_a_hundred(flow: Flow):
    service_id, seen = flow.ask(), []

    def look() -> None:
        seen.append(flow.last(service_id).progress)

    trap = Trap(0, Killed)
    trap.call = lambda name, act, *given, **named: (look(), act(*given, **named))[1]  # type: ignore[method-assign]
    flow.work(flow.trapped(trap))
    look()
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (5, 100)


def test_short_values_are_not_hidden_for_they_would_hide_the_log(flow: Flow):
    progress, _, _ = _progress(flow)
    progress.hide(["on", "s3cret", "s3cret-and-more"])
    assert progress.redact("turned on, s3cret-and-more, s3cret") == "turned on, ********, ********"
