"""The first tables: services, deployments with their logs, operations, API keys, idempotency."""

from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    String,
    Text,
    text,
)
from sqlalchemy.types import TypeEngine

revision = "0001"
down_revision = None

WORDS = String().with_variant(String(collation="C"), "postgresql")
WORD = String(20)
TIME = DateTime(timezone=True)
JSON = Text()
NUMBER = BigInteger()
FLAG = Boolean()


def upgrade() -> None:
    """Make everything that the panel knew of when it was first released."""
    _services()
    _deployments()
    _deployment_lines()
    _operations()
    _api_keys()
    _panel()


def _needed(**columns: TypeEngine[Any]) -> list[Column[Any]]:
    return [Column(name, kind, nullable=False) for name, kind in columns.items()]


def _optional(**columns: TypeEngine[Any]) -> list[Column[Any]]:
    return [Column(name, kind) for name, kind in columns.items()]


def _listed(table: str, *ways: str) -> None:
    for way in ways:
        names = way.split()
        op.create_index(f"{table}_by_{names[0]}", table, names)


def _services() -> None:
    op.create_table(
        "services",
        *_needed(id=WORDS, name=WORDS, deploy_method=WORD, definition=JSON, created_at=TIME, updated_at=TIME),
        *_needed(labels=JSON, status=WORD, wanted=WORD, limits=JSON, usage=JSON, health=JSON),
        *_needed(revision=NUMBER, environment_revision=NUMBER),
        *_optional(customer_id=WORDS, template=WORDS, image=WORDS),
        *_optional(live_deployment_id=WORDS, deployed_at=TIME, url=WORDS),
        PrimaryKeyConstraint("id", name="services_id"),
    )
    op.create_index("services_name", "services", [text("coalesce(customer_id, '')"), "name"], unique=True)
    _listed("services", "created_at id", "updated_at id", "name id", "status id")
    _listed("services", "customer_id created_at id", "template created_at id", "deploy_method created_at id")


def _deployments() -> None:
    op.create_table(
        "deployments",
        *_needed(id=WORDS, service_id=WORDS, operation_id=WORDS, trigger=WORD, definition=JSON, created_at=TIME),
        *_needed(status=WORD, images=JSON, steps=JSON, revision=NUMBER),
        *_optional(customer_id=WORDS, actor_id=WORDS, rollback_of=WORDS, superseded_by=WORDS),
        *_optional(failure=JSON, started_at=TIME, finished_at=TIME),
        PrimaryKeyConstraint("id", name="deployments_id"),
        ForeignKeyConstraint(["service_id"], ["services.id"], name="deployments_of_services", ondelete="CASCADE"),
    )
    _listed("deployments", "created_at id", "status id", "trigger created_at id", "operation_id id")
    _listed("deployments", "service_id created_at id", "customer_id created_at id", "actor_id created_at id")


def _deployment_lines() -> None:
    op.create_table(
        "deployment_lines",
        *_needed(deployment_id=WORDS, number=NUMBER, at=TIME, step=WORDS, text=WORDS, stream=WORDS),
        PrimaryKeyConstraint("deployment_id", "number", name="deployment_lines_id"),
        ForeignKeyConstraint(
            ["deployment_id"], ["deployments.id"], name="deployment_lines_of_deployments", ondelete="CASCADE"
        ),
    )


def _operations() -> None:
    op.create_table(
        "operations",
        *_needed(id=WORDS, kind=WORD, service_id=WORDS, created_at=TIME, status=WORD, options=JSON, progress=NUMBER),
        *_needed(steps=JSON, cancel_requested=FLAG, past_return=FLAG, attempts=NUMBER, revision=NUMBER),
        *_optional(customer_id=WORDS, actor_id=WORDS, request_id=WORDS, deployment_id=WORDS),
        *_optional(failure=JSON, lease_owner=WORDS, lease_until=TIME, started_at=TIME, finished_at=TIME),
        PrimaryKeyConstraint("id", name="operations_id"),
    )
    running = text("status = 'running'")
    op.create_index(
        "operations_running", "operations", ["service_id"], unique=True, sqlite_where=running, postgresql_where=running
    )
    _listed("operations", "created_at id", "status id", "kind id", "service_id status id")
    _listed("operations", "customer_id created_at id", "actor_id created_at id")


def _api_keys() -> None:
    op.create_table(
        "api_keys",
        *_needed(id=WORDS, name=WORDS, prefix=WORDS, digest=WORDS, role=WORD, created_at=TIME),
        *_needed(denied_permissions=JSON, allowed_ips=JSON, request_count=NUMBER, revision=NUMBER),
        *_optional(created_by=WORDS, customer_id=WORDS, rate_limit_rpm=NUMBER, expires_at=TIME),
        *_optional(previous_digest=WORDS, previous_until=TIME, last_used_at=TIME, last_used_ip=WORDS),
        PrimaryKeyConstraint("id", name="api_keys_id"),
    )
    op.create_index("api_keys_prefix", "api_keys", ["prefix"], unique=True)
    _listed("api_keys", "created_at id", "name id", "role id", "customer_id created_at id")


def _panel() -> None:
    op.create_table(
        "idempotency",
        *_needed(caller=WORDS, key=WORDS, digest=WORDS, created_at=TIME),
        *_optional(answer=WORDS),
        PrimaryKeyConstraint("caller", "key", name="idempotency_id"),
    )
    _listed("idempotency", "created_at")
    op.create_table("installation", *_needed(id=WORDS), PrimaryKeyConstraint("id", name="installation_id"))
