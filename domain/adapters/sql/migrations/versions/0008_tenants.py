"""Customers, organizations, plans and subscriptions.

Each ID of a customer that a service, an API key or a user has becomes a customer of this name, without a subscription.
Three plans are added here, so that this happens once: plans that an operator deletes do not return.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from json import dumps
from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)

from domain.model.identifiers import new_id

revision = "0008"
down_revision = "0007"

WORDS = String().with_variant(String(collation="C"), "postgresql")
TIME = DateTime(timezone=True)
_QUOTAS = ("services", "cpu", "memory_mb", "storage_mb", "bandwidth_mb_per_month")
_FEATURES = (
    "template_deploy",
    "git_deploy",
    "ai_deploy",
    "compose_deploy",
    "custom_domains",
    "backup",
    "notifications",
    "api_access",
)
_STARTER_FEATURES = ("template_deploy", "notifications", "api_access")
_PLANS: tuple[tuple[str, str, Sequence[float | None], Sequence[str]], ...] = (
    ("Starter", "Applications from templates.", (3, 2.0, 4096, 20480, 102400), _STARTER_FEATURES),
    ("Pro", "Every way to deploy, domains and backups.", (10, 8.0, 16384, 102400, 1048576), _FEATURES),
    ("Enterprise", "Everything, without limits.", (None,) * 5, _FEATURES),
)


def upgrade() -> None:
    """Make the tables, a customer for each known ID, and three plans."""
    now = datetime.now(UTC)
    _organizations()
    _add_customers(_customers(), now)
    _add_plans(_plans(), now)
    _subscriptions()


def _organizations() -> None:
    op.create_table(
        "organizations",
        *_words("id", "name"),
        *_times(),
        *_words("contact_email", nullable=True),
        Column("status", String(20), nullable=False),
        *_words("notes"),
        Column("revision", BigInteger(), nullable=False),
        PrimaryKeyConstraint("id", name="organizations_id"),
    )
    _indexes("organizations", "created_at", "name")


def _customers() -> Table:
    table = op.create_table(
        "customers",
        *_words("id", "name"),
        *_times(),
        *_words("contact_email", nullable=True),
        Column("status", String(20), nullable=False),
        *_words("organization_id", nullable=True),
        *_words("notes"),
        Column("revision", BigInteger(), nullable=False),
        PrimaryKeyConstraint("id", name="customers_id"),
        ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name="customers_of_organizations", ondelete="RESTRICT"
        ),
    )
    _indexes("customers", "created_at", "name")
    op.create_index("customers_by_organization_id", "customers", ["organization_id", "created_at", "id"])
    return table


def _add_customers(table: Table, now: datetime) -> None:
    of_tables = " UNION ".join(
        f"SELECT customer_id FROM {name} WHERE customer_id IS NOT NULL"  # noqa: S608 - our own names
        for name in ("services", "api_keys", "users")
    )
    ids = op.get_bind().scalars(text(of_tables)).all()
    common = {"created_at": now, "updated_at": now, "status": "active", "notes": "", "revision": 1}
    op.bulk_insert(table, [{"id": customer_id, "name": customer_id, **common} for customer_id in sorted(ids)])


def _plans() -> Table:
    table = op.create_table(
        "plans",
        *_words("id", "name"),
        Column("kind", String(20), nullable=False),
        *_times(),
        *_words("description"),
        *(Column(name, Text(), nullable=False) for name in ("quotas", "features", "default_size")),
        Column("sort_order", BigInteger(), nullable=False),
        Column("revision", BigInteger(), nullable=False),
        PrimaryKeyConstraint("id", name="plans_id"),
    )
    op.create_index("plans_name", "plans", ["name"], unique=True)
    _indexes("plans", "sort_order", "created_at")
    return table


def _add_plans(table: Table, now: datetime) -> None:
    rows = [
        {
            "id": new_id("plan"),
            "name": name,
            "kind": "customer",
            "created_at": now,
            "updated_at": now,
            "description": description,
            "quotas": dumps(dict(zip(_QUOTAS, quotas, strict=True))),
            "features": dumps({feature: feature in features for feature in _FEATURES}),
            "default_size": dumps({"cpu": 0.5, "memory_mb": 512, "volume_mb": 1024}),
            "sort_order": number * 10,
            "revision": 1,
        }
        for number, (name, description, quotas, features) in enumerate(_PLANS, start=1)
    ]
    op.bulk_insert(table, rows)


def _subscriptions() -> None:
    op.create_table(
        "subscriptions",
        *_words("id", "plan_id"),
        *_times(),
        *_words("customer_id", "organization_id", nullable=True),
        Column("status", String(20), nullable=False),
        Column("expires_at", TIME),
        *_words("external_id", nullable=True),
        *(Column(name, Text(), nullable=False) for name in ("metadata", "transitions")),
        Column("revision", BigInteger(), nullable=False),
        PrimaryKeyConstraint("id", name="subscriptions_id"),
        _reference("plan_id", "plans", "RESTRICT"),
        _reference("customer_id", "customers", "CASCADE"),
        _reference("organization_id", "organizations", "CASCADE"),
        CheckConstraint("(customer_id IS NULL) <> (organization_id IS NULL)", name="subscriptions_owner"),
    )
    is_active = text("status = 'active'")
    for owner in ("customer_id", "organization_id"):
        op.create_index(
            f"subscriptions_active_{owner}",
            "subscriptions",
            [owner],
            unique=True,
            sqlite_where=is_active,
            postgresql_where=is_active,
        )
        op.create_index(f"subscriptions_by_{owner}", "subscriptions", [owner, "created_at", "id"])
    op.create_index("subscriptions_by_plan_id", "subscriptions", ["plan_id", "created_at", "id"])
    _indexes("subscriptions", "created_at", "expires_at")


def _words(*names: str, nullable: bool = False) -> list[Column[Any]]:
    return [Column(name, WORDS, nullable=nullable) for name in names]


def _times() -> list[Column[Any]]:
    return [Column(name, TIME, nullable=False) for name in ("created_at", "updated_at")]


def _indexes(table: str, *sorts: str) -> None:
    for sort in sorts:
        op.create_index(f"{table}_by_{sort}", table, [sort, "id"])


def _reference(column: str, table: str, on_delete: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint([column], [f"{table}.id"], name=f"subscriptions_of_{table}", ondelete=on_delete)
