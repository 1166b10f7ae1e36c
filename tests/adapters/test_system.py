"""Clock and feed: the real ones, and the clock's twin."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from threading import Thread

import pytest

from domain import ports
from domain.adapters import system, twins


@pytest.fixture(params=[system.Clock, twins.Clock], ids=["real", "twin"])
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
    clock = twins.Clock(datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=2))))
    assert clock.now() == datetime(2026, 3, 1, 10, tzinfo=UTC)
    start = time.monotonic()
    clock.sleep(3600)
    assert time.monotonic() - start < 5
    assert clock.now() == datetime(2026, 3, 1, 11, tzinfo=UTC)


def test_the_twin_loses_no_sleep_of_parallel_threads():
    clock = twins.Clock()
    before = clock.now()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(clock.sleep, [0.25] * 400))
    assert clock.now() - before == timedelta(seconds=100)


def duration(call: Callable[[], None]) -> float:
    start = time.monotonic()
    call()
    return time.monotonic() - start


def test_a_wait_without_news_ends_after_its_time():
    assert 0.09 < duration(lambda: system.Feed().wait(0.1)) < 5


def test_a_nudge_wakes_everybody_who_waits():
    feed = system.Feed()
    with ThreadPoolExecutor(4) as pool:
        waits = [pool.submit(duration, lambda: feed.wait(30)) for _ in range(4)]
        while not all(wait.done() for wait in waits):
            feed.nudge()
            time.sleep(0.01)
    assert max(wait.result() for wait in waits) < 20


def test_a_nudge_between_the_look_and_the_wait_is_not_lost():
    feed = system.Feed()
    mark = feed.mark()
    feed.nudge()
    assert duration(lambda: feed.wait(30, mark)) < 20


def test_news_from_before_the_mark_does_not_end_a_wait():
    feed = system.Feed()
    feed.nudge()
    assert duration(lambda: feed.wait(0.1, feed.mark())) > 0.09
    assert duration(lambda: feed.wait(0.1)) > 0.09


def test_a_thousand_changes_are_all_seen_by_one_who_marks_looks_and_waits():
    feed, changes, seen = system.Feed(), [], 0
    writer = Thread(target=lambda: [(changes.append(1), feed.nudge()) for _ in range(1000)])
    writer.start()
    while True:
        mark = feed.mark()
        seen = len(changes)
        if seen == 1000:
            break
        assert duration(lambda since=mark: feed.wait(30, since)) < 20
    writer.join()
    assert seen == 1000
