"""Lists stay fast when there is much: no page reads a whole table."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from adapters.sql.entities import after, deployment, operation, service
from sqlalchemy import Engine, event, insert, text

from domain.adapters.sql import tables
from domain.adapters.sql.nouns import Deployments, Operations, Services
from domain.adapters.sql.repository import Repository
from domain.model import DeploymentStatus, DeployMethod, Kind, OperationStatus, ServiceStatus, Trigger
from domain.ports import Query, Store

MANY = 20_000


def _of(values: type, number: int) -> Any:
    members = list(values)
    return members[number % len(members)]


def _service(number: int) -> Any:
    return service(
        f"service-{number * 7919 % MANY:05}",
        id=f"svc_{number:05}",
        created_at=after(seconds=number),
        updated_at=after(seconds=number * 7919 % MANY),
        customer_id=f"cust_{number % 500}",
        template=f"template-{number % 20}",
        status=_of(ServiceStatus, number),
        deploy_method=_of(DeployMethod, number),
    )


def _deployment(number: int) -> Any:
    return deployment(
        f"svc_{number % 2000:05}",
        id=f"dep_{number:05}",
        created_at=after(seconds=number),
        customer_id=f"cust_{number % 500}",
        actor_id=f"key_{number % 50}",
        status=_of(DeploymentStatus, number),
        trigger=_of(Trigger, number),
    )


def _operation(number: int) -> Any:
    return operation(
        f"svc_{number % 2000:05}",
        id=f"op_{number:05}",
        created_at=after(seconds=number),
        customer_id=f"cust_{number % 500}",
        actor_id=f"key_{number % 50}",
        status=OperationStatus.QUEUED if number > MANY - 10 else OperationStatus.SUCCEEDED,
        kind=_of(Kind, number),
    )


def _fill(engine: Engine) -> None:
    made = (
        (tables.services, _service, MANY),
        (tables.deployments, _deployment, MANY),
        (tables.operations, _operation, MANY),
    )
    with engine.begin() as connection:
        for table, make, count in made:
            rows = [
                {column.name: getattr(entity, column.name) for column in table.columns}
                for entity in map(make, range(count))
            ]
            connection.execute(insert(table), rows)
        connection.execute(text("ANALYZE"))


@contextmanager
def _statements(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    seen: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_rest: object) -> None:
        seen.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def _plan(engine: Engine, statement: str, parameters: Any) -> str:
    explain = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
    with engine.connect() as connection:
        return "\n".join(str(row) for row in connection.exec_driver_sql(explain + statement, parameters))


def _reads_all(plan: str) -> bool:
    return "Seq Scan" in plan or any("SCAN" in line and "USING" not in line for line in plan.splitlines())


def _pages(repository: type[Repository[Any]], known: Any) -> Iterator[Query]:
    filters = [{}, *({name: getattr(known, name)} for name in sorted(repository.filters))]
    for chosen, sort, descending in itertools.product(filters, sorted(repository.sorts), (True, False)):
        yield Query(filters=chosen, sort=sort, descending=descending)
        yield Query(filters=chosen, sort=sort, descending=descending, since=after(seconds=100), page=3)


@pytest.fixture
def engine(store: Store) -> Engine:
    engine: Engine = store._engines.read  # type: ignore[attr-defined]
    _fill(store._engines.write)  # type: ignore[attr-defined]
    return engine


def test_no_page_and_no_claim_reads_a_whole_table_of_twenty_thousand(store: Store, engine: Engine):
    whole = []
    nouns = (("services", Services, _service(7)), ("deployments", Deployments, _deployment(7)),
             ("operations", Operations, _operation(MANY - 1)))  # fmt: skip
    for noun, repository, known in nouns:
        for query in _pages(repository, known):
            with _statements(engine) as seen, store.read() as work:
                assert getattr(work, noun).page(query).items
            plan = _plan(engine, *seen[-1])
            whole += [(query, plan)] if _reads_all(plan) else []
    assert whole == []


def test_claiming_and_looking_up_read_no_whole_table_of_twenty_thousand(store: Store, engine: Engine):
    writing: Engine = store._engines.write  # type: ignore[attr-defined]
    with _statements(writing) as seen, store.begin() as work:
        assert work.operations.claim("worker-1", after(), after(seconds=30)) is not None
        work.operations.waiting("svc_00001")
        work.operations.unfinished("svc_00001")
        assert work.deployments.previous_success("svc_00001") is not None
        work.deployments.of_operation("op_none")
        work.services.named("service-00001", "cust_1")
    looked = [(statement, parameters) for statement, parameters in seen if statement.startswith("SELECT")]
    assert len(looked) == 6
    plans = [
        _plan(engine, statement.replace("FOR NO KEY UPDATE", "").replace("SKIP LOCKED", ""), parameters)
        for statement, parameters in looked
    ]
    assert [plan for plan in plans if _reads_all(plan)] == []
