"""Redis going away and coming back: nobody waits long, everybody goes on alone, and then together again."""

import logging
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Thread

import pytest

from domain.adapters import redis, system
from domain.errors import Unavailable
from domain.model.identifiers import new_id
from domain.ports.counter import Budget
from tests.process import until
from tests.redis import OwnRedis, own_redis, redis_url  # noqa: F401

NOWHERE = "redis://127.0.0.1:1/0"
PROMPT = 2.0  # seconds for what may wait for one answer of Redis, and never for two, on a busy machine
BACK = 10.0


class Alone:
    """What counts while Redis is away: it is asked, and lets everybody in."""

    def __init__(self) -> None:
        self.hits = 0

    def hit(self, bucket: str, limit: int) -> Budget:
        self.hits += 1
        return Budget(True, limit, limit, 0)


class Process:
    """The limits and news of one process of a panel."""

    def __init__(self, url: str, instance: str) -> None:
        self.alone = Alone()
        self.server = redis.Server(url)
        self.counter = redis.Counter(self.server, instance, self.alone)
        self.notifier = redis.Notifier(self.server, instance, system.Notifier())

    def hit(self, limit: int = 1000) -> Budget:
        return self.counter.hit("somebody", limit)

    def shares(self) -> bool:
        """Whether a hit is counted by Redis now."""
        before = self.alone.hits
        self.hit()
        return self.alone.hits == before

    def trouble(self) -> str:
        try:
            self.notifier.ping()
        except Unavailable as refusal:
            return refusal.message
        return ""


Start = Callable[..., Process]


@pytest.fixture
def start() -> Iterator[Start]:
    """Another process of the same panel."""
    panel, started = new_id("ins"), []

    def another(url: str) -> Process:
        started.append(Process(url, panel))
        return started[-1]

    yield another
    for process in started:
        process.notifier.close()


@pytest.fixture
def running(own_redis: OwnRedis) -> OwnRedis:  # noqa: F811
    own_redis.start()
    return own_redis


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What stands in the log: "away" and "back" in their order."""
    caplog.set_level(logging.INFO)
    words = {"Redis cannot be used": "away", "Redis can be used again": "back"}
    return lambda: [next(word for start, word in words.items() if text.startswith(start)) for text in caplog.messages]


def duration(call: Callable[[], object]) -> float:
    start = time.monotonic()
    call()
    return time.monotonic() - start


@contextmanager
def silence() -> Iterator[tuple[str, list[socket.socket]]]:
    """The URL of somebody who lets everybody in and says nothing, and who has come."""
    guests: list[socket.socket] = []

    def let_in() -> None:
        with suppress(OSError):
            while True:
                guests.append(door.accept()[0])

    with socket.create_server(("127.0.0.1", 0)) as door:
        host = Thread(target=let_in)
        host.start()
        yield f"redis://127.0.0.1:{door.getsockname()[1]}", guests
        door.shutdown(socket.SHUT_RDWR)
        host.join()
    for guest in guests:
        guest.close()


# ── URLs ──


@pytest.mark.parametrize(
    "url",
    [
        "http://host",
        "host:6379",
        "redis://host:99999",
        "redis://host:port",
        "redis://:pass/word@host:6379",
        "redis://[::1",
        "redis://a..b",
        "redis://host?colour=red",
        "redis://host?socket_timeout=soon",
        "rediss://host?ssl_cert_reqs=perhaps",
        "unix://",
        "unix://redis.sock",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_before_anything_is_opened(url: str):
    with pytest.raises(ValueError, match=r"."):
        redis.Server(url)


@pytest.mark.parametrize(
    "url",
    [
        "redis://",
        "redis://host",
        "redis://[::1]:6379/3",
        "redis://panel:pass%2Fword@host:6379/0",
        "rediss://host:6380?ssl_cert_reqs=none",
        "unix:///run/redis.sock",
        "unix://panel:word@/run/redis.sock?db=2",
    ],
)
def test_a_url_that_can_be_used_opens_nothing_yet(url: str):
    redis.Server(url)


# ── without any Redis ──


def test_a_redis_that_is_away_from_the_start_costs_nobody_time(start: Start, told: Callable[[], list[str]]):
    process = start(NOWHERE)
    assert duration(lambda: [process.hit() for _ in range(500)]) < PROMPT
    assert process.alone.hits == 500
    assert duration(lambda: [process.notifier.notify() for _ in range(500)]) < PROMPT
    assert "connecting to 127.0.0.1:1" in process.trouble()
    assert told() == ["away"]


def test_a_redis_that_stays_away_is_told_once(start: Start, told: Callable[[], list[str]]):
    process, end = start(NOWHERE), time.monotonic() + 4.5  # two more attempts
    while time.monotonic() < end:
        process.hit()
        time.sleep(0.05)
    assert told() == ["away"]


def test_requests_do_not_try_while_it_is_away():
    with silence() as (url, guests):
        counter = redis.Counter(redis.Server(url), new_id("ins"), Alone())
        end = time.monotonic() + 3
        while time.monotonic() < end:
            counter.hit("somebody", 60)
            time.sleep(0.001)
        assert 2 <= len(guests) <= 3


def test_only_the_first_waits_for_one_that_says_nothing(start: Start):
    with silence() as (url, _):
        process = start(url)
        assert duration(process.hit) < PROMPT
        assert duration(lambda: [process.hit() for _ in range(500)]) < 0.4  # less than one more waiting
        assert duration(process.trouble) < 0.4
        assert duration(process.notifier.close) < 2 * PROMPT


@pytest.mark.parametrize("place", ["127.0.0.1:1", "/nowhere/redis.sock"])
def test_a_password_stands_in_no_log_and_no_answer(start: Start, caplog: pytest.LogCaptureFixture, place: str):
    scheme = "unix" if place.startswith("/") else "redis"
    process = start(f"{scheme}://panel:hunter2@{place}")
    process.hit()
    assert process.trouble()
    assert "hunter2" not in process.trouble() + caplog.text


# ── with one that answers ──


@pytest.mark.redis
def test_two_processes_share_a_budget(start: Start, redis_url: str):  # noqa: F811
    one, other = start(redis_url), start(redis_url)
    budgets = [process.hit(4) for process in (one, other, other, one, other)]
    assert [budget.remaining for budget in budgets] == [3, 2, 1, 0, 0]
    assert [budget.allowed for budget in budgets] == [True] * 4 + [False]
    assert len({budget.reset_at for budget in budgets}) == 1


@pytest.mark.redis
def test_two_panels_on_one_redis_have_budgets_of_their_own(redis_url: str):  # noqa: F811
    server = redis.Server(redis_url)
    one, other = (redis.Counter(server, new_id("ins"), Alone()) for _ in range(2))
    assert one.hit("address:127.0.0.1", 1) == other.hit("address:127.0.0.1", 1)
    server.close()


@pytest.mark.redis
def test_two_hundred_parallel_hits_of_two_processes_never_exceed_the_budget(start: Start, redis_url: str):  # noqa: F811
    processes = [start(redis_url), start(redis_url)]
    with ThreadPoolExecutor(200) as pool:
        budgets = list(pool.map(lambda number: processes[number % 2].hit(50), range(200)))
    assert sum(budget.allowed for budget in budgets) == 50
    assert sorted(budget.remaining for budget in budgets if budget.allowed) == list(range(50))
    assert [process.alone.hits for process in processes] == [0, 0]


# ── and goes away ──


@pytest.mark.redis
def test_a_redis_that_starts_late_is_found(start: Start, own_redis: OwnRedis, told: Callable[[], list[str]]):  # noqa: F811
    process = start(own_redis.url)
    assert not process.shares()
    mark = process.notifier.version()
    own_redis.start()
    until(process.shares, BACK, "limits are shared")
    process.notifier.wait(BACK, mark)
    assert process.notifier.version() == mark + 1
    assert process.trouble() == ""
    assert told() == ["away", "back"]


@pytest.mark.redis
def test_a_counter_finds_it_without_a_feed(own_redis: OwnRedis):  # noqa: F811
    alone = Alone()
    counter = redis.Counter(redis.Server(own_redis.url), new_id("ins"), alone)
    counter.hit("somebody", 60)
    assert alone.hits == 1
    own_redis.start()
    until(lambda: counter.hit("somebody", 60).remaining < 60, BACK, "Redis counts")


@pytest.mark.redis
def test_one_that_is_killed_and_starts_again_is_used_again(
    start: Start, running: OwnRedis, told: Callable[[], list[str]]
):
    one, other = start(running.url), start(running.url)
    assert one.shares()
    assert other.shares()
    running.kill()
    assert duration(one.hit) < PROMPT
    assert not one.shares()
    assert "Redis cannot be used" in one.trouble()
    until(lambda: len(told()) == 2, BACK, "both have noticed")
    mark = other.notifier.version()
    running.start()
    until(lambda: one.shares() and other.shares(), BACK, "limits are shared again")
    assert one.hit(1000).remaining - other.hit(1000).remaining == 1
    other.notifier.wait(BACK, mark)
    one.notifier.wait(BACK, since=1)
    until(lambda: _hears(one, other), BACK, "news are shared again")
    assert sorted(told()) == ["away", "away", "back", "back"]


def _hears(one: Process, other: Process) -> bool:
    mark = other.notifier.version()
    one.notifier.notify()
    other.notifier.wait(0.5, mark)
    return other.notifier.version() != mark


@pytest.mark.redis
def test_while_it_hangs_one_answer_is_waited_for_and_no_more(start: Start, running: OwnRedis):
    process = start(running.url)
    assert process.shares()
    running.hang()
    with ThreadPoolExecutor(60) as pool:
        waits = list(pool.map(lambda _: duration(process.hit), range(600)))
    assert max(waits) < PROMPT
    assert duration(lambda: [process.hit() for _ in range(500)]) < 0.4
    assert duration(lambda: [process.notifier.notify() for _ in range(500)]) < 0.4
    assert process.alone.hits >= 1000
    running.go_on()
    until(process.shares, BACK, "limits are shared again")


@pytest.mark.redis
def test_hanging_is_noticed_before_anybody_asks_and_what_was_missed_is_worth_a_look(
    start: Start, running: OwnRedis, told: Callable[[], list[str]]
):
    process = start(running.url)
    process.notifier.wait(BACK, since=0)
    mark = process.notifier.version()
    running.hang()
    until(lambda: told() == ["away"], BACK, "the thread that listens has noticed")
    assert duration(process.hit) < 0.4
    running.go_on()
    process.notifier.wait(BACK, mark)
    assert process.notifier.version() == mark + 1


@pytest.mark.redis
def test_it_ends_quickly_while_redis_hangs(start: Start, running: OwnRedis):
    process = start(running.url)
    process.notifier.wait(BACK, since=0)
    running.hang()
    process.notifier.notify()
    assert duration(process.notifier.close) < 2 * PROMPT
    assert not any(thread.is_alive() for thread in process.notifier._threads)


@pytest.mark.redis
@pytest.mark.parametrize(
    ("command", "reason"),
    [(("CONFIG", "SET", "maxmemory", "1"), "maxmemory"), (("REPLICAOF", "127.0.0.1", "1"), "read only replica")],
)
def test_one_that_cannot_count_is_away_though_it_answers(
    start: Start, running: OwnRedis, told: Callable[[], list[str]], command: tuple[str, ...], reason: str
):
    process = start(running.url)
    assert process.shares()
    running.ask(*command)
    end = time.monotonic() + 2.5  # one more attempt
    while time.monotonic() < end:
        process.hit()
        time.sleep(0.01)
    assert reason in process.trouble()
    assert told() == ["away"]


@pytest.mark.redis
def test_the_right_password_opens_it_and_a_wrong_one_is_not_shown(
    start: Start,
    own_redis: OwnRedis,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
):
    own_redis.password = "hunter2"
    own_redis.start()
    assert start(own_redis.url).shares()
    for wrong in ("hunter3", ""):
        process = start(own_redis.url.replace("hunter2", wrong))
        assert not process.shares()
        assert "hunter" not in process.trouble() + caplog.text
    assert "invalid username-password" in caplog.text
