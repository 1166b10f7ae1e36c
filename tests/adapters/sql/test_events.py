"""Events: every committed change has one, no other change does, and their order is the order of commits."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.adapters.sql import event_blocks
from domain.model.event import EventType
from domain.model.service import Health as Healthy
from domain.model.service import ServiceStatus, Usage
from domain.ports.store import IdempotentRequest, Store
from tests.adapters.sql.entities import NOW, deployment, operation, service

WRITERS, CHANGES = 6, 25


def _events(store: Store) -> list[tuple[str, str]]:
    with store.read() as work:
        return [(event.type, event.resource) for event in work.events.after(0, 10_000)]


def test_adding_changing_and_removing_create_events_in_order(store: Store):
    shop = service()
    with store.begin() as work:
        work.services.add(shop)
        work.deployments.add(deployment(shop.id, id="dep_1"))
    with store.begin() as work:
        known = work.services.get(shop.id)
        assert known
        work.services.save(replace(known, status=ServiceStatus.RUNNING))
    with store.begin() as work:
        work.services.remove(shop.id)
    with store.read() as work:
        events = work.events.after(0, 10)
    assert [event.sequence for event in events] == [1, 2, 3, 4]
    assert [(event.type, event.data["status"]) for event in events] == [
        (EventType.SERVICE_STATUS, "stopped"),
        (EventType.DEPLOY_PROGRESS, "succeeded"),
        (EventType.SERVICE_STATUS, "running"),
        (EventType.SERVICE_STATUS, "deleted"),
    ]


def test_two_changes_of_an_entity_in_a_transaction_create_one_event_with_the_last_state(store: Store):
    shop = service()
    with store.begin() as work:
        work.services.add(shop)
        shop.status = ServiceStatus.FAILED
        work.services.save(shop)
    with store.read() as work:
        assert [event.data["status"] for event in work.events.after(0, 10)] == ["failed"]


def test_a_rollback_and_a_dry_run_create_no_event(store: Store):
    with store.begin(dry_run=True) as work:
        work.services.add(service())
    with suppress(ZeroDivisionError), store.begin() as work:
        work.services.add(service())
        1 / 0  # noqa: B018
    assert _events(store) == []


def test_a_repeated_idempotent_request_creates_one_event(store: Store):
    def act() -> bytes:
        with store.begin() as work:
            work.services.add(service())
        return b"created"

    for _ in range(2):
        assert store.run_once(IdempotentRequest("key_1", "k", "d"), NOW, act) == b"created"
    assert len(_events(store)) == 1


def test_live_metrics_create_an_event_only_if_the_status_changes(store: Store):
    shop = service()
    with store.begin() as work:
        work.services.add(shop)
    for status in (ServiceStatus.STOPPED, ServiceStatus.RUNNING, ServiceStatus.RUNNING):
        with store.begin() as work:
            work.services.observe(shop.id, status, Healthy("healthy"), Usage(cpu=1))
    assert len(_events(store)) == 2


def test_the_notification_follows_the_commit(open_again: Callable[..., Store]):
    seen: list[int] = []

    def notify() -> None:
        with store.read() as work:
            seen.append(work.events.bounds()[1])

    store = open_again(notify)
    with store.begin() as work:
        work.operations.add(operation("svc_1"))
    with store.begin(dry_run=True) as work:
        work.operations.add(operation("svc_2"))
    assert seen == [1]


def test_a_reader_that_resumes_at_the_highest_sequence_misses_no_event_of_parallel_writers(
    store: Store, open_again: Callable[[], Store]
):
    """Half of the writers use a second store, as another process would."""
    stores = [store, open_again()]
    done = threading.Event()
    read: list[int] = []

    def follow() -> None:
        while _read_more(read, store) or not done.is_set():
            pass

    reader = threading.Thread(target=follow)
    reader.start()
    with ThreadPoolExecutor(WRITERS) as writers:
        list(writers.map(lambda number: _write(stores[number % 2], number), range(WRITERS)))
    done.set()
    reader.join()
    _read_more(read, store)
    assert read == list(range(1, WRITERS * CHANGES + 1))


def _write(store: Store, number: int) -> None:
    for change in range(CHANGES):
        with store.begin() as work:
            work.operations.add(operation(f"svc_{number}_{change}"))


def _read_more(read: list[int], store: Store) -> bool:
    with store.read() as work:
        new = [event.sequence for event in work.events.after(read[-1] if read else 0, 7)]
    read += new
    return bool(new)


def test_old_events_are_removed_and_sequences_continue(store: Store):
    for name in ("one", "two", "three"):
        with store.begin() as work:
            work.services.add(service(name))
    with store.begin() as work:
        last = work.events.after(2, 1)[0]
        assert work.events.remove_before(last.at) <= 2
        assert work.events.remove_before(last.at.replace(year=2999)) >= 0
        assert work.events.bounds() == (3, 3)
    with store.begin() as work:
        work.services.add(service("four"))
    with store.read() as work:
        assert work.events.bounds() == (3, 4)


@pytest.fixture
def compressed(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store with 25 events, of which 20 are in two blocks."""
    monkeypatch.setattr(event_blocks, "SIZE", 10)
    for number in range(25):
        with store.begin() as work:
            work.services.add(service(f"compressed-{number}"))
    with store.begin() as work:
        assert [work.events.compress(5) for _ in range(3)] == [10, 10, 0]
    return store


def test_compressed_events_are_read_like_all_others(compressed: Store):
    with compressed.read() as work:
        assert work.events.bounds() == (1, 25)
        everything = work.events.after(0, 100)
        assert [event.sequence for event in everything] == list(range(1, 26))
        assert len({event.id for event in everything}) == 25
        for after in range(26):
            for limit in (1, 7, 12, 30):
                assert work.events.after(after, limit) == everything[after : after + limit]


def test_compressed_events_are_equal_to_those_that_were_stored(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(event_blocks, "SIZE", 3)
    with store.begin() as work:
        for entity in (service("web"), service("db")):
            work.services.add(entity)
        work.operations.add(operation("svc_1"))
    with store.begin() as work:
        before = work.events.after(0, 10)
        assert work.events.compress(0) == 0, "the newest stays: the next number follows it"
    with store.begin() as work:
        work.services.add(service("last"))
    with store.begin() as work:
        assert work.events.compress(0) == 3
        assert work.events.after(0, 3) == before


def test_compressed_events_are_removed_when_all_of_their_block_are_old(compressed: Store):
    with compressed.begin() as work:
        assert work.events.remove_before(work.events.after(0, 1)[0].at - timedelta(seconds=1)) == 0
        assert work.events.remove_before(datetime(2999, 1, 1, tzinfo=UTC)) == 24
        assert work.events.bounds() == (25, 25)
        assert [event.sequence for event in work.events.after(0, 10)] == [25]


def test_new_events_are_numbered_behind_compressed_ones(compressed: Store):
    with compressed.begin() as work:
        work.services.add(service("newest"))
    with compressed.read() as work:
        assert work.events.after(25, 10)[0].sequence == 26
