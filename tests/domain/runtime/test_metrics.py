"""Metrics: sampled by the reconciler, averaged when read, removed after three hours."""

from collections.abc import Iterator
from dataclasses import astuple, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from domain import runtime
from domain.adapters import memory
from domain.errors import BadRequest, NotFound, Unavailable
from domain.identity.access import Caller
from domain.model.sample import Sample
from domain.ports import Ports
from domain.ports.runtime import Stats
from domain.rollout.reconcile import observer
from domain.rollout.reconcile.observer import ObserverState
from domain.runtime import ServiceMetrics, metrics
from tests.flow import CALLER, Flow, fresh

START = datetime(2026, 1, 1, tzinfo=UTC)
BUSY = Stats(0.5, 100.0, None, 1000.0, 200.0, 30.0, 4.0)
PAIR = "services: {one: {image: 'busy:1', expose: [8080]}, two: {image: 'busy:1', depends_on: [one]}}"


@pytest.fixture
def flow(ports: Ports) -> Flow:
    flow = fresh(ports)
    flow.runtime.images["busy:1"] = memory.Behaviour(ports=(8080,), stats=BUSY)
    return flow


@pytest.fixture
def state() -> Iterator[ObserverState]:
    state = ObserverState()
    yield state
    state.close()


def _metrics(flow: Flow, service_id: str, **parameters: Any) -> ServiceMetrics:
    return runtime.get_service_metrics(flow.ports, CALLER, service_id, **parameters)


def _observe(flow: Flow, state: ObserverState, seconds: float, polls: int) -> None:
    for _ in range(polls):
        observer.observe(flow.ports, state)
        flow.ports.clock.sleep(seconds)


def _add_samples(flow: Flow, service_id: str, *samples: tuple[float, float]) -> None:
    """Add samples as (seconds from the start, cores); the other values are derived from the cores."""
    rows = [
        Sample(service_id, START + timedelta(seconds=at), cpu, 100 * cpu, 10 * cpu, 20 * cpu, 30 * cpu, 40 * cpu)
        for at, cpu in samples
    ]
    with flow.ports.store.begin() as work:
        work.samples.add(rows)


def test_the_reconciler_samples_all_containers_together_every_ten_seconds(flow: Flow, state: ObserverState):
    service_id = flow.running(compose=PAIR)
    _observe(flow, state, 2, 16)
    taken = _metrics(flow, service_id).samples
    assert len(taken) in (3, 4)
    assert {(later.at - sooner.at).total_seconds() for sooner, later in pairwise(taken)} == {10}
    assert {astuple(sample)[2:] for sample in taken} == {(1.0, 200.0, 2000.0, 400.0, 60.0, 8.0)}


@pytest.mark.parametrize("pause", [1, 2.05, 3.7])
def test_every_ten_second_slot_has_a_sample_at_any_polling_interval(flow: Flow, state: ObserverState, pause: float):
    service_id = flow.running("busy:1")
    _observe(flow, state, pause, int(200 / pause))
    ats = [sample.at for sample in _metrics(flow, service_id).samples]
    assert {(later - sooner).total_seconds() for sooner, later in pairwise(ats)} == {10}
    assert len(ats) in (20, 21)


def test_stopped_containers_are_not_sampled(flow: Flow, state: ObserverState):
    service_id = flow.running("busy:1")
    flow.runtime.kill(flow.container(service_id).name)
    _observe(flow, state, 2, 10)
    assert _metrics(flow, service_id).samples == ()


def test_many_containers_are_sampled_more_rarely(flow: Flow, state: ObserverState, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(observer, "_SAMPLES_PER_SECOND", 0.1)
    service_ids = [flow.running("busy:1") for _ in range(3)]
    _observe(flow, state, 5, 13)
    for service_id in service_ids:
        ats = [sample.at for sample in _metrics(flow, service_id).samples]
        assert {after - before for before, after in pairwise(ats)} == {timedelta(seconds=30)}, "each is the third"


def test_samples_are_averaged_into_steps(flow: Flow):
    service_id = flow.running()
    _add_samples(flow, service_id, (1, 0.1), (11, 0.2), (21, 0.3), (61, 0.5))
    flow.ports.clock.sleep(100)
    tens = _metrics(flow, service_id).samples
    assert [((sample.at - START).total_seconds(), sample.cpu) for sample in tens] == [
        (0, 0.1),
        (10, 0.2),
        (20, 0.3),
        (60, 0.5),
    ]
    minutes = _metrics(flow, service_id, step=60)
    assert minutes.step == 60
    assert minutes.samples == (
        Sample(service_id, START, 0.2, 20.0, 2.0, 4.0, 6.0, 8.0),
        Sample(service_id, START + timedelta(seconds=60), 0.5, 50.0, 5.0, 10.0, 15.0, 20.0),
    )


def test_steps_are_aligned_independently_of_from(flow: Flow):
    service_id = flow.running()
    _add_samples(flow, service_id, *((float(second), 0.1) for second in range(0, 300, 10)))
    begins = [
        {sample.at for sample in _metrics(flow, service_id, step=70, **{"from": start}).samples[1:-1]}
        for start in ("2026-01-01T00:00:00Z", "2026-01-01T00:00:25Z")
    ]
    assert begins[1] <= begins[0]


def test_from_and_to_limit_the_samples(flow: Flow):
    service_id = flow.running()
    _add_samples(flow, service_id, (0, 0.1), (10, 0.2), (20, 0.3))
    bounds = {"from": "2026-01-01T00:00:10Z", "to": "2026-01-01T00:00:20Z"}
    assert [sample.cpu for sample in _metrics(flow, service_id, **bounds).samples] == [0.2]
    assert _metrics(flow, service_id, **{**bounds, "to": bounds["from"]}).samples == ()
    with pytest.raises(BadRequest, match="lies after"):
        _metrics(flow, service_id, **{"from": bounds["to"], "to": bounds["from"]})
    with pytest.raises(BadRequest, match="from"):
        _metrics(flow, service_id, **{"from": "2026-02-30T00:00:00Z"})


def test_the_newest_sample_is_included(flow: Flow):
    service_id = flow.running()
    now = (flow.ports.clock.now() - START).total_seconds()
    _add_samples(flow, service_id, (now, 0.1))
    assert len(_metrics(flow, service_id).samples) == 1


def test_samples_of_other_services_are_not_mixed_in(flow: Flow):
    one, two = flow.running(), flow.running()
    _add_samples(flow, one, (0, 0.1))
    assert _metrics(flow, two).samples == ()


def test_samples_are_kept_for_three_hours(flow: Flow):
    service_id = flow.running()
    _add_samples(flow, service_id, (0, 0.1), (3600, 0.2))
    assert metrics.remove_old_samples(flow.ports) == 0
    flow.ports.clock.sleep(3 * 3600 + 1800)
    assert metrics.remove_old_samples(flow.ports) == 1
    assert [sample.cpu for sample in _metrics(flow, service_id).samples] == [0.2]


def test_latest_is_measured_now_and_not_stored(flow: Flow):
    service_id = flow.running(compose=PAIR)
    [sample] = _metrics(flow, service_id, latest=True).samples
    assert sample == Sample(service_id, flow.ports.clock.now(), 1.0, 200.0, 2000.0, 400.0, 60.0, 8.0)
    assert _metrics(flow, service_id).samples == ()


def test_latest_is_empty_for_a_stopped_service(flow: Flow):
    service_id = flow.running()
    flow.stop(service_id)
    flow.work()
    assert _metrics(flow, service_id, latest=True).samples == ()
    assert _metrics(flow, flow.ask(), latest=True).samples == ()


def test_without_the_engine_history_works_and_latest_is_unavailable(flow: Flow):
    service_id = flow.running()
    _add_samples(flow, service_id, (0, 0.1))
    flow.runtime.away = True
    assert len(_metrics(flow, service_id).samples) == 1
    with pytest.raises(Unavailable):
        _metrics(flow, service_id, latest=True)


def test_a_service_of_another_tenant_is_not_found(flow: Flow, customer_b: Caller):
    service_id = flow.running()
    for parameters in ({}, {"latest": True}):
        with pytest.raises(NotFound):
            runtime.get_service_metrics(flow.ports, customer_b, service_id, **parameters)  # type: ignore[arg-type]
        with pytest.raises(NotFound):
            _metrics(flow, "svc_nowhere", **parameters)


def test_a_sample_updates_the_services_usage_and_keeps_its_storage(flow: Flow, state: ObserverState):
    service_id = flow.running("busy:1")
    with flow.ports.store.begin() as work:
        service = work.services.get(service_id)
        assert service
        work.services.save(replace(service, usage=replace(service.usage, storage_mb=7.0)))
    _observe(flow, state, 2, 1)
    assert astuple(flow.service(service_id).usage) == (0.5, 100.0, 7.0)
