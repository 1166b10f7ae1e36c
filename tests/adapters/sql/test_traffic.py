"""Traffic by customer and month: counted once, whatever restarts."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pytest

from domain.model.customer import Customer
from domain.model.definition import Definition
from domain.model.organization import Organization
from domain.model.service import DeployMethod, Service
from domain.model.traffic import TrafficReading
from domain.ports.store import Store

START = datetime(2026, 3, 31, 23, 0, 0, 123456, tzinfo=UTC)
FIRST = TrafficReading("web-1", "svc_1", "cust_1", START, START, 1000)


@pytest.fixture
def store(store: Store) -> Store:
    """A store with a service of a customer of an organization."""
    with store.begin() as work:
        work.organizations.add(Organization("org_1", "Group", START, START))
        work.customers.add(Customer("cust_1", "Acme", START, START, organization_id="org_1"))
        work.services.add(
            Service("svc_1", "web", DeployMethod.IMAGE, Definition("text"), START, START, customer_id="cust_1")
        )
    return store


def _later(reading: TrafficReading, total: int, seconds: float = 10, *, restarted: bool = False) -> TrafficReading:
    at = reading.at + timedelta(seconds=seconds)
    return replace(reading, at=at, bytes=total, started_at=at if restarted else reading.started_at)


def _count(store: Store, *readings: TrafficReading) -> None:
    for reading in readings:
        with store.begin() as work:
            work.traffic.count([reading])


def _bytes(store: Store, month: str = "2026-03") -> int:
    with store.read() as work:
        total = work.traffic.of_customer("cust_1", month)
        assert work.traffic.of_organization("org_1", month) == total
        return total


def test_only_what_is_new_since_the_last_reading_counts(store: Store):
    second = _later(FIRST, 1500)
    _count(store, FIRST, second, second)
    assert _bytes(store) == 1500


def test_a_container_that_has_restarted_counts_from_zero(store: Store):
    _count(store, FIRST, _later(FIRST, 300, restarted=True))
    assert _bytes(store) == 1300


def test_a_reading_that_another_worker_has_overtaken_counts_nothing(store: Store):
    restarted = _later(FIRST, 300, restarted=True)
    _count(store, FIRST, _later(FIRST, 2000), _later(FIRST, 1200), restarted, _later(FIRST, 2500))
    assert _bytes(store) == 2300


def test_a_month_ends_at_midnight_in_utc(store: Store):
    _count(store, FIRST, _later(FIRST, 1800, 3600))
    assert (_bytes(store), _bytes(store, "2026-04")) == (1000, 800)


def test_traffic_outlives_its_service_and_is_removed_with_the_customer(store: Store):
    _count(store, FIRST)
    with store.begin() as work:
        work.services.remove("svc_1")
    _count(store, _later(FIRST, 5000))
    assert _bytes(store) == 1000, "a reading that comes too late is left out"
    with store.begin() as work:
        work.customers.remove("cust_1")
    with store.read() as work:
        assert work.traffic.of_customer("cust_1", "2026-03") == 0


def test_the_readings_of_containers_that_a_deployment_has_replaced_are_forgotten(store: Store):
    newer = replace(FIRST, container="web-2", started_at=START + timedelta(minutes=1), at=START + timedelta(minutes=2))
    _count(store, FIRST, newer, replace(FIRST, at=START + timedelta(minutes=3), bytes=1000))
    assert _bytes(store) == 3000, "the first container is new again, which no real one is"


def test_workers_that_read_the_same_count_it_once(open_again: Callable[..., Store], store: Store):
    others = [open_again(), open_again()]
    barrier = Barrier(2)

    def count(mine: Store) -> None:
        for step in range(1, 21):
            barrier.wait(30)
            _count(mine, _later(FIRST, 1000 * step, step))

    threads = [Thread(target=count, args=(mine,)) for mine in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _bytes(store) == 20_000
