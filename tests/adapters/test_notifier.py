"""The notifiers, of one process and by Redis: who waits is woken, at home and elsewhere, and no news is lost."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

import pytest

from domain.adapters import redis, system
from domain.model.identifiers import new_id
from domain.ports.notifier import Notifier
from tests.redis import redis_url  # noqa: F401

Open = Callable[..., Notifier]


@pytest.fixture
def open_redis(request: pytest.FixtureRequest) -> Iterator[Open]:
    """Each is the notifier of another process of the same panel, unless the panel is named."""
    panel, opened = new_id("ins"), []

    def another(instance: str = panel) -> Notifier:
        notifier = redis.Notifier(redis.Server(request.getfixturevalue("redis_url")), instance, system.Notifier())
        opened.append(notifier)
        notifier.wait(20, since=0)
        assert notifier.version() == 1  # it listens: what was missed before is worth a look
        return notifier

    yield another
    for notifier in opened:
        notifier.close()


@pytest.fixture(params=["process", pytest.param("redis", marks=pytest.mark.redis)])
def notifier(request: pytest.FixtureRequest) -> Notifier:
    if request.param == "process":
        return system.Notifier()
    made: Notifier = request.getfixturevalue("open_redis")()
    return made


def duration(call: Callable[[], None]) -> float:
    start = time.monotonic()
    call()
    return time.monotonic() - start


def test_a_wait_without_news_ends_after_its_time(notifier: Notifier):
    assert 0.09 < duration(lambda: notifier.wait(0.1)) < 5


def test_a_nudge_wakes_everybody_who_waits(notifier: Notifier):
    with ThreadPoolExecutor(4) as pool:
        waits = [pool.submit(duration, lambda: notifier.wait(30)) for _ in range(4)]
        while not all(wait.done() for wait in waits):
            notifier.notify()
            time.sleep(0.01)
    assert max(wait.result() for wait in waits) < 20


def test_a_nudge_between_the_look_and_the_wait_is_not_lost(notifier: Notifier):
    mark = notifier.version()
    notifier.notify()
    assert duration(lambda: notifier.wait(30, mark)) < 20


def test_news_from_before_the_mark_does_not_end_a_wait(notifier: Notifier):
    notifier.notify()
    assert duration(lambda: notifier.wait(0.1, notifier.version())) > 0.09
    assert duration(lambda: notifier.wait(0.1)) > 0.09


def all_seen(writes: Notifier, reads: Notifier) -> None:
    """One changes something a thousand times; the other reads and waits until it has seen all changes."""
    changes: list[int] = []
    writer = Thread(target=lambda: [(changes.append(1), writes.notify()) for _ in range(1000)])
    writer.start()
    while True:
        mark = reads.version()
        if len(changes) == 1000:
            break
        assert duration(lambda since=mark: reads.wait(30, since)) < 20
    writer.join()


def test_a_thousand_changes_are_all_seen_by_one_who_marks_looks_and_waits(notifier: Notifier):
    all_seen(notifier, notifier)


def test_a_feed_that_answers_has_nothing_to_say(notifier: Notifier):
    notifier.ping()


def test_a_closed_feed_still_serves_the_threads_of_its_process(notifier: Notifier):
    notifier.close()
    notifier.close()
    mark = notifier.version()
    notifier.notify()
    assert notifier.version() != mark
    assert duration(lambda: notifier.wait(30, mark)) < 20


@pytest.mark.redis
def test_a_nudge_reaches_another_process(open_redis: Open):
    one, other = open_redis(), open_redis()
    mark = other.version()
    one.notify()
    assert duration(lambda: other.wait(30, mark)) < 20
    assert other.version() == mark + 1


@pytest.mark.redis
def test_a_process_hears_its_own_nudge_once(open_redis: Open):
    one, other = open_redis(), open_redis()
    mark = one.version()
    one.notify()
    other.wait(30, since=1)  # so the message has been round
    other.notify()
    one.wait(30, since=mark + 1)
    time.sleep(0.2)
    assert one.version() == mark + 2


@pytest.mark.redis
def test_two_panels_on_one_redis_do_not_disturb_each_other(open_redis: Open):
    one, other, stranger = open_redis(), open_redis(), open_redis(new_id("ins"))
    mark = stranger.version()
    one.notify()
    other.wait(30, since=1)
    stranger.wait(0.1, mark)
    assert stranger.version() == mark


@pytest.mark.redis
def test_a_thousand_changes_are_all_seen_by_another_process(open_redis: Open):
    all_seen(open_redis(), open_redis())


@pytest.mark.redis
def test_nudges_between_two_looks_are_told_as_one(open_redis: Open):
    one, other = open_redis(), open_redis()
    mark = other.version()
    for _ in range(5000):
        one.notify()
    one.close()
    other.wait(30, mark)
    time.sleep(0.2)
    assert 1 <= other.version() - mark < 1000


@pytest.mark.redis
def test_the_last_nudge_before_the_end_is_told(open_redis: Open):
    other = open_redis()
    for _ in range(20):
        one, mark = open_redis(), other.version()
        one.notify()
        one.close()
        assert duration(lambda since=mark: other.wait(30, since)) < 20


@pytest.mark.redis
def test_closing_is_quick_and_leaves_no_thread(open_redis: Open):
    before = set(threading.enumerate())
    notifier = open_redis()
    assert set(threading.enumerate()) > before
    assert duration(notifier.close) < 0.9  # it does not sit the listening out
    assert set(threading.enumerate()) <= before
