"""Users; and sessions and tickets that belong to an API key or to a user."""

from collections.abc import Sequence
from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    String,
    Text,
)

revision = "0006"
down_revision = "0005"

WORDS = String().with_variant(String(collation="C"), "postgresql")
TIME = DateTime(timezone=True)


def upgrade() -> None:
    """Add the table of users, and a column for a user where only an API key could stand."""
    _users()
    if op.get_bind().dialect.name == "sqlite":
        _rebuild()
    else:
        _alter("sessions")
        _alter("tickets")
    op.create_index("sessions_by_user_id", "sessions", ["user_id", "created_at", "id"])
    op.create_index("tickets_by_user_id", "tickets", ["user_id"])


def _users() -> None:
    op.create_table(
        "users",
        *(Column(name, WORDS, nullable=False) for name in ("id", "name", "email", "subject")),
        Column("role", String(20), nullable=False),
        Column("created_at", TIME, nullable=False),
        *(Column(name, WORDS) for name in ("created_by", "customer_id")),
        *(Column(name, Text(), nullable=False) for name in ("denied_permissions", "allowed_ips")),
        Column("rate_limit_rpm", BigInteger()),
        Column("expires_at", TIME),
        Column("enabled", Boolean(), nullable=False),
        Column("last_seen_at", TIME),
        Column("last_seen_ip", WORDS),
        Column("revision", BigInteger(), nullable=False),
        PrimaryKeyConstraint("id", name="users_id"),
    )
    op.create_index("users_subject", "users", ["subject"], unique=True)
    op.create_index("users_by_created_at", "users", ["created_at", "id"])
    op.create_index("users_by_name", "users", ["name", "id"])
    op.create_index("users_by_role", "users", ["role", "id"])
    op.create_index("users_by_customer_id", "users", ["customer_id", "created_at", "id"])


def _alter(table: str) -> None:
    op.alter_column(table, "api_key_id", nullable=True)
    op.alter_column(table, "api_key_digest", nullable=True)
    op.add_column(table, Column("user_id", WORDS))
    op.create_foreign_key(f"{table}_of_users", table, "users", ["user_id"], ["id"], ondelete="CASCADE")
    op.create_check_constraint(f"{table}_principal", table, _ONE_PRINCIPAL)


def _rebuild() -> None:
    """Make the tables anew: SQLite cannot make a column nullable.

    Dropping the sessions would remove the tickets that refer to them, so these wait in a table without references.
    """
    for table in ("sessions", "tickets"):
        op.execute(f"CREATE TEMPORARY TABLE old_{table} AS SELECT * FROM {table}")  # noqa: S608 - our own names
    op.drop_table("tickets")
    op.drop_table("sessions")
    _sessions()
    _tickets()
    for table, columns in (("sessions", _SESSION_COLUMNS), ("tickets", _TICKET_COLUMNS)):
        names = ", ".join(columns)
        op.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM old_{table}")  # noqa: S608 - our own names
        op.execute(f"DROP TABLE old_{table}")


_ONE_PRINCIPAL = "(api_key_id IS NULL) <> (user_id IS NULL)"
_SESSION_COLUMNS = (
    "id",
    "digest",
    "api_key_id",
    "api_key_digest",
    "created_at",
    "last_seen_at",
    "expires_at",
    "device",
    "ip",
    "revision",
)
_TICKET_COLUMNS = ("digest", "api_key_id", "api_key_digest", "expires_at", "session_id", "origin", "topics")


def _words(names: Sequence[str], *, nullable: bool = False) -> list[Column[Any]]:
    return [Column(name, WORDS, nullable=nullable) for name in names]


def _belongs_to(table: str, principal: str) -> ForeignKeyConstraint:
    column = {"api_keys": "api_key_id", "users": "user_id", "sessions": "session_id"}[principal]
    return ForeignKeyConstraint([column], [f"{principal}.id"], name=f"{table}_of_{principal}", ondelete="CASCADE")


def _sessions() -> None:
    op.create_table(
        "sessions",
        *_words(("id", "digest")),
        *_words(("api_key_id", "api_key_digest"), nullable=True),
        *(Column(name, TIME, nullable=False) for name in ("created_at", "last_seen_at", "expires_at")),
        *_words(("device", "ip")),
        *_words(("user_id",), nullable=True),
        Column("revision", BigInteger(), nullable=False),
        PrimaryKeyConstraint("id", name="sessions_id"),
        _belongs_to("sessions", "api_keys"),
        _belongs_to("sessions", "users"),
        CheckConstraint(_ONE_PRINCIPAL, name="sessions_principal"),
    )
    op.create_index("sessions_digest", "sessions", ["digest"], unique=True)
    op.create_index("sessions_by_api_key_id", "sessions", ["api_key_id", "created_at", "id"])
    op.create_index("sessions_by_expires_at", "sessions", ["expires_at"])


def _tickets() -> None:
    op.create_table(
        "tickets",
        *_words(("digest",)),
        *_words(("api_key_id", "api_key_digest"), nullable=True),
        Column("expires_at", TIME, nullable=False),
        *_words(("session_id", "origin"), nullable=True),
        Column("topics", Text()),
        *_words(("user_id",), nullable=True),
        PrimaryKeyConstraint("digest", name="tickets_id"),
        _belongs_to("tickets", "api_keys"),
        _belongs_to("tickets", "users"),
        _belongs_to("tickets", "sessions"),
        CheckConstraint(_ONE_PRINCIPAL, name="tickets_principal"),
    )
    for name in ("api_key_id", "session_id", "expires_at"):
        op.create_index(f"tickets_by_{name}", "tickets", [name])
