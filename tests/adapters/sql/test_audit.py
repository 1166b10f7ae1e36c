"""The chains of the audit record in the database: tampering is found, and writers do not wait for each other."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest
from sqlalchemy import Engine, text

from domain.adapters.sql.engines import connect
from domain.adapters.sql.store import open_store
from domain.audit import verify
from domain.errors import NotFound
from domain.identity.actions import Action, Actor, performing
from domain.model.audit_event import ActorType
from domain.ports.repository import Query
from domain.ports.store import Store
from domain.ports.vault import Vault
from tests.adapters.sql.entities import named, organization, service

ADMIN = Actor(ActorType.API_KEY, "key_1", "admin", None, "192.0.2.1")


@contextmanager
def _acting(name: str = "create_organization") -> Iterator[Action]:
    with performing(Action(name, ADMIN, "req_1")) as action:
        yield action


def _write(store: Store, count: int) -> None:
    """Leave this many audit events."""
    for _ in range(count):
        with _acting(), store.begin() as work:
            work.organizations.add(organization())


def _problems(store: Store) -> list[str]:
    return [problem for report in verify(store) for problem in report.problems]


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engines = connect(url)
    yield engines.write
    engines.close()


def _tamper(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def test_an_untouched_record_is_whole(store: Store):
    _write(store, 5)
    assert _problems(store) == []


TAMPERED = [
    pytest.param(
        ("UPDATE audit_events SET actor_name = 'nobody' WHERE number = 3",), ["edited", "number 3"], id="edit"
    ),
    pytest.param(("UPDATE audit_events SET changes = '[]' WHERE number = 3",), ["edited", "number 3"], id="changes"),
    pytest.param(("UPDATE audit_events SET outcome = 'x' WHERE number = 3",), ["edited", "number 3"], id="no-outcome"),
    pytest.param(("UPDATE audit_events SET changes = '{' WHERE number = 3",), ["edited", "number 3"], id="no-json"),
    pytest.param(("UPDATE audit_events SET hash = 'ff' WHERE number = 3",), ["edited", "number 3"], id="hash"),
    pytest.param(("DELETE FROM audit_events WHERE number = 3",), ["removed", "event 3 of chain 0"], id="remove"),
    pytest.param(("DELETE FROM audit_events WHERE number IN (2, 3)",), ["removed", "events 2 to 3"], id="several"),
    pytest.param(("DELETE FROM audit_events WHERE number = 1",), ["removed", "event 1 of chain 0"], id="first"),
    pytest.param(("DELETE FROM audit_events WHERE number > 3",), ["cut off", "events 4 to 5"], id="tail"),
    pytest.param(("DELETE FROM audit_events",), ["cut off", "events 1 to 5"], id="all"),
    pytest.param(
        (
            "DELETE FROM audit_events WHERE number > 3",
            "UPDATE audit_heads SET number = 3, hash = (SELECT hash FROM audit_events WHERE number = 3)"
            " WHERE chain = 0",
        ),
        ["the head of chain 0"],
        id="tail-and-head",
    ),
    pytest.param(("DELETE FROM audit_heads WHERE chain = 0",), ["the head of chain 0"], id="head"),
]


@pytest.mark.parametrize(("statements", "said"), TAMPERED)
def test_tampering_is_named(store: Store, engine: Engine, statements: tuple[str, ...], said: list[str]):
    _write(store, 5)
    _tamper(engine, *statements)
    (problem,) = _problems(store)
    assert all(part in problem for part in said), problem


def test_swapped_events_are_named_with_the_places_that_they_had(store: Store, engine: Engine):
    _write(store, 5)
    _tamper(
        engine,
        "UPDATE audit_events SET number = 99 WHERE number = 2",
        "UPDATE audit_events SET number = 2 WHERE number = 4",
        "UPDATE audit_events SET number = 4 WHERE number = 99",
    )
    problems = _problems(store)
    assert len(problems) == 2
    assert "number 2) was written as number 4" in problems[0]
    assert "number 4) was written as number 2" in problems[1]


def test_a_record_of_another_key_is_not_whole(store: Store, engine: Engine, open_again: Callable[[], Store]):
    _write(store, 2)
    _tamper(engine, "DELETE FROM audit_key", "DELETE FROM audit_heads")
    assert len(_problems(open_again())) > 0


def test_a_second_process_continues_the_chain_of_the_first(store: Store, open_again: Callable[[], Store]):
    _write(store, 2)
    _write(open_again(), 2)
    assert _problems(store) == []


def test_a_block_that_fails_leaves_no_event(store: Store):
    def fail() -> None:
        with _acting(), store.begin() as work:
            work.organizations.add(organization())
            raise NotFound("gone")

    with pytest.raises(NotFound):
        fail()
    with store.read() as work:
        assert list(work.audit_events.of_chain(0, 0, 10)) == []


def test_background_work_is_recorded_only_by_name(store: Store):
    with store.begin() as work:
        work.services.add(service("shop"))
        work.audit_events.record("subscription.expire", ("subscription", "sub_1"), customer_id="cust_1")
    with store.read() as work:
        (event,) = work.audit_events.older(Query(), None, 10)
    assert (event.action, event.actor_type, event.customer_id) == ("subscription.expire", ActorType.SYSTEM, "cust_1")


def test_a_change_is_compared_with_what_the_block_read_first(store: Store):
    with store.begin() as work:
        work.services.add(service("shop"))
    with _acting("update_service"), store.begin() as work:
        (row,) = named(work, "shop")
        for name in ("first", "second"):
            row.name = name
            work.services.save(row)
    with store.read() as work:
        (event,) = work.audit_events.older(Query(), None, 10)
    assert [(change.field, change.before, change.after) for change in event.changes] == [("name", "shop", "second")]


def test_the_removal_of_an_entity_shows_what_it_was(store: Store):
    added = organization(name="Acme", notes="the boss is difficult")
    with store.begin() as work:
        work.organizations.add(added)
    with _acting("delete_organization"), store.begin() as work:
        work.organizations.remove(added.id)
    with store.read() as work:
        (event,) = work.audit_events.older(Query(), None, 10)
    changes = {change.field: (change.before, change.after) for change in event.changes}
    assert changes["name"] == ("Acme", None)
    assert changes["notes"] == ("(hidden)", None)


def test_the_same_instant_does_not_lose_an_event_of_an_export(store: Store):
    _write(store, 3)
    with store.read() as work:
        (first,) = work.audit_events.older(Query(), None, 1)
        rest = work.audit_events.older(Query(), first, 10)
    assert len({first.id, *(event.id for event in rest)}) == 3


@pytest.mark.postgres
def test_a_writer_does_not_wait_for_one_that_holds_a_chain(postgres_url: str, vault: Vault):
    engines = connect(postgres_url)
    with closing(open_store(postgres_url, vault)) as store, engines.write.begin() as connection:
        connection.execute(text("SELECT * FROM audit_heads WHERE chain = 0 FOR UPDATE"))
        _write(store, 2)
        with store.read() as work:
            assert work.audit_events.chains() == {1: 2}
    engines.close()


@pytest.mark.postgres
def test_parallel_writers_leave_whole_chains(postgres_url: str, vault: Vault):
    with closing(open_store(postgres_url, vault)) as store, ThreadPoolExecutor(24) as pool:
        list(pool.map(lambda _: _write(store, 3), range(24)))
        with store.read() as work:
            assert sum(work.audit_events.chains().values()) == 72
        assert _problems(store) == []
