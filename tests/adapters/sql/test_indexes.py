"""Lists stay fast in large databases: no page, claim or look-up reads a whole table."""

import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, Table, event, insert, text

from domain.adapters.sql.repositories.api_keys import api_keys
from domain.adapters.sql.repositories.deployments import Deployments
from domain.adapters.sql.repositories.operations import Operations
from domain.adapters.sql.repositories.services import Services
from domain.adapters.sql.repositories.sessions import sessions
from domain.adapters.sql.repositories.tickets import tickets
from domain.adapters.sql.repository import Entity, Repository
from domain.adapters.sql.store import open_store
from domain.model.api_key import ApiKey
from domain.model.deployment import Deployment, DeploymentStatus, Trigger
from domain.model.operation import Kind, Operation, OperationStatus
from domain.model.principal import PrincipalKind
from domain.model.service import DeployMethod, Service, ServiceStatus
from domain.model.session import Session
from domain.model.ticket import Ticket
from domain.ports.repository import Query
from domain.ports.store import Store
from domain.ports.vault import Vault
from tests.adapters.sql.entities import after, api_key, deployment, operation, service, session, ticket

MANY = 20_000
Statement = tuple[str, Any]


def _service(number: int) -> Service:
    return service(
        f"service-{number * 7919 % MANY:05}",
        id=f"svc_{number:05}",
        created_at=after(seconds=number),
        updated_at=after(seconds=number * 7919 % MANY),
        customer_id=f"cust_{number % 500}",
        template=f"template-{number % 20}",
        status=list(ServiceStatus)[number % 4],
        deploy_method=list(DeployMethod)[number % 3],
    )


def _deployment(number: int) -> Deployment:
    return deployment(
        f"svc_{number % 2000:05}",
        id=f"dep_{number:05}",
        created_at=after(seconds=number),
        customer_id=f"cust_{number % 500}",
        actor_id=f"key_{number % 50}",
        status=list(DeploymentStatus)[number % 11],
        trigger=list(Trigger)[number % 5],
    )


def _operation(number: int) -> Operation:
    return operation(
        f"svc_{number % 2000:05}",
        id=f"op_{number:05}",
        created_at=after(seconds=number),
        customer_id=f"cust_{number % 500}",
        actor_id=f"key_{number % 50}",
        status=OperationStatus.QUEUED if number > MANY - 10 else OperationStatus.SUCCEEDED,
        kind=list(Kind)[number % 5],
    )


def _api_key(number: int) -> ApiKey:
    return api_key(f"{number:08}", id=f"key_{number:05}", created_at=after(seconds=number))


def _session(number: int) -> Session:
    return session(
        f"key_{number % 500:05}",
        id=f"ses_{number:05}",
        digest=f"digest-{number:05}",
        created_at=after(seconds=number),
        last_seen_at=after(seconds=number * 7919 % MANY),
        expires_at=after(seconds=number),
    )


def _ticket(number: int) -> Ticket:
    session_id = f"ses_{number:05}" if number % 2 else None
    return ticket(
        f"key_{number % 500:05}", f"digest-{number:05}", session_id=session_id, expires_at=after(seconds=number)
    )


NOUNS: list[tuple[str, type[Repository[Any]], Callable[[int], Entity]]] = [
    ("services", Services, _service),
    ("deployments", Deployments, _deployment),
    ("operations", Operations, _operation),
]


def _write_engine(store: Store) -> Engine:
    return store._engines.write  # type: ignore[attr-defined, no-any-return]


def _read_engine(store: Store) -> Engine:
    return store._engines.read  # type: ignore[attr-defined, no-any-return]


@pytest.fixture
def filled_store(store: Store) -> Store:
    """Return a store with twenty thousand entities of each kind in NOUNS."""
    with _write_engine(store).begin() as connection:
        for _, repository, make in NOUNS:
            rows = [_row(repository.table, make(number)) for number in range(MANY)]
            connection.execute(insert(repository.table), rows)
        connection.execute(text("ANALYZE"))
    return store


@pytest.fixture
def crowded_store(store: Store) -> Store:
    """Return a store with twenty thousand sessions of five hundred keys, and as many tickets."""
    rows = {
        api_keys: [_row(api_keys, _api_key(number)) for number in range(500)],
        sessions: [_row(sessions, _session(number)) for number in range(MANY)],
        tickets: [_row(tickets, _ticket(number)) for number in range(MANY)],
    }
    with _write_engine(store).begin() as connection:
        for table, values in rows.items():
            connection.execute(insert(table), values)
        connection.execute(text("ANALYZE"))
    return store


def _row(table: Table, entity: object) -> dict[str, Any]:
    return {column.name: getattr(entity, column.name) for column in table.columns}


@contextmanager
def _statements(engine: Engine, *verbs: str) -> Iterator[list[Statement]]:
    """Yield the statements that start with one of the verbs (default: SELECT) and are executed in the block."""
    seen: list[Statement] = []

    def record(_connection: object, _cursor: object, statement: str, parameters: object, *_rest: object) -> None:
        if statement.startswith(verbs or ("SELECT",)):
            seen.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", record)
    yield seen
    event.remove(engine, "before_cursor_execute", record)


# SQLite calls a look-up in the index of a virtual table a scan too.
TABLE = re.compile(r"Seq Scan|SCAN (?!.*(USING|VIRTUAL TABLE INDEX))")
NAMES = re.compile(r"SCAN .*services_by_name|Index Only Scan using services_name|" + TABLE.pattern)


def _plan(store: Store, statement: Statement, *settings: str) -> list[str]:
    """Return the EXPLAIN statement and the lines of its plan."""
    engine = _read_engine(store)
    explain = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
    explained = explain + statement[0].replace("FOR NO KEY UPDATE", "").replace("SKIP LOCKED", "")
    with engine.connect() as connection:
        for setting in settings:
            connection.exec_driver_sql(setting)
        return [explained, *(str(row) for row in connection.exec_driver_sql(explained, statement[1]))]


def _full_scan(store: Store, statement: Statement, kinds: re.Pattern[str] = TABLE) -> str | None:
    """Return the plan of a statement if it reads a whole table or an index of names, otherwise None."""
    explained, *plan = _plan(store, statement)
    return "\n".join([explained, *plan]) if any(kinds.search(line) for line in plan) else None


def _queries(repository: type[Repository[Any]], known: Entity) -> Iterator[Query]:
    filters = [{}, *({name: getattr(known, name)} for name in sorted(repository.filters))]
    for chosen, sort, descending in itertools.product(filters, sorted(repository.sorts), (True, False)):
        yield Query(filters=chosen, sort=sort, descending=descending)
        yield Query(filters=chosen, sort=sort, descending=descending, since=after(seconds=100))


def test_lists_claims_and_look_ups_read_no_whole_table_of_twenty_thousand(filled_store: Store):
    statements: list[Statement] = []
    for noun, repository, make in NOUNS:
        for query in _queries(repository, make(MANY - 1)):
            with _statements(_read_engine(filled_store)) as seen, filled_store.read() as work:
                assert getattr(work, noun).page(query).items
            statements.append(seen[-1])
    with _statements(_write_engine(filled_store)) as seen, filled_store.begin() as work:
        assert work.operations.claim("worker-1", after(), after(seconds=30)) is not None
        assert work.operations.unfinished("svc_01999")
        assert work.deployments.previous_success("svc_00009") is not None
        assert work.deployments.of_operation("op_none") == []
        statements += seen  # the statements for the event of the claim read no table
    assert len(statements) == 4 * (5 * 4 + 6 * 2 + 6 * 3) + 4
    assert [plan for statement in statements if (plan := _full_scan(filled_store, statement))] == []


def test_rare_names_are_found_without_reading_all_names(filled_store: Store):
    with _statements(_read_engine(filled_store)) as statements, filled_store.read() as work:
        for search, total in (("ice-19999", 1), ("e-0777", 10), ("zebra", 0)):
            assert work.services.page(Query(search=search, sort="name")).total == total
    assert len(statements) > 3
    assert [plan for statement in statements if (plan := _full_scan(filled_store, statement, NAMES))] == []


@pytest.mark.postgres
@pytest.mark.parametrize(("search", "by_trigrams"), [("zq", False), ("---", False), ("0-", False), ("zeb", True)])
def test_the_trigram_index_is_used_for_searches_with_trigrams_only(
    postgres_url: str, vault: Vault, search: str, by_trigrams: bool
):
    """For a text without trigrams PostgreSQL would read the whole index, and only if there are very many names."""
    with closing(open_store(postgres_url, vault)) as store:
        with _statements(_read_engine(store)) as statements, store.read() as work:
            work.services.page(Query(search=search))
        plan = _plan(store, statements[-1], "SET LOCAL enable_seqscan = off", "SET LOCAL enable_indexonlyscan = off")
    assert ("services_by_trigrams" in str(plan)) == by_trigrams


def test_sessions_and_tickets_are_found_and_removed_without_reading_whole_tables(crowded_store: Store):
    of_one = {"api_key_id": "key_00007"}
    with _statements(_read_engine(crowded_store)) as reads, crowded_store.read() as work:
        for sort, descending in itertools.product(("created_at", "last_seen_at"), (True, False)):
            assert work.sessions.page(Query(of_one, sort=sort, descending=descending)).total == MANY / 500
        assert work.sessions.by_digest("digest-00007") is not None
        assert len(work.sessions.get_many(["ses_00001", "ses_00002"])) == 2
        assert len(work.api_keys.get_many(["key_00001", "key_00002"])) == 2
    with _statements(_write_engine(crowded_store), "DELETE", "UPDATE") as writes, crowded_store.begin() as work:
        assert work.tickets.take("digest-00007") is not None
        work.tickets.remove_expired(after(seconds=5))
        work.sessions.record_use("ses_00009", after(), "192.0.2.1")
        work.sessions.remove("ses_00009")
        work.sessions.remove_of(PrincipalKind.API_KEY, "key_00007", except_id="ses_00007")
        work.sessions.remove_expired(after(seconds=5))
        work.api_keys.remove("key_00008")
    assert (len(reads), len(writes)) == (4 * 2 + 3, 7)
    assert [plan for statement in (*reads, *writes) if (plan := _full_scan(crowded_store, statement))] == []
