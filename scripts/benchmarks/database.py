"""Fill a panel's database with copies of a service that the panel has created and deployed.

The first thousand copies are written through the panel's store, with different statuses, customers, templates and
times. The database copies these to create all others, each with its operation and deployment.
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
from domain.ports.repository import Page, Query
from domain.ports.store import Work
from domain.services.create import ServiceCreate
from handlers.program import wiring
from handlers.program.worker import Worker

MODELS = 1000
CUSTOMERS = 50
STATUSES = [ServiceStatus.RUNNING] * 16 + [ServiceStatus.STOPPED] * 3 + [ServiceStatus.FAILED]
TEMPLATES = ("hello", "gitea", "postgres", "wordpress", None)
NEWEST = datetime(2026, 3, 29, 10, 0, 0, tzinfo=UTC)
# Columns that differ between copies. All others stay as the panel wrote them.
NAMES = frozenset(
    {"id", "name", "service_id", "deployment_id", "operation_id", "live_deployment_id", "resource_id", "lock_key"}
)

_Records = tuple[Service, Operation, Deployment]


@dataclass(frozen=True)
class FilledDatabase:
    """The environment of a panel on a filled database, an admin key, and the ID of a service."""

    environment: dict[str, str]
    key: str
    service_id: str


def fill_database(folder: Path, server: str, number: int) -> FilledDatabase:
    """Return a database with `number` services (whole thousands), and fill it first if needed.

    It is a file in `folder`, or a separate database on the PostgreSQL server at the URL `server`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    url = _database(server, f"bench_{number}") if server else f"sqlite:///{folder / 'panel.db'}"
    variables = environment(folder, PANEL_RUNTIME="memory", PANEL_DATABASE_URL=url)
    with _open_ports(variables) as ports:
        key = api_keys.create_unbounded_key(ports, "bench", Role.ADMIN)
        known = _page(ports)
        if not known.total:
            _make_models(ports, _caller(ports, key))
            known = _page(ports)
    if known.total < number:
        _multiply(url, number // MODELS - 1)
    return FilledDatabase(variables, key, known.items[-1].id)


@contextmanager
def _open_ports(variables: Mapping[str, str]) -> Iterator[Ports]:
    ports = wiring.open_ports(settings.read({name: variables[name] for name in variables if name.startswith("PANEL_")}))
    try:
        yield ports
    finally:
        ports.notifier.close()
        ports.store.close()


def _database(server: str, name: str) -> str:
    engine = create_engine(_driver_url(server), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        if not connection.scalar(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}):
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def _driver_url(url: str) -> str:
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
    """Deploy a service, copy it a thousand times, and remove the original."""
    body = ServiceCreate(name="model", deploy_method="template", template="hello", variables={"GREETING": "Welcome"})
    created = services.create_service(ports, caller, body).result
    Worker(ports).run_until_idle()
    with ports.store.begin() as work:
        model = _model(work, created)
        for service, operation, deployment in (_copy(model, number) for number in range(MODELS)):
            work.services.add(service)
            work.operations.add(operation)
            work.deployments.add(deployment)
        work.operations.remove(model[1].id)
        work.services.remove(model[0].id)


def _model(work: Work, created: services.ServiceDetail) -> _Records:
    service, operation = work.services.get(created.service.id), work.operations.get(created.queued_operation_id or "")
    deployment = work.deployments.get(created.deployment_id or "")
    assert service is not None
    assert operation is not None
    assert deployment is not None
    return service, operation, deployment


def _copy(model: _Records, number: int) -> _Records:
    at = NEWEST - timedelta(minutes=number)
    customer_id = f"cust_{number % CUSTOMERS:02}"
    service = replace(model[0], id=new_id("svc"), customer_id=customer_id, created_at=at)
    operation = replace(model[1], id=new_id("op"), customer_id=customer_id, created_at=at)
    deployment = replace(model[2], id=new_id("dep"), customer_id=customer_id, created_at=at)
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
        replace(operation, resource_id=service.id, lock_key=service.id, deployment_id=deployment.id),
        replace(deployment, service_id=service.id, operation_id=operation.id),
    )


def _multiply(url: str, copies: int) -> None:
    """Insert `copies` copies of each row. SQLite's journal is off meanwhile; the panel turns it on again."""
    engine = create_engine(_driver_url(url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1000000"):
                connection.exec_driver_sql(f"PRAGMA {pragma}")
        for table in (metadata.tables[name] for name in ("services", "operations", "deployments")):
            connection.execute(_copy_statement(table), {"copies": copies, "longer": 10 ** len(str(copies))})
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("VACUUM ANALYZE")
    engine.dispose()


def _copy_statement(table: Table) -> TextClause:
    """Return the statement that copies rows. The appended numbers have the same length, so that they sort by number."""
    number = "substr(CAST(:longer + number AS text), 2)"
    names = [column.name for column in table.columns]
    values = [f"{name} || {number}" if name in NAMES else name for name in names]
    return text(
        f"INSERT INTO {table.name} ({', '.join(names)})"
        " WITH RECURSIVE numbers(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < :copies)"
        f" SELECT {', '.join(values)} FROM {table.name} CROSS JOIN numbers WHERE number <= :copies"
    )
