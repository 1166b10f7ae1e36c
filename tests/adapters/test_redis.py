"""Redis that becomes unavailable and available: calls stay fast, processes use local state, then share it again."""

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
PROMPT = 2.0  # seconds for a call that may wait for one response of Redis and not for two, on a busy machine
RECOVERY = 10.0  # seconds


class FakeCounter:
    """A counter for the time that Redis is unavailable. It counts its calls and allows all of them."""

    def __init__(self) -> None:
        self.hits = 0

    def hit(self, bucket: str, limit: int) -> Budget:
        self.hits += 1
        return Budget(True, limit, limit, 0)


class Process:
    """The rate limits and notifications of one process of a panel."""

    def __init__(self, url: str, instance: str) -> None:
        self.fallback = FakeCounter()
        self.server = redis.Server(url)
        self.counter = redis.Counter(self.server, instance, self.fallback)
        self.notifier = redis.Notifier(self.server, instance, system.Notifier())

    def hit(self, limit: int = 1000) -> Budget:
        return self.counter.hit("client", limit)

    def shares(self) -> bool:
        """Return whether Redis counts a hit now."""
        before = self.fallback.hits
        self.hit()
        return self.fallback.hits == before

    def error(self) -> str:
        try:
            self.notifier.ping()
        except Unavailable as refusal:
            return refusal.message
        return ""


Start = Callable[..., Process]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start processes of one panel."""
    panel, started = new_id("ins"), []

    def start_process(url: str) -> Process:
        started.append(Process(url, panel))
        return started[-1]

    yield start_process
    for process in started:
        process.notifier.close()


@pytest.fixture
def running_redis(own_redis: OwnRedis) -> OwnRedis:  # noqa: F811
    own_redis.start()
    return own_redis


@pytest.fixture
def logged_changes(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Return the logged changes in order: "away" or "back"."""
    caplog.set_level(logging.INFO)
    changes = {"Redis cannot be used": "away", "Redis can be used again": "back"}
    return lambda: [next(name for start, name in changes.items() if text.startswith(start)) for text in caplog.messages]


def duration(call: Callable[[], object]) -> float:
    start = time.monotonic()
    call()
    return time.monotonic() - start


@contextmanager
def silent_server() -> Iterator[tuple[str, list[socket.socket]]]:
    """Accept connections and send nothing. Yield the URL and the accepted connections."""
    connections: list[socket.socket] = []

    def accept_connections() -> None:
        with suppress(OSError):
            while True:
                connections.append(listener.accept()[0])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=accept_connections)
        thread.start()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}", connections
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    for connection in connections:
        connection.close()


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
def test_an_invalid_url_is_refused_without_connecting(url: str):
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
def test_a_valid_url_is_accepted_without_connecting(url: str):
    redis.Server(url)


# ── Without Redis ──


def test_calls_are_fast_if_redis_is_unavailable_from_the_start(start: Start, logged_changes: Callable[[], list[str]]):
    process = start(NOWHERE)
    assert duration(lambda: [process.hit() for _ in range(500)]) < PROMPT
    assert process.fallback.hits == 500
    assert duration(lambda: [process.notifier.notify() for _ in range(500)]) < PROMPT
    assert "connecting to 127.0.0.1:1" in process.error()
    assert logged_changes() == ["away"]


def test_an_unavailable_redis_is_logged_once(start: Start, logged_changes: Callable[[], list[str]]):
    process, end = start(NOWHERE), time.monotonic() + 4.5  # two more probes
    while time.monotonic() < end:
        process.hit()
        time.sleep(0.05)
    assert logged_changes() == ["away"]


def test_requests_do_not_connect_while_redis_is_unavailable():
    with silent_server() as (url, connections):
        counter = redis.Counter(redis.Server(url), new_id("ins"), FakeCounter())
        end = time.monotonic() + 3
        while time.monotonic() < end:
            counter.hit("client", 60)
            time.sleep(0.001)
        assert 2 <= len(connections) <= 3


def test_only_the_first_request_waits_for_a_silent_server(start: Start):
    with silent_server() as (url, _):
        process = start(url)
        assert duration(process.hit) < PROMPT
        assert duration(lambda: [process.hit() for _ in range(500)]) < 0.4  # less than one more timeout
        assert duration(process.error) < 0.4
        assert duration(process.notifier.close) < 2 * PROMPT


@pytest.mark.parametrize("place", ["127.0.0.1:1", "/nowhere/redis.sock"])
def test_a_password_appears_in_no_log_and_no_error(start: Start, caplog: pytest.LogCaptureFixture, place: str):
    scheme = "unix" if place.startswith("/") else "redis"
    process = start(f"{scheme}://panel:hunter2@{place}")
    process.hit()
    assert process.error()
    assert "hunter2" not in process.error() + caplog.text


# ── With Redis ──


@pytest.mark.redis
def test_two_processes_share_a_budget(start: Start, redis_url: str):  # noqa: F811
    one, other = start(redis_url), start(redis_url)
    budgets = [process.hit(4) for process in (one, other, other, one, other)]
    assert [budget.remaining for budget in budgets] == [3, 2, 1, 0, 0]
    assert [budget.allowed for budget in budgets] == [True] * 4 + [False]
    assert len({budget.reset_at for budget in budgets}) == 1


@pytest.mark.redis
def test_two_panels_on_one_redis_have_separate_budgets(redis_url: str):  # noqa: F811
    server = redis.Server(redis_url)
    one, other = (redis.Counter(server, new_id("ins"), FakeCounter()) for _ in range(2))
    assert one.hit("address:127.0.0.1", 1) == other.hit("address:127.0.0.1", 1)
    server.close()


@pytest.mark.redis
def test_two_hundred_parallel_hits_of_two_processes_never_exceed_the_budget(start: Start, redis_url: str):  # noqa: F811
    processes = [start(redis_url), start(redis_url)]
    with ThreadPoolExecutor(200) as pool:
        budgets = list(pool.map(lambda number: processes[number % 2].hit(50), range(200)))
    assert sum(budget.allowed for budget in budgets) == 50
    assert sorted(budget.remaining for budget in budgets if budget.allowed) == list(range(50))
    assert [process.fallback.hits for process in processes] == [0, 0]


# ── Redis that becomes unavailable ──


@pytest.mark.redis
def test_a_redis_that_starts_after_the_panel_is_used(
    start: Start,
    own_redis: OwnRedis,  # noqa: F811
    logged_changes: Callable[[], list[str]],
):
    process = start(own_redis.url)
    assert not process.shares()
    version = process.notifier.version()
    own_redis.start()
    until(process.shares, RECOVERY, "limits are shared")
    process.notifier.wait(RECOVERY, version)
    assert process.notifier.version() == version + 1
    assert process.error() == ""
    assert logged_changes() == ["away", "back"]


@pytest.mark.redis
def test_a_counter_uses_redis_without_a_notifier(own_redis: OwnRedis):  # noqa: F811
    fallback = FakeCounter()
    counter = redis.Counter(redis.Server(own_redis.url), new_id("ins"), fallback)
    counter.hit("client", 60)
    assert fallback.hits == 1
    own_redis.start()
    until(lambda: counter.hit("client", 60).remaining < 60, RECOVERY, "Redis counts")


@pytest.mark.redis
def test_a_restarted_redis_is_used_again(
    start: Start, running_redis: OwnRedis, logged_changes: Callable[[], list[str]]
):
    one, other = start(running_redis.url), start(running_redis.url)
    assert one.shares()
    assert other.shares()
    running_redis.kill()
    assert duration(one.hit) < PROMPT
    assert not one.shares()
    assert "Redis cannot be used" in one.error()
    until(lambda: len(logged_changes()) == 2, RECOVERY, "both processes have logged it")
    version = other.notifier.version()
    running_redis.start()
    until(lambda: one.shares() and other.shares(), RECOVERY, "limits are shared again")
    assert one.hit(1000).remaining - other.hit(1000).remaining == 1
    other.notifier.wait(RECOVERY, version)
    one.notifier.wait(RECOVERY, since=1)
    until(lambda: _receives(one, other), RECOVERY, "notifications are shared again")
    assert sorted(logged_changes()) == ["away", "away", "back", "back"]


def _receives(one: Process, other: Process) -> bool:
    version = other.notifier.version()
    one.notifier.notify()
    other.notifier.wait(0.5, version)
    return other.notifier.version() != version


@pytest.mark.redis
def test_a_hanging_redis_delays_a_call_by_one_timeout_at_most(start: Start, running_redis: OwnRedis):
    process = start(running_redis.url)
    assert process.shares()
    running_redis.hang()
    with ThreadPoolExecutor(60) as pool:
        waits = list(pool.map(lambda _: duration(process.hit), range(600)))
    assert max(waits) < PROMPT
    assert duration(lambda: [process.hit() for _ in range(500)]) < 0.4
    assert duration(lambda: [process.notifier.notify() for _ in range(500)]) < 0.4
    assert process.fallback.hits >= 1000
    running_redis.resume()
    until(process.shares, RECOVERY, "limits are shared again")


@pytest.mark.redis
def test_a_hanging_redis_is_noticed_without_requests_and_its_recovery_notifies(
    start: Start, running_redis: OwnRedis, logged_changes: Callable[[], list[str]]
):
    process = start(running_redis.url)
    process.notifier.wait(RECOVERY, since=0)
    version = process.notifier.version()
    running_redis.hang()
    until(lambda: logged_changes() == ["away"], RECOVERY, "the subscriber has noticed")
    assert duration(process.hit) < 0.4
    running_redis.resume()
    process.notifier.wait(RECOVERY, version)
    assert process.notifier.version() == version + 1


@pytest.mark.redis
def test_the_notifier_closes_quickly_while_redis_hangs(start: Start, running_redis: OwnRedis):
    process = start(running_redis.url)
    process.notifier.wait(RECOVERY, since=0)
    running_redis.hang()
    process.notifier.notify()
    assert duration(process.notifier.close) < 2 * PROMPT
    assert not any(thread.is_alive() for thread in process.notifier._threads)


@pytest.mark.redis
@pytest.mark.parametrize(
    ("command", "reason"),
    [(("CONFIG", "SET", "maxmemory", "1"), "maxmemory"), (("REPLICAOF", "127.0.0.1", "1"), "read only replica")],
)
def test_a_redis_that_responds_but_cannot_count_is_unavailable(
    start: Start,
    running_redis: OwnRedis,
    logged_changes: Callable[[], list[str]],
    command: tuple[str, ...],
    reason: str,
):
    process = start(running_redis.url)
    assert process.shares()
    running_redis.execute(*command)
    end = time.monotonic() + 2.5  # one more probe
    while time.monotonic() < end:
        process.hit()
        time.sleep(0.01)
    assert reason in process.error()
    assert logged_changes() == ["away"]


@pytest.mark.redis
def test_the_right_password_is_accepted_and_a_wrong_one_is_not_shown(
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
        assert "hunter" not in process.error() + caplog.text
    assert "invalid username-password" in caplog.text
