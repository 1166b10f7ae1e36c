"""The counters, in memory and in Redis: exact, safe between threads, quick and forgetful."""

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


class Stand(Protocol):
    """A counter, and time that passes when it is told to."""

    dear: float
    """Seconds that a hit never takes."""

    def hit(self, bucket: str, limit: int) -> Budget: ...
    def now(self) -> float: ...
    def let_pass(self, seconds: float) -> None: ...
    def held(self) -> int:
        """How many buckets it remembers."""


class InMemory:
    """The library asks this process for the time, so that is put forward."""

    dear = 100e-6  # some 10 µs on a quiet machine

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._real, self._ahead = time.time, 0.0
        monkeypatch.setattr(time, "time", self.now)
        self._counter = counting.Counter()
        self.hit = self._counter.hit

    def now(self) -> float:
        return self._real() + self._ahead

    def let_pass(self, seconds: float) -> None:
        self._ahead += seconds

    def held(self) -> int:
        storage = self._counter._limiter.storage
        return max(len(storage.storage), len(storage.locks))


class Nobody:
    """What counts while Redis is away: here it never is."""

    def hit(self, bucket: str, limit: int) -> Budget:
        raise AssertionError("Redis did not count")


class InRedis:
    """Nothing puts the clock of Redis forward, so the ends of the windows come nearer."""

    dear = 5e-3  # some 250 µs on a quiet machine

    def __init__(self, url: str) -> None:
        self._prefix, self._ahead = new_id("ins"), 0.0
        self.server = redis.Server(url)
        self._counter = redis.Counter(self.server, self._prefix, Nobody())

    def hit(self, bucket: str, limit: int) -> Budget:
        budget = self._counter.hit(bucket, limit)
        return replace(budget, reset_at=budget.reset_at + self._ahead)

    def now(self) -> float:
        return time.time() + self._ahead

    def let_pass(self, seconds: float) -> None:
        self._ahead += seconds
        with self.server.asked() as client:
            for key in self._keys():
                client.pexpireat(key, client.pexpiretime(key) - int(seconds * 1000))

    def held(self) -> int:
        return len(self._keys())

    def _keys(self) -> list[bytes]:
        with self.server.asked() as client:
            return list(client.scan_iter(f"panel:{self._prefix}:*", count=1000))


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
def stand(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stand]:
    if request.param == "memory":
        yield InMemory(monkeypatch)
        return
    stand = InRedis(request.getfixturevalue("redis_url"))
    yield stand
    stand.let_pass(61)
    stand.server.close()


def test_a_budget_is_spent_request_by_request_and_then_refused(stand: Stand):
    budgets = [stand.hit("a", 3) for _ in range(4)]
    assert [budget.allowed for budget in budgets] == [True, True, True, False]
    assert [budget.remaining for budget in budgets] == [2, 1, 0, 0]
    assert {budget.limit for budget in budgets} == {3}


def test_the_reset_is_a_minute_after_the_first_request_and_does_not_move(stand: Stand):
    before = stand.now()
    first = stand.hit("a", 2)
    assert -0.001 <= first.reset_at - (before + 60) < 1.1  # Redis cuts time to milliseconds
    stand.let_pass(30)
    assert stand.hit("a", 2).reset_at == first.reset_at
    assert stand.hit("a", 2) == Budget(False, 2, 0, first.reset_at)


def test_the_reset_does_not_waver_while_time_passes(stand: Stand):
    first, until = stand.hit("a", 9), time.monotonic() + 1.2
    while time.monotonic() < until:
        assert stand.hit("a", 9).reset_at == first.reset_at
        time.sleep(0.01)


def test_a_caller_is_refused_until_the_reset_and_let_in_at_it_with_a_whole_budget(stand: Stand):
    for _ in range(5):
        refused = stand.hit("a", 3)
    stand.let_pass(refused.reset_at - stand.now() - 1.5)
    assert not stand.hit("a", 3).allowed
    stand.let_pass(refused.reset_at - stand.now())
    again = stand.hit("a", 3)
    assert again.allowed
    assert again.remaining == 2


def test_buckets_do_not_spend_each_others_budget(stand: Stand):
    assert stand.hit("a", 1).allowed
    assert stand.hit("b", 1).allowed
    assert not stand.hit("a", 1).allowed


def test_a_budget_of_nothing_lets_nobody_in(stand: Stand):
    budget = stand.hit("a", 0)
    assert not budget.allowed
    assert budget.remaining == 0


def test_parallel_requests_never_get_more_than_the_budget(stand: Stand):
    with ThreadPoolExecutor(16) as pool:
        budgets = list(pool.map(lambda _: stand.hit("a", 500), range(2000)))
    assert sum(budget.allowed for budget in budgets) == 500
    assert sorted(budget.remaining for budget in budgets if budget.allowed) == list(range(500))


def test_buckets_are_forgotten_after_their_minute(stand: Stand):
    for number in range(1000):
        stand.hit(f"address-{number}", 60)
    assert stand.held() == 1000
    stand.let_pass(61)
    deadline = time.monotonic() + 5
    while stand.held() > 1 and time.monotonic() < deadline:
        stand.hit("somebody", 60)
        time.sleep(0.02)
    assert stand.held() <= 1  # somebody


def test_counting_starts_no_threads(stand: Stand):
    time.sleep(0.05)
    before = {thread.ident for thread in threading.enumerate()}
    for _ in range(5):
        stand.hit("a", 60)
        assert {thread.ident for thread in threading.enumerate()} <= before
        time.sleep(0.02)


def test_a_hit_costs_microseconds(stand: Stand):
    rounds = []
    for _ in range(5):
        start = time.perf_counter()
        for number in range(1000):
            stand.hit(f"address-{number % 50}", 60)
        rounds.append((time.perf_counter() - start) / 1000)
    assert min(rounds) < stand.dear
