"""The panel's tables as mapped classes, and sessions with the panel's pool settings."""

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
from domain.model.grant import Grant
from domain.model.identifiers import new_id


class Row(DeclarativeBase):
    """The base of all mapped classes. Their columns are the panel's."""

    metadata = tables.metadata


class Deployment(Row):
    """A deployment of a service."""

    __table__ = deployments


class Operation(Row):
    """A unit of background work."""

    __table__ = operations


class Service(Row):
    """A service, with the fields of responses that are not columns."""

    __table__ = services
    customer_name = None
    custom_domains = ()
    deployment_id = None
    operation_id = None
    pending_changes = False

    @property
    def compose(self) -> str:
        """The compose text."""
        return str(self.definition.compose)

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The variables of the environment."""
        return tuple(self.definition.variables)

    @property
    def port(self) -> int | None:
        """The published container port."""
        return self.definition.port

    @property
    def healthcheck(self) -> HealthCheck | None:
        """The health check."""
        return self.definition.health_check

    @property
    def deploy_timeout(self) -> int:
        """Maximum number of seconds for a deployment to become healthy."""
        return int(self.definition.timeout)

    @property
    def resources(self) -> dict[str, object]:
        """The usage and the limits."""
        return {
            "cpu_usage": self.usage.cpu,
            "memory_usage_mb": self.usage.memory_mb,
            "storage_mb": self.usage.storage_mb,
            "cpu_limit": self.limits.cpu,
            "memory_limit_mb": self.limits.memory_mb,
        }


class ApiKey(Row):
    """An API key. `key` is its secret, directly after its creation only."""

    __table__ = api_keys
    key = ""

    @property
    def grant(self) -> Grant:
        """What the key may do."""
        return Grant(
            role=self.role,
            customer_id=self.customer_id,
            denied_permissions=self.denied_permissions,
            allowed_ips=self.allowed_ips,
            rate_limit_rpm=self.rate_limit_rpm,
            expires_at=self.expires_at,
        )

    @classmethod
    def inheriting(cls, maker: Self, text: str, now: datetime, given: Mapping[str, Any]) -> Self:
        """Return a new key. Fields that are not given are inherited from `maker`."""
        inherited = ("customer_id", "allowed_ips", "rate_limit_rpm", "expires_at")
        created = cls(
            id=new_id("key"),
            prefix=tokens.prefix_of(text),
            digest=tokens.digest(text),
            created_at=now,
            created_by=maker.id,
            request_count=0,
            revision=1,
            **{"denied_permissions": (), **{name: getattr(maker, name) for name in inherited}, **given},
        )
        created.denied_permissions = bounds.inherited_denials(created.grant, maker.grant)
        created.key = text
        return created


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        url = url.replace("postgresql://", "postgresql+psycopg://")
        return create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=20)
    engine = create_engine(url, pool_size=10, max_overflow=20, connect_args={"timeout": 30})
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(raw: sqlite3.Connection, _record: object) -> None:
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        raw.execute(f"PRAGMA {pragma}")


open_session = sessionmaker(_engine(os.environ["PANEL_DATABASE_URL"]), expire_on_commit=False)
