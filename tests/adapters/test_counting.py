"""The counter: exact, safe between threads, quick and forgetful."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from domain.adapters.counting import Counter

Pass = Callable[[float], None]


@pytest.fixture
def let_pass(monkeypatch: pytest.MonkeyPatch) -> Pass:
    real, offset = time.time, 0.0
    monkeypatch.setattr(time, "time", lambda: real() + offset)

    def move(seconds: float) -> None:
        nonlocal offset
        offset += seconds

    return move


def test_a_budget_is_spent_request_by_request_and_then_refused():
    counter = Counter()
    budgets = [counter.hit("a", 3) for _ in range(4)]
    assert [budget.allowed for budget in budgets] == [True, True, True, False]
    assert [budget.remaining for budget in budgets] == [2, 1, 0, 0]
    assert {budget.limit for budget in budgets} == {3}


def test_the_reset_is_a_minute_after_the_first_request_and_does_not_move(let_pass: Pass):
    counter = Counter()
    before = time.time()
    first = counter.hit("a", 2)
    assert 0 <= first.reset_at - (before + 60) < 1.1
    let_pass(30)
    assert counter.hit("a", 2).reset_at == first.reset_at
    assert counter.hit("a", 2) == type(first)(False, 2, 0, first.reset_at)


def test_a_caller_is_refused_until_the_reset_and_let_in_at_it_with_a_whole_budget(let_pass: Pass):
    counter = Counter()
    for _ in range(5):
        refused = counter.hit("a", 3)
    let_pass(refused.reset_at - time.time() - 1.5)
    assert not counter.hit("a", 3).allowed
    let_pass(refused.reset_at - time.time())
    again = counter.hit("a", 3)
    assert again.allowed
    assert again.remaining == 2


def test_buckets_do_not_spend_each_others_budget():
    counter = Counter()
    assert counter.hit("a", 1).allowed
    assert counter.hit("b", 1).allowed
    assert not counter.hit("a", 1).allowed


def test_a_budget_of_nothing_lets_nobody_in():
    budget = Counter().hit("a", 0)
    assert not budget.allowed
    assert budget.remaining == 0


def test_parallel_requests_never_get_more_than_the_budget():
    counter = Counter()
    with ThreadPoolExecutor(16) as pool:
        budgets = list(pool.map(lambda _: counter.hit("a", 500), range(2000)))
    assert sum(budget.allowed for budget in budgets) == 500
    assert sorted(budget.remaining for budget in budgets if budget.allowed) == list(range(500))


def test_buckets_are_forgotten_after_their_minute(let_pass: Pass):
    counter = Counter()
    for number in range(1000):
        counter.hit(f"address-{number}", 60)
    storage = counter._limiter.storage
    assert len(storage.storage) == 1000
    let_pass(61)
    deadline = time.monotonic() + 5
    while len(storage.storage) > 1 and time.monotonic() < deadline:
        counter.hit("somebody", 60)
        time.sleep(0.02)
    assert len(storage.storage) == 1
    assert len(storage.locks) <= 1


def test_counting_starts_no_threads():
    counter = Counter()
    time.sleep(0.05)
    before = {thread.ident for thread in threading.enumerate()}
    for _ in range(5):
        counter.hit("a", 60)
        assert {thread.ident for thread in threading.enumerate()} <= before
        time.sleep(0.02)


def test_a_hit_costs_microseconds():
    counter = Counter()
    rounds = []
    for _ in range(5):
        start = time.perf_counter()
        for number in range(1000):
            counter.hit(f"address-{number % 50}", 60)
        rounds.append((time.perf_counter() - start) / 1000)
    assert min(rounds) < 100e-6  # some 10 µs on a quiet machine
