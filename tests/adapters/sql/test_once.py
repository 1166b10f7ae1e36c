"""Idempotent requests: one effect and one response despite races, failures and crashes."""

import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from domain import errors
from domain.adapters.sql.idempotency import idempotency
from domain.adapters.sql.store import open_store
from domain.model.service import Service
from domain.ports.repository import Page, Query
from domain.ports.store import IdempotentRequest, Store
from domain.ports.transactions import in_transaction
from domain.ports.vault import Vault
from tests.adapters.sql.entities import NOW, after, named, service

REQUEST = IdempotentRequest(caller="key_1", key="k-1", digest="digest-1")


def _services(store: Store) -> Page[Service]:
    with store.read() as work:
        return work.services.page(Query())


def _request_that_adds(store: Store, answer: bytes = b"made", *, dry_run: bool = False) -> Callable[[], bytes]:
    def act() -> bytes:
        made = service(name=f"s{time.monotonic_ns()}")
        with store.begin(dry_run=dry_run) as work:
            work.services.add(made)
        return answer + b" " + made.id.encode()

    return act


def _must_not_run() -> bytes:
    raise AssertionError("the request ran a second time")


def test_a_repeated_request_gets_the_same_response_and_has_no_effect(store: Store, open_again: Callable[[], Store]):
    first = store.run_once(REQUEST, NOW, _request_that_adds(store, b"\x00\xff{}"))
    assert first.startswith(b"\x00\xff{} svc_")
    assert store.run_once(REQUEST, after(hours=23), _must_not_run) == first
    assert open_again().run_once(REQUEST, after(minutes=1), _must_not_run) == first
    assert _services(store).total == 1


def test_twenty_parallel_requests_have_one_effect_and_one_response(store: Store, open_again: Callable[[], Store]):
    stores = [store, open_again()]
    answers: list[bytes | BaseException] = []
    ready = threading.Barrier(20)

    def call(through: Store) -> None:
        ready.wait()
        try:
            answers.append(through.run_once(REQUEST, NOW, _request_that_adds(through)))
        except BaseException as fault:  # noqa: BLE001 - every exception fails the test
            answers.append(fault)

    threads = [threading.Thread(target=call, args=(stores[number % 2],)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 20
    assert set(answers) == {b"made " + _services(store).items[0].id.encode()}
    assert _services(store).total == 1


def test_the_loser_of_a_race_gets_the_response_although_its_own_attempt_failed(
    store: Store, open_again: Callable[[], Store]
):
    other = open_again()
    given: list[bytes] = []

    def read_after_the_other_request() -> bytes:
        racer = threading.Thread(target=lambda: given.append(other.run_once(REQUEST, NOW, _request_that_adds(other))))
        racer.start()
        racer.join()
        with store.read() as work:
            assert work.services.page(Query()).total == 1
        raise errors.Conflict("the name is taken")

    assert store.run_once(REQUEST, NOW, read_after_the_other_request) == given[0]


def test_the_same_key_for_another_request_is_refused(store: Store):
    store.run_once(REQUEST, NOW, _request_that_adds(store))
    with pytest.raises(errors.Conflict) as refused:
        store.run_once(replace(REQUEST, digest="digest-2"), NOW, _must_not_run)
    assert refused.value.code == "idempotency_mismatch"


def test_of_two_parallel_requests_with_one_key_one_is_refused(store: Store, open_again: Callable[[], Store]):
    ended: list[str | None] = []
    ready = threading.Barrier(2)

    def call(through: Store, digest: str) -> None:
        act = _request_that_adds(through)
        try:
            through.run_once(replace(REQUEST, digest=digest), NOW, lambda: (ready.wait(), act())[1])
            ended.append("done")
        except errors.Conflict as refusal:
            ended.append(refusal.code)

    threads = [threading.Thread(target=call, args=arguments) for arguments in ((store, "one"), (open_again(), "two"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(str(result) for result in ended) == ["done", "idempotency_mismatch"]
    assert _services(store).total == 1


def test_another_caller_may_use_the_same_key(store: Store):
    first = store.run_once(REQUEST, NOW, _request_that_adds(store))
    second = store.run_once(replace(REQUEST, caller="key_2", digest="other"), NOW, _request_that_adds(store))
    assert first != second
    assert _services(store).total == 2


def test_a_failure_is_not_stored_and_the_next_attempt_runs(store: Store):
    def fails() -> bytes:
        _request_that_adds(store)()
        raise errors.Invalid({"name": "bad"})

    with pytest.raises(errors.Invalid):
        store.run_once(REQUEST, NOW, fails)
    assert _services(store).total == 0
    assert store.run_once(REQUEST, NOW, _request_that_adds(store)).startswith(b"made")
    assert _services(store).total == 1


def test_a_dry_run_stores_no_response(store: Store):
    store.run_once(REQUEST, NOW, _request_that_adds(store, dry_run=True))
    assert _services(store).total == 0
    assert store.run_once(replace(REQUEST, digest="another"), NOW, _request_that_adds(store)).startswith(b"made")


def test_a_request_that_only_reads_stores_no_response(store: Store):
    assert store.run_once(REQUEST, NOW, lambda: str(_services(store).total).encode()) == b"0"
    with store.begin() as work:
        work.services.add(service())
    assert store.run_once(REQUEST, NOW, lambda: str(_services(store).total).encode()) == b"1"


def test_all_transactions_of_a_request_are_one_and_see_each_other(store: Store, open_again: Callable[[], Store]):
    outside = open_again()

    def act() -> bytes:
        assert _services(store).total == 0
        for name in ("one", "two"):
            with store.begin() as work:
                work.services.add(service(name))
            with store.read() as work:
                assert named(work, name)
        assert _services_elsewhere(outside) == 0
        return b"both"

    store.run_once(REQUEST, NOW, act)
    assert _services_elsewhere(outside) == 2


def _services_elsewhere(store: Store) -> int:
    seen: list[int] = []
    thread = threading.Thread(target=lambda: seen.append(_services(store).total))
    thread.start()
    thread.join()
    return seen[0]


def _add_and_fail(store: Store, added: Service) -> None:
    with store.begin() as work:
        work.services.add(added)
        raise ZeroDivisionError


def test_a_transaction_that_fails_within_a_request_is_rolled_back_alone(store: Store):
    def act() -> bytes:
        with store.begin() as work:
            work.services.add(service("kept"))
        with pytest.raises(ZeroDivisionError):
            _add_and_fail(store, service("undone"))
        with store.begin(dry_run=True) as work:
            work.services.add(service("tried"))
        return b"ok"

    store.run_once(REQUEST, NOW, act)
    assert [item.name for item in _services(store).items] == ["kept"]


def test_in_transaction_is_true_from_the_first_write_to_the_end_of_the_request(store: Store):
    def act() -> bytes:
        _services(store)
        assert not in_transaction()
        _request_that_adds(store)()
        assert in_transaction()
        return b""

    store.run_once(REQUEST, NOW, act)
    assert not in_transaction()


def test_requests_and_transactions_do_not_nest(store: Store):
    def nests(inner: Callable[[], object]) -> Callable[[], bytes]:
        def act() -> bytes:
            with store.begin(), pytest.raises(RuntimeError):
                inner()
            with pytest.raises(RuntimeError):
                store.run_once(replace(REQUEST, key="other"), NOW, _request_that_adds(store))
            return b""

        return act

    for inner in (lambda: store.begin().__enter__(), lambda: store.read().__enter__()):
        store.run_once(REQUEST, NOW, nests(inner))
    with store.begin(), pytest.raises(RuntimeError):
        store.run_once(REQUEST, NOW, _request_that_adds(store))


def test_a_response_is_repeated_for_a_day(store: Store):
    first = store.run_once(REQUEST, NOW, _request_that_adds(store))
    other = replace(REQUEST, digest="digest-2")
    assert store.run_once(REQUEST, after(hours=23, minutes=59), _must_not_run) == first
    second = store.run_once(other, after(hours=24), _request_that_adds(store))
    assert second != first
    assert store.run_once(other, after(hours=25), _must_not_run) == second


def test_expired_responses_are_removed_from_the_database(store: Store):
    store.run_once(REQUEST, NOW, _request_that_adds(store))
    store.run_once(replace(REQUEST, key="k-2"), after(hours=25), _request_that_adds(store))
    assert _stored_keys(store) == ["k-2"]


def _stored_keys(store: Store) -> list[str]:
    with store._engines.read.connect() as connection:  # type: ignore[attr-defined]
        return list(connection.scalars(select(idempotency.c.key)))


def test_the_database_files_contain_no_response_in_plain_text(sqlite_url: str, tmp_path: Path, vault: Vault):
    store = open_store(sqlite_url, vault)
    store.run_once(REQUEST, NOW, _request_that_adds(store, b"aap_canary_secret"))
    with sqlite3.connect(tmp_path / "panel.db") as raw:
        dump = "\n".join(raw.iterdump())
    raw.close()
    assert 'INSERT INTO "idempotency"' in dump
    assert "canary" not in dump
    assert all(b"canary" not in file.read_bytes() for file in tmp_path.glob("panel.db*"))
    store.close()


_DIES = """
import os, signal, sys
sys.path[:0] = {paths!r}
from tests.adapters.sql.conftest import FakeVault
from tests.adapters.sql.entities import NOW, service
from domain.adapters.sql.store import open_store
from domain.ports.store import IdempotentRequest

def act():
    with store.begin() as work:
        work.services.add(service("shop"))
    if {when!r} == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    return b"made"

store = open_store({url!r}, FakeVault())
store.run_once(IdempotentRequest("key_1", "k-1", "digest-1"), NOW, act)
os.kill(os.getpid(), signal.SIGKILL)
"""


def _die(url: str, when: str) -> None:
    root = Path(__file__).parents[3]
    code = _DIES.format(paths=[str(root)], url=url, when=when)
    died = subprocess.run([sys.executable, "-c", code], check=False, cwd=root, capture_output=True, text=True)
    assert died.returncode == -signal.SIGKILL, died.stderr


def test_a_process_killed_between_effect_and_response_leaves_neither(url: str, store: Store):
    _die(url, "before")
    assert _services(store).total == 0
    assert store.run_once(REQUEST, NOW, _request_that_adds(store)).startswith(b"made")


def test_a_response_survives_the_death_of_its_process(url: str, store: Store):
    _die(url, "after")
    assert [item.name for item in _services(store).items] == ["shop"]
    assert store.run_once(REQUEST, NOW, _must_not_run) == b"made"
