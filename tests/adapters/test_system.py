"""The clock: the real one, and its twin."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest

from domain import ports
from domain.adapters import memory, system


@pytest.fixture(params=[system.Clock, memory.Clock], ids=["real", "twin"])
def clock(request: pytest.FixtureRequest) -> ports.Clock:
    made: ports.Clock = request.param()
    return made


def test_now_is_in_utc_and_cut_to_milliseconds(clock: ports.Clock):
    for _ in range(50):
        now = clock.now()
        assert now.tzinfo is UTC
        assert now.microsecond % 1000 == 0
        clock.sleep(0.00037)


def test_sleeping_passes_at_least_that_time(clock: ports.Clock):
    before = clock.now()
    clock.sleep(0.05)
    assert clock.now() - before >= timedelta(seconds=0.049)


def test_the_real_clock_tells_the_time_of_the_system_and_never_the_future():
    told, then = system.Clock().now(), datetime.now(UTC)
    assert timedelta(0) <= then - told < timedelta(seconds=5)


def test_the_twin_starts_where_it_is_told_and_nobody_waits():
    clock = memory.Clock(datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=2))))
    assert clock.now() == datetime(2026, 3, 1, 10, tzinfo=UTC)
    start = time.monotonic()
    clock.sleep(3600)
    assert time.monotonic() - start < 5
    assert clock.now() == datetime(2026, 3, 1, 11, tzinfo=UTC)


def test_the_twin_loses_no_sleep_of_parallel_threads():
    clock = memory.Clock()
    before = clock.now()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(clock.sleep, [0.25] * 400))
    assert clock.now() - before == timedelta(seconds=100)
