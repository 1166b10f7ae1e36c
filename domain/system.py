"""System: the health of the panel and of the parts that it depends on."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Literal

from domain.errors import Unavailable
from domain.identity.access import Caller
from domain.model.role import Role
from domain.ports import IdentityProvider, Ports

Status = Literal["ok", "unavailable"]
Probe = Literal["live", "ready"]


@dataclass(frozen=True)
class Check:
    """The state of one part; `detail` says what to do if it is unavailable."""

    status: Status
    detail: str


@dataclass(frozen=True)
class Health:
    """The result of a health check; `checks` is None for callers that are not admins."""

    status: Status
    version: str
    checks: Mapping[str, Check] | None = None


def get_health(ports: Ports, caller: Caller | None, probe: Probe = "live") -> Health:
    """Return the panel's health. `live` is always ok, `ready` needs the database and the engine."""
    admin = caller is not None and caller.role is Role.ADMIN and caller.customer_id is None
    required = _required(ports) if admin or probe == "ready" else {}
    failed = probe == "ready" and any(check.status == "unavailable" for check in required.values())
    return Health("unavailable" if failed else "ok", version(), {**required, **_optional(ports)} if admin else None)


def checks(ports: Ports) -> Mapping[str, Check]:
    """Return the state of each part in use."""
    return {**_required(ports), **_optional(ports)}


def _required(ports: Ports) -> Mapping[str, Check]:
    """Return the parts without which the panel cannot serve."""
    return {"database": _database(ports), "engine": _engine(ports)}


def _optional(ports: Ports) -> Mapping[str, Check]:
    """Return the parts that the panel can miss for a while."""
    redis = {"redis": _redis(ports)} if ports.settings.redis_url else {}
    provider = {"identity_provider": _identity_provider(ports.identity_provider)} if ports.identity_provider else {}
    return {**redis, **provider}


@cache
def version(distribution: str = "ai-admin-panel") -> str:
    """Return the installed version, or `0` if the panel is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "0"


def _database(ports: Ports) -> Check:
    try:
        ports.store.ping()
    except Unavailable as refusal:
        server = "Its server is the one that PANEL_DATABASE_URL names."
        place = server if ports.settings.database_url else f"Its file is in {ports.settings.data_dir}."
        text = f"{refusal.message}. {refusal.details or 'Retry later'}. {place}"
        return Check("unavailable", " ".join(text.split()))
    return Check("ok", "PostgreSQL answers" if ports.settings.database_url else "SQLite answers")


def _engine(ports: Ports) -> Check:
    try:
        engine = ports.runtime.ping()
    except Unavailable as refusal:
        return _unavailable(refusal)
    return Check("ok", f"{engine.name} {engine.version}")


def _redis(ports: Ports) -> Check:
    try:
        ports.notifier.ping()
    except Unavailable as refusal:
        return _unavailable(
            refusal,
            "Start the Redis server that PANEL_REDIS_URL names, or correct or clear that setting. Until then each"
            " process counts rate limits by itself, and events take up to a second to reach other processes. ",
        )
    return Check("ok", "Redis answers")


def _identity_provider(provider: IdentityProvider) -> Check:
    try:
        return Check("ok", provider.ping())
    except Unavailable as refusal:
        return _unavailable(refusal, "Nobody can log in; sessions and API keys go on. ")


def _unavailable(refusal: Unavailable, advice: str = "") -> Check:
    return Check("unavailable", " ".join(f"{advice}{refusal.message}".split()))
