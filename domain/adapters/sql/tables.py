"""The tables: one for each noun of the model, with what must be unique and an index for whatever lists offer."""

from sqlalchemy import Column, ForeignKeyConstraint, Index, MetaData, Table, func, text

from domain.adapters.sql.columns import Moment, Words, columns
from domain.model.api_key import ApiKey
from domain.model.deployment import Deployment, LogLine
from domain.model.event import Event
from domain.model.operation import Operation
from domain.model.sample import Sample
from domain.model.service import Service
from domain.model.session import Session
from domain.model.ticket import Ticket

metadata = MetaData(
    naming_convention={"pk": "%(table_name)s_id", "fk": "%(table_name)s_of_%(referred_table_name)s"},
)

services = Table("services", metadata, *columns(Service))
deployments = Table(
    "deployments",
    metadata,
    *columns(Deployment),
    ForeignKeyConstraint(["service_id"], [services.c.id], ondelete="CASCADE"),
)
deployment_lines = Table(
    "deployment_lines",
    metadata,
    *columns(LogLine, ("deployment_id", "number")),
    ForeignKeyConstraint(["deployment_id"], [deployments.c.id], ondelete="CASCADE"),
)
operations = Table("operations", metadata, *columns(Operation))
events = Table("events", metadata, *columns(Event, ("sequence",)))
api_keys = Table("api_keys", metadata, *columns(ApiKey))
sessions = Table(
    "sessions",
    metadata,
    *columns(Session),
    ForeignKeyConstraint(["api_key_id"], [api_keys.c.id], ondelete="CASCADE"),
)
tickets = Table(
    "tickets",
    metadata,
    *columns(Ticket, ("digest",)),
    ForeignKeyConstraint(["api_key_id"], [api_keys.c.id], ondelete="CASCADE"),
    ForeignKeyConstraint(["session_id"], [sessions.c.id], ondelete="CASCADE"),
)
samples = Table(
    "samples",
    metadata,
    *columns(Sample, ("service_id", "at")),
    ForeignKeyConstraint(["service_id"], [services.c.id], ondelete="CASCADE"),
)
idempotency = Table(
    "idempotency",
    metadata,
    Column("caller", Words(), primary_key=True),
    Column("key", Words(), primary_key=True),
    Column("digest", Words(), nullable=False),
    Column("answer", Words()),
    Column("created_at", Moment(), nullable=False),
)
installation = Table("installation", metadata, Column("id", Words(), primary_key=True))

# A service without a customer belongs to the panel's owner, who is one owner like any other.
Index("services_name", func.coalesce(services.c.customer_id, ""), services.c.name, unique=True)
_running = text("status = 'running'")
Index("operations_running", operations.c.service_id, unique=True, sqlite_where=_running, postgresql_where=_running)
Index("api_keys_prefix", api_keys.c.prefix, unique=True)
Index("sessions_digest", sessions.c.digest, unique=True)


def _listed(table: Table, *ways: str) -> None:
    for way in ways:
        names = way.split()
        Index(f"{table.name}_by_{names[0]}", *(table.c[name] for name in names))


def _filtered(table: Table, kind: str, *orders: str) -> None:
    """However a list is ordered, its first page is read and nothing else."""
    for order in orders:
        Index(f"{table.name}_by_{kind}_{order}", table.c[kind], table.c[order], table.c.id)


_listed(services, "created_at id", "updated_at id", "name id", "status id")
_listed(services, "customer_id created_at id", "template created_at id", "deploy_method created_at id")
_filtered(services, "status", "created_at", "updated_at", "name")
for _kind in ("customer_id", "template", "deploy_method"):
    _filtered(services, _kind, "updated_at", "name", "status")
_listed(deployments, "created_at id", "status id", "trigger created_at id")
_listed(deployments, "service_id created_at id", "customer_id created_at id", "actor_id created_at id")
_listed(operations, "created_at id", "status id", "kind id", "service_id status id")
_listed(operations, "customer_id created_at id", "actor_id created_at id")
_listed(deployments, "operation_id id")
_listed(api_keys, "created_at id", "name id", "role id", "customer_id created_at id")
_listed(sessions, "api_key_id created_at id", "expires_at")
_listed(tickets, "api_key_id", "session_id", "expires_at")
_listed(samples, "at")
_listed(idempotency, "created_at")
_listed(events, "at")
