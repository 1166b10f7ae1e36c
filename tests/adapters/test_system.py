"""The clock of the system and the in-memory clock."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest

from domain import ports
from domain.adapters import memory, system


@pytest.fixture(params=[system.Clock, memory.Clock], ids=["system", "memory"])
def clock(request: pytest.FixtureRequest) -> ports.Clock:
    made: ports.Clock = request.param()
    return made


def test_now_is_in_utc_and_truncated_to_milliseconds(clock: ports.Clock):
    for _ in range(50):
        now = clock.now()
        assert now.tzinfo is UTC
        assert now.microsecond % 1000 == 0
        clock.sleep(0.00037)


def test_sleep_takes_at_least_its_time(clock: ports.Clock):
    before = clock.now()
    clock.sleep(0.05)
    assert clock.now() - before >= timedelta(seconds=0.049)


def test_the_system_clock_returns_the_time_of_the_system_and_never_a_later_one():
    read, then = system.Clock().now(), datetime.now(UTC)
    assert timedelta(0) <= then - read < timedelta(seconds=5)


def test_the_in_memory_clock_starts_at_a_given_time_and_sleeps_without_waiting():
    clock = memory.Clock(datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=2))))
    assert clock.now() == datetime(2026, 3, 1, 10, tzinfo=UTC)
    start = time.monotonic()
    clock.sleep(3600)
    assert time.monotonic() - start < 5
    assert clock.now() == datetime(2026, 3, 1, 11, tzinfo=UTC)


def test_the_in_memory_clock_counts_the_sleeps_of_all_threads():
    clock = memory.Clock()
    before = clock.now()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(clock.sleep, [0.25] * 400))
    assert clock.now() - before == timedelta(seconds=100)
