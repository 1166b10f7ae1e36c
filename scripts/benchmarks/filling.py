"""Fills a panel's database with services: each is a copy of one that the panel itself made and deployed.

The first thousand go through the panel's store, with states, owners, templates and times of their own; the database
makes all others of these, with the work and the deployment that belong to each.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from processes import environment
from sqlalchemy import Table, TextClause, create_engine, text
from sqlalchemy.engine import make_url

from domain import api_keys, services, settings
from domain.adapters.sql.tables import metadata
from domain.identity import tokens, validity
from domain.identity.access import Caller
from domain.model.deployment import Deployment
from domain.model.identifiers import new_id
from domain.model.operation import Operation
from domain.model.role import Role
from domain.model.service import Limits, Service, ServiceStatus, Usage
from domain.ports import Ports
from domain.ports.store import Page, Query, Work
from handlers.program import wiring
from handlers.program.worker import Worker

MODELS = 1000
CUSTOMERS = 50
STATUSES = [ServiceStatus.RUNNING] * 16 + [ServiceStatus.STOPPED] * 3 + [ServiceStatus.FAILED]
TEMPLATES = ("hello", "gitea", "postgres", "wordpress", None)
NEWEST = datetime(2026, 3, 29, 10, 0, 0, tzinfo=UTC)
# What differs from copy to copy; all else stays as the panel wrote it.
NAMES = frozenset({"id", "name", "service_id", "deployment_id", "operation_id", "live_deployment_id"})

_Made = tuple[Service, Operation, Deployment]


@dataclass(frozen=True)
class Filled:
    """What a panel needs to run on a database that is full, an admin's key for it, and one of its services."""

    environment: dict[str, str]
    key: str
    service_id: str


def filled(folder: Path, server: str, number: int) -> Filled:
    """A panel with so many services, in whole thousands: found there, or made.

    Its database is a file in the folder, or one of its own on the PostgreSQL server with this URL.
    """
    folder.mkdir(parents=True, exist_ok=True)
    url = _database(server, f"bench_{number}") if server else f"sqlite:///{folder / 'panel.db'}"
    given = environment(folder, PANEL_RUNTIME="memory", PANEL_DATABASE_URL=url)
    with _opened(given) as ports:
        key = api_keys.create_unbounded_key(ports, "bench", Role.ADMIN)
        known = _page(ports)
        if not known.total:
            _make_models(ports, _caller(ports, key))
            known = _page(ports)
    if known.total < number:
        _multiply(url, number // MODELS - 1)
    return Filled(given, key, known.items[-1].id)


@contextmanager
def _opened(given: Mapping[str, str]) -> Iterator[Ports]:
    ports = wiring.open_ports(settings.read({name: given[name] for name in given if name.startswith("PANEL_")}))
    try:
        yield ports
    finally:
        ports.notifier.close()
        ports.store.close()


def _database(server: str, name: str) -> str:
    engine = create_engine(_driven(server), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        if not connection.scalar(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}):
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def _driven(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://")


def _page(ports: Ports) -> Page[Service]:
    with ports.store.read() as work:
        return work.services.page(Query())


def _caller(ports: Ports, key: str) -> Caller:
    with ports.store.read() as work:
        row = work.api_keys.by_prefix(tokens.prefix_of(key) or "")
    assert row
    return validity.caller_for(row)


def _make_models(ports: Ports, caller: Caller) -> None:
    """A thousand services in the place of the one that was deployed."""
    body = {"name": "model", "deploy_method": "template", "template": "hello", "variables": {"GREETING": "Welcome"}}
    made = services.create_service(ports, caller, body)
    assert isinstance(made, services.Whole)
    Worker(ports).run_until_idle()
    with ports.store.begin() as work:
        model = _model(work, made)
        for service, operation, deployment in (_copied(model, number) for number in range(MODELS)):
            work.services.add(service)
            work.operations.add(operation)
            work.deployments.add(deployment)
        work.operations.remove(model[1].id)
        work.services.remove(model[0].id)


def _model(work: Work, made: services.Whole) -> _Made:
    service, operation = work.services.get(made.service.id), work.operations.get(made.queued_operation_id or "")
    deployment = work.deployments.get(made.deployment_id or "")
    assert service is not None
    assert operation is not None
    assert deployment is not None
    return service, operation, deployment


def _copied(model: _Made, number: int) -> _Made:
    at = NEWEST - timedelta(minutes=number)
    owner = {"customer_id": f"cust_{number % CUSTOMERS:02}", "created_at": at}
    service, operation, deployment = (
        replace(one, id=new_id(prefix), **owner) for one, prefix in zip(model, ("svc", "op", "dep"), strict=True)
    )
    work = {"service_id": service.id, "operation_id": operation.id}
    return (
        replace(
            service,
            name=f"app-{number:03}",
            status=STATUSES[number % len(STATUSES)],
            template=TEMPLATES[number % len(TEMPLATES)],
            live_deployment_id=deployment.id,
            updated_at=at + timedelta(seconds=number * 7919 % 86_400),
            deployed_at=at + timedelta(seconds=3),
            limits=Limits(0.25, 32),
            usage=Usage(0.01 * (number % 25), 8.0 + number % 16, 1.5),
        ),
        replace(operation, service_id=service.id, deployment_id=deployment.id),
        replace(deployment, **work),
    )


def _multiply(url: str, copies: int) -> None:
    """So many more of each row; SQLite keeps no journal meanwhile, and the panel turns it on again."""
    engine = create_engine(_driven(url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            for hurry in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1000000"):
                connection.exec_driver_sql(f"PRAGMA {hurry}")
        for table in (metadata.tables[name] for name in ("services", "operations", "deployments")):
            connection.execute(_copies(table), {"copies": copies, "longer": 10 ** len(str(copies))})
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("VACUUM ANALYZE")
    engine.dispose()


def _copies(table: Table) -> TextClause:
    """Numbers have all the same length, so that they sort as they might have come."""
    number = "substr(CAST(:longer + number AS text), 2)"
    names = [column.name for column in table.columns]
    shown = [f"{name} || {number}" if name in NAMES else name for name in names]
    return text(
        f"INSERT INTO {table.name} ({', '.join(names)})"
        " WITH RECURSIVE numbers(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < :copies)"
        f" SELECT {', '.join(shown)} FROM {table.name} CROSS JOIN numbers WHERE number <= :copies"
    )
