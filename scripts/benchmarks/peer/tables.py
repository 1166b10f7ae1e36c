"""The panel's tables as mapped classes, and sessions on an engine with the panel's pool."""

import os
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.orm import DeclarativeBase, sessionmaker

from domain.adapters.sql import tables
from domain.adapters.sql.repositories.api_keys import api_keys
from domain.adapters.sql.repositories.deployments import deployments
from domain.adapters.sql.repositories.operations import operations
from domain.adapters.sql.repositories.services import services
from domain.api_keys import bounds
from domain.identity import tokens
from domain.model.definition import HealthCheck, Variable
from domain.model.identifiers import new_id


class Row(DeclarativeBase):
    """What all mapped classes have; their columns are the panel's."""

    metadata = tables.metadata


class Deployment(Row):
    """One attempt to make a definition live."""

    __table__ = deployments


class Operation(Row):
    """Work that goes on."""

    __table__ = operations


class Service(Row):
    """An application, and what is shown of it that stands in no column."""

    __table__ = services
    customer_name = None
    custom_domains = ()
    deployment_id = None
    operation_id = None
    pending_changes = False

    @property
    def compose(self) -> str:
        """What is deployed."""
        return str(self.definition.compose)

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The environment that it is deployed with."""
        return tuple(self.definition.variables)

    @property
    def port(self) -> int | None:
        """Where visitors reach it."""
        return self.definition.port

    @property
    def health_check(self) -> HealthCheck | None:
        """How it is looked at."""
        return self.definition.health_check

    @property
    def deploy_timeout(self) -> int:
        """How long a deployment may take."""
        return int(self.definition.timeout)

    @property
    def resources(self) -> dict[str, object]:
        """What it takes, and may take."""
        return {
            "cpu_usage": self.usage.cpu,
            "memory_usage_mb": self.usage.memory_mb,
            "storage_mb": self.usage.storage_mb,
            "cpu_limit": self.limits.cpu,
            "memory_limit_mb": self.limits.memory_mb,
        }


class ApiKey(Row):
    """A credential; `key` is its text as long as it is new."""

    __table__ = api_keys
    key = ""

    @classmethod
    def inheriting(cls, maker: Self, text: str, now: datetime, given: Mapping[str, Any]) -> Self:
        """A new one: what is not given comes from its maker."""
        inherited = ("customer_id", "allowed_ips", "rate_limit_rpm", "expires_at")
        made = cls(
            id=new_id("key"),
            prefix=tokens.prefix_of(text),
            digest=tokens.digest(text),
            created_at=now,
            created_by=maker.id,
            request_count=0,
            revision=1,
            **{"denied_permissions": (), **{name: getattr(maker, name) for name in inherited}, **given},
        )
        made.denied_permissions = bounds.carried(made, maker)  # type: ignore[arg-type]  # it has the same fields
        made.key = text
        return made


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        url = url.replace("postgresql://", "postgresql+psycopg://")
        return create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=20)
    engine = create_engine(url, pool_size=10, max_overflow=20, connect_args={"timeout": 30})
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(raw: sqlite3.Connection, _record: object) -> None:
    for wish in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        raw.execute(f"PRAGMA {wish}")


open_session = sessionmaker(_engine(os.environ["PANEL_DATABASE_URL"]), expire_on_commit=False)
