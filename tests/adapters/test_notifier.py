"""The notifiers, in one process and over Redis: waiting threads wake up, and no notification is lost."""

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
    """Open notifiers as processes of one panel would, or of the panel that is named."""
    panel, notifiers = new_id("ins"), []

    def open_notifier(instance: str = panel) -> Notifier:
        notifier = redis.Notifier(redis.Server(request.getfixturevalue("redis_url")), instance, system.Notifier())
        notifiers.append(notifier)
        notifier.wait(20, since=0)
        assert notifier.version() == 1  # the start of the subscription notifies
        return notifier

    yield open_notifier
    for notifier in notifiers:
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


def test_a_wait_without_a_notification_ends_after_its_timeout(notifier: Notifier):
    assert 0.09 < duration(lambda: notifier.wait(0.1)) < 5


def test_a_notification_wakes_all_waiting_threads(notifier: Notifier):
    with ThreadPoolExecutor(4) as pool:
        waits = [pool.submit(duration, lambda: notifier.wait(30)) for _ in range(4)]
        while not all(wait.done() for wait in waits):
            notifier.notify()
            time.sleep(0.01)
    assert max(wait.result() for wait in waits) < 20


def test_a_notification_between_reading_and_waiting_is_not_lost(notifier: Notifier):
    version = notifier.version()
    notifier.notify()
    assert duration(lambda: notifier.wait(30, version)) < 20


def test_a_notification_before_the_version_does_not_end_a_wait(notifier: Notifier):
    notifier.notify()
    assert duration(lambda: notifier.wait(0.1, notifier.version())) > 0.09
    assert duration(lambda: notifier.wait(0.1)) > 0.09


def assert_all_seen(writes: Notifier, reads: Notifier) -> None:
    """Make a thousand changes with one notifier, and wait with the other until all of them have been read."""
    changes: list[int] = []
    writer = Thread(target=lambda: [(changes.append(1), writes.notify()) for _ in range(1000)])
    writer.start()
    while True:
        version = reads.version()
        if len(changes) == 1000:
            break
        assert duration(lambda since=version: reads.wait(30, since)) < 20
    writer.join()


def test_a_thousand_changes_are_all_seen_in_the_same_process(notifier: Notifier):
    assert_all_seen(notifier, notifier)


def test_ping_succeeds_if_the_notifier_is_available(notifier: Notifier):
    notifier.ping()


def test_a_closed_notifier_still_notifies_threads_of_its_process(notifier: Notifier):
    notifier.close()
    notifier.close()
    version = notifier.version()
    notifier.notify()
    assert notifier.version() != version
    assert duration(lambda: notifier.wait(30, version)) < 20


@pytest.mark.redis
def test_a_notification_reaches_another_process(open_redis: Open):
    one, other = open_redis(), open_redis()
    version = other.version()
    one.notify()
    assert duration(lambda: other.wait(30, version)) < 20
    assert other.version() == version + 1


@pytest.mark.redis
def test_a_process_receives_its_own_notification_once(open_redis: Open):
    one, other = open_redis(), open_redis()
    version = one.version()
    one.notify()
    other.wait(30, since=1)  # the message has reached all subscribers
    other.notify()
    one.wait(30, since=version + 1)
    time.sleep(0.2)
    assert one.version() == version + 2


@pytest.mark.redis
def test_two_panels_on_one_redis_do_not_notify_each_other(open_redis: Open):
    one, other, stranger = open_redis(), open_redis(), open_redis(new_id("ins"))
    version = stranger.version()
    one.notify()
    other.wait(30, since=1)
    stranger.wait(0.1, version)
    assert stranger.version() == version


@pytest.mark.redis
def test_a_thousand_changes_are_all_seen_by_another_process(open_redis: Open):
    assert_all_seen(open_redis(), open_redis())


@pytest.mark.redis
def test_notifications_in_quick_succession_are_sent_as_one(open_redis: Open):
    one, other = open_redis(), open_redis()
    version = other.version()
    for _ in range(5000):
        one.notify()
    one.close()
    other.wait(30, version)
    time.sleep(0.2)
    assert 1 <= other.version() - version < 1000


@pytest.mark.redis
def test_the_last_notification_before_closing_is_sent(open_redis: Open):
    other = open_redis()
    for _ in range(20):
        one, version = open_redis(), other.version()
        one.notify()
        one.close()
        assert duration(lambda since=version: other.wait(30, since)) < 20


@pytest.mark.redis
def test_closing_is_quick_and_leaves_no_thread(open_redis: Open):
    before = set(threading.enumerate())
    notifier = open_redis()
    assert set(threading.enumerate()) > before
    assert duration(notifier.close) < 0.9  # less than the timeout of a subscriber
    assert set(threading.enumerate()) <= before
