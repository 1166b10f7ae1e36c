"""The queue of operations: each is claimed once, oldest first, one at a time for each lock key."""

import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace

import pytest

from domain import errors
from domain.adapters.sql.store import open_store
from domain.model.operation import Operation, OperationStatus
from domain.ports.store import Store
from domain.ports.vault import Vault
from tests.adapters.sql.entities import NOW, after, operation


def _claim(store: Store, owner: str = "worker-1", now: float = 0, lease: float = 30) -> Operation | None:
    with store.begin() as work:
        return work.operations.claim(owner, after(seconds=now), after(seconds=now + lease))


def _end(store: Store, operation_id: str) -> None:
    with store.begin() as work:
        found = work.operations.get(operation_id)
        assert found is not None
        found.status = OperationStatus.SUCCEEDED
        work.operations.save(found)


def _add(store: Store, *operations: Operation) -> None:
    with store.begin() as work:
        for new in operations:
            work.operations.add(new)


def test_a_claim_stores_the_lease_of_its_owner(store: Store):
    queued = operation("svc_1")
    _add(store, queued)
    claimed = _claim(store)
    assert claimed == replace(
        queued,
        status=OperationStatus.RUNNING,
        lease_owner="worker-1",
        lease_until=after(seconds=30),
        attempts=1,
        started_at=NOW,
        revision=2,
    )
    with store.read() as work:
        assert work.operations.get(queued.id) == claimed


def test_an_empty_queue_and_ended_operations_give_no_claim(store: Store):
    assert _claim(store) is None
    ended = [status for status in OperationStatus if status not in ("queued", "running")]
    _add(store, *(operation(f"svc_{status}", status=status) for status in ended))
    assert _claim(store) is None


def test_the_oldest_operation_comes_first_and_one_for_each_lock_key(store: Store):
    first, second, other = operation("svc_1", id="op_1"), operation("svc_1", id="op_2"), operation("svc_2", id="op_3")
    _add(store, other, second, first)
    assert [claimed and claimed.id for claimed in (_claim(store), _claim(store), _claim(store))] == [
        "op_1",
        "op_3",
        None,
    ]
    _end(store, "op_1")
    claimed = _claim(store)
    assert claimed is not None
    assert claimed.id == "op_2"


def test_a_claim_that_is_rolled_back_can_be_made_again(store: Store):
    _add(store, operation("svc_1"))
    with store.begin(dry_run=True) as work:
        assert work.operations.claim("worker-1", NOW, after(seconds=30)) is not None
    assert _claim(store) is not None


def test_an_operation_with_an_expired_lease_is_claimed_again(store: Store):
    _add(store, operation("svc_1", id="op_1"), operation("svc_1", id="op_2"))
    assert _claim(store, "worker-1", now=0) is not None
    assert _claim(store, "worker-2", now=29) is None
    claimed = _claim(store, "worker-2", now=30)
    assert claimed is not None
    assert (claimed.id, claimed.lease_owner, claimed.attempts, claimed.started_at) == ("op_1", "worker-2", 2, NOW)


def test_an_abandoned_operation_is_claimed_before_a_later_one_with_a_smaller_id(store: Store):
    _add(store, operation("svc_1", id="op_2"))
    assert _claim(store) is not None
    _add(store, operation("svc_1", id="op_1"))
    assert _claim(store, now=10) is None
    claimed = _claim(store, now=30)
    assert claimed is not None
    assert claimed.id == "op_2"


def test_only_the_owner_can_renew_a_lease(store: Store):
    queued = operation("svc_1")
    _add(store, queued)
    claimed = _claim(store)
    with store.begin() as work:
        assert work.operations.renew(queued.id, "worker-2", after(seconds=60)) is None
        assert work.operations.renew("op_none", "worker-1", after(seconds=60)) is None
        renewed = work.operations.renew(queued.id, "worker-1", after(seconds=60))
    assert claimed is not None
    assert renewed == replace(claimed, lease_until=after(seconds=60))
    assert _claim(store, "worker-2", now=59) is None
    assert _claim(store, "worker-2", now=60) is not None
    with store.begin() as work:
        assert work.operations.renew(queued.id, "worker-1", after(seconds=90)) is None


def test_the_lease_of_an_ended_operation_is_not_renewed(store: Store):
    queued = operation("svc_1")
    _add(store, queued)
    _claim(store)
    _end(store, queued.id)
    with store.begin() as work:
        assert work.operations.renew(queued.id, "worker-1", after(seconds=60)) is None


def test_renewing_a_lease_returns_a_request_to_cancel(store: Store):
    queued = operation("svc_1")
    _add(store, queued)
    _claim(store)
    with store.begin() as work:
        found = work.operations.get(queued.id)
        assert found is not None
        found.cancel_requested = True
        work.operations.save(found)
    with store.begin() as work:
        renewed = work.operations.renew(queued.id, "worker-1", after(seconds=60))
    assert renewed is not None
    assert renewed.cancel_requested


def test_unfinished_operations_are_listed_oldest_first(store: Store):
    _add(store, *(operation("svc_1", id=f"op_{number}") for number in (3, 1, 2)))
    _add(store, operation("svc_2", id="op_9"), operation("svc_1", status=OperationStatus.FAILED))
    _claim(store)
    with store.read() as work:
        assert [found.id for found in work.operations.unfinished("svc_1")] == ["op_1", "op_2", "op_3"]


def test_the_database_allows_one_running_operation_for_each_lock_key(store: Store):
    _add(store, operation("svc_1", status=OperationStatus.RUNNING), operation("svc_2", status=OperationStatus.RUNNING))
    with pytest.raises(errors.Conflict):
        _add(store, operation("svc_1", status=OperationStatus.RUNNING))


@pytest.mark.postgres
def test_of_two_claims_that_cannot_see_each_other_one_gets_none(postgres_url: str, vault: Vault):
    """Only the unique index resolves this race: an older operation appears while a newer one is being claimed."""
    store = open_store(postgres_url, vault)
    _add(store, operation("svc_1", id="op_2"))
    got: list[Operation | None] = []

    def late() -> None:
        _add(store, operation("svc_1", id="op_1"))
        got.append(_claim(store, "worker-2"))

    with store.begin() as work:
        first = work.operations.claim("worker-1", NOW, after(seconds=30))
        other = threading.Thread(target=late)
        other.start()
        time.sleep(0.3)
        assert got == []
    other.join()
    assert first is not None
    assert (first.id, got) == ("op_2", [None])
    store.close()


@pytest.mark.postgres
def test_a_claim_does_not_wait_for_an_uncommitted_one(postgres_url: str, vault: Vault):
    store = open_store(postgres_url, vault)
    _add(store, operation("svc_1", id="op_1"), operation("svc_2", id="op_2"))
    got: list[Operation | None] = []
    other = threading.Thread(target=lambda: got.append(_claim(store, "worker-2")))
    with store.begin() as work:
        first = work.operations.claim("worker-1", NOW, after(seconds=30))
        other.start()
        other.join(timeout=10)
        assert [each and each.id for each in (first, *got)] == ["op_1", "op_2"]
    store.close()


class _Workers:
    """Workers that empty a queue and record what they claimed, and whether two worked on one service."""

    def __init__(self, stores: list[Store], work: int) -> None:
        self.claimed: defaultdict[str, list[str]] = defaultdict(list)
        self.faults: list[object] = []
        self._stores = stores
        self._left = work
        self._busy: Counter[str] = Counter()
        self._guard = threading.Lock()

    def run(self, workers: int) -> None:
        threads = [threading.Thread(target=self._work, args=(number,)) for number in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _work(self, number: int) -> None:
        store = self._stores[number % len(self._stores)]
        try:
            while self._left > 0 and not self.faults:
                claimed = _claim(store, f"worker-{number}")
                if claimed is None:
                    time.sleep(0.005)
                else:
                    self._do(store, claimed)
        except BaseException as fault:  # noqa: BLE001 - every exception fails the test
            self.faults.append(fault)

    def _do(self, store: Store, claimed: Operation) -> None:
        with self._guard:
            self._left -= 1
            self.claimed[claimed.resource_id].append(claimed.id)
            self._busy[claimed.resource_id] += 1
            if self._busy[claimed.resource_id] > 1:
                self.faults.append(f"{claimed.resource_id} has two running operations")
        time.sleep(random.random() / 200)
        with self._guard:
            self._busy[claimed.resource_id] -= 1
        _end(store, claimed.id)


def test_parallel_workers_claim_each_operation_once_in_order_and_one_for_each_lock_key(
    store: Store, open_again: Callable[[], Store]
):
    queue = [operation(f"svc_{number % 4}", id=f"op_{number:03}") for number in range(48)]
    _add(store, *random.sample(queue, len(queue)))
    workers = _Workers([store, open_again()], len(queue))
    workers.run(workers=8)
    assert workers.faults == []
    assert workers.claimed == {
        f"svc_{n}": [queued.id for queued in queue if queued.resource_id == f"svc_{n}"] for n in range(4)
    }
