"""The counters in memory and in Redis: exact, thread-safe and fast, and old buckets are removed."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Protocol

import pytest

from domain.adapters import counting, redis
from domain.model.identifiers import new_id
from domain.ports.counter import Budget
from tests.redis import redis_url  # noqa: F401


class CounterSetup(Protocol):
    """A counter whose time a test can advance."""

    max_seconds: float
    """The upper limit for one hit."""

    def hit(self, bucket: str, limit: int) -> Budget: ...
    def now(self) -> float: ...
    def advance(self, seconds: float) -> None: ...
    def bucket_count(self) -> int:
        """Return the number of stored buckets."""


class InMemory:
    """The counter in memory. The library reads the time of this process, so `advance` replaces `time.time`."""

    max_seconds = 100e-6  # some 10 µs on a quiet machine

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._real, self._ahead = time.time, 0.0
        monkeypatch.setattr(time, "time", self.now)
        self._counter = counting.Counter()
        self.hit = self._counter.hit

    def now(self) -> float:
        return self._real() + self._ahead

    def advance(self, seconds: float) -> None:
        self._ahead += seconds

    def bucket_count(self) -> int:
        storage = self._counter._limiter.storage
        return max(len(storage.storage), len(storage.locks))


class NoFallback:
    """Fail if the counter falls back although Redis is available."""

    def hit(self, bucket: str, limit: int) -> Budget:
        raise AssertionError("Redis did not count")


class InRedis:
    """The counter in Redis. Its clock cannot be changed, so `advance` moves the ends of the windows."""

    max_seconds = 5e-3  # some 250 µs on a quiet machine

    def __init__(self, url: str) -> None:
        self._prefix, self._ahead = new_id("ins"), 0.0
        self.server = redis.Server(url)
        self._counter = redis.Counter(self.server, self._prefix, NoFallback())

    def hit(self, bucket: str, limit: int) -> Budget:
        budget = self._counter.hit(bucket, limit)
        return replace(budget, reset_at=budget.reset_at + self._ahead)

    def now(self) -> float:
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        self._ahead += seconds
        with self.server.connection() as client:
            for key in self._keys():
                client.pexpireat(key, client.pexpiretime(key) - int(seconds * 1000))

    def bucket_count(self) -> int:
        return len(self._keys())

    def _keys(self) -> list[bytes]:
        with self.server.connection() as client:
            return list(client.scan_iter(f"panel:{self._prefix}:*", count=1000))


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
def setup(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[CounterSetup]:
    if request.param == "memory":
        yield InMemory(monkeypatch)
        return
    setup = InRedis(request.getfixturevalue("redis_url"))
    yield setup
    setup.advance(61)
    setup.server.close()


def test_requests_use_up_a_budget_and_are_then_refused(setup: CounterSetup):
    budgets = [setup.hit("a", 3) for _ in range(4)]
    assert [budget.allowed for budget in budgets] == [True, True, True, False]
    assert [budget.remaining for budget in budgets] == [2, 1, 0, 0]
    assert {budget.limit for budget in budgets} == {3}


def test_the_reset_is_a_minute_after_the_first_request_and_does_not_move(setup: CounterSetup):
    before = setup.now()
    first = setup.hit("a", 2)
    assert -0.001 <= first.reset_at - (before + 60) < 1.1  # Redis truncates times to milliseconds
    setup.advance(30)
    assert setup.hit("a", 2).reset_at == first.reset_at
    assert setup.hit("a", 2) == Budget(False, 2, 0, first.reset_at)


def test_the_reset_is_constant_while_time_passes(setup: CounterSetup):
    first, until = setup.hit("a", 9), time.monotonic() + 1.2
    while time.monotonic() < until:
        assert setup.hit("a", 9).reset_at == first.reset_at
        time.sleep(0.01)


def test_requests_are_refused_until_the_reset_and_then_have_a_full_budget(setup: CounterSetup):
    for _ in range(5):
        refused = setup.hit("a", 3)
    setup.advance(refused.reset_at - setup.now() - 1.5)
    assert not setup.hit("a", 3).allowed
    setup.advance(refused.reset_at - setup.now())
    budget = setup.hit("a", 3)
    assert budget.allowed
    assert budget.remaining == 2


def test_buckets_have_separate_budgets(setup: CounterSetup):
    assert setup.hit("a", 1).allowed
    assert setup.hit("b", 1).allowed
    assert not setup.hit("a", 1).allowed


def test_a_limit_of_zero_refuses_every_request(setup: CounterSetup):
    budget = setup.hit("a", 0)
    assert not budget.allowed
    assert budget.remaining == 0


def test_parallel_requests_never_exceed_the_budget(setup: CounterSetup):
    with ThreadPoolExecutor(16) as pool:
        budgets = list(pool.map(lambda _: setup.hit("a", 500), range(2000)))
    assert sum(budget.allowed for budget in budgets) == 500
    assert sorted(budget.remaining for budget in budgets if budget.allowed) == list(range(500))


def test_buckets_are_removed_after_their_minute(setup: CounterSetup):
    for number in range(1000):
        setup.hit(f"address-{number}", 60)
    assert setup.bucket_count() == 1000
    setup.advance(61)
    deadline = time.monotonic() + 5
    while setup.bucket_count() > 1 and time.monotonic() < deadline:
        setup.hit("another", 60)
        time.sleep(0.02)
    assert setup.bucket_count() <= 1  # that of `another`


def test_counting_starts_no_threads(setup: CounterSetup):
    time.sleep(0.05)
    before = {thread.ident for thread in threading.enumerate()}
    for _ in range(5):
        setup.hit("a", 60)
        assert {thread.ident for thread in threading.enumerate()} <= before
        time.sleep(0.02)


def test_a_hit_costs_microseconds(setup: CounterSetup):
    rounds = []
    for _ in range(5):
        start = time.perf_counter()
        for number in range(1000):
            setup.hit(f"address-{number % 50}", 60)
        rounds.append((time.perf_counter() - start) / 1000)
    assert min(rounds) < setup.max_seconds


def test_a_clock_that_is_set_back_an_hour_delays_nobody_by_an_hour(monkeypatch: pytest.MonkeyPatch):
    counter, now = counting.Counter(), time.time()
    assert counter.hit("ann", 1).allowed
    monkeypatch.setattr(time, "time", lambda: now - 3600)
    budget = counter.hit("ann", 1)
    assert budget.allowed, "a new window begins"
    assert budget.reset_at <= now - 3600 + 61
    assert not counter.hit("ann", 1).allowed
