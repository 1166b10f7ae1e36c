"""Whether the panel works, and which of its parts does not."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Literal

from domain.errors import Unavailable
from domain.identity.access import Caller
from domain.model.role import Role
from domain.ports import Ports

Status = Literal["ok", "unavailable"]
Probe = Literal["live", "ready"]


@dataclass(frozen=True)
class Check:
    """A part of the panel; when it is away, the detail says what to do."""

    status: Status
    detail: str


@dataclass(frozen=True)
class Health:
    """What a probe is told; the checks are for admins."""

    status: Status
    version: str
    checks: Mapping[str, Check] | None = None


def get_health(ports: Ports, caller: Caller | None, probe: Probe = "live") -> Health:
    """To be alive is to answer; to be ready takes the database and the engine."""
    admin = caller is not None and caller.role is Role.ADMIN and caller.customer_id is None
    needed = _needed(ports) if admin or probe == "ready" else {}
    away = probe == "ready" and any(check.status == "unavailable" for check in needed.values())
    return Health("unavailable" if away else "ok", version(), {**needed, **_useful(ports)} if admin else None)


def checks(ports: Ports) -> Mapping[str, Check]:
    """Each part that is in use."""
    return {**_needed(ports), **_useful(ports)}


def _needed(ports: Ports) -> Mapping[str, Check]:
    """What the panel cannot do without."""
    return {"database": _database(ports), "engine": _engine(ports)}


def _useful(ports: Ports) -> Mapping[str, Check]:
    """What it can do without for a while."""
    return {"redis": _redis(ports)} if ports.settings.redis_url else {}


@cache
def version(distribution: str = "ai-admin-panel") -> str:
    """The installed version; `0` when the panel runs from a folder that was never installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "0"


def _database(ports: Ports) -> Check:
    try:
        ports.store.ping()
    except Unavailable as refusal:
        if ports.settings.database_url:
            return _away(refusal, "Start the server that PANEL_DATABASE_URL names. ")
        return _away(refusal, f"Look for a full disk or missing rights at {ports.settings.data_dir}. ")
    return Check("ok", "PostgreSQL answers" if ports.settings.database_url else "SQLite answers")


def _engine(ports: Ports) -> Check:
    try:
        engine = ports.runtime.ping()
    except Unavailable as refusal:
        return _away(refusal)
    return Check("ok", f"{engine.name} {engine.version}")


def _redis(ports: Ports) -> Check:
    try:
        ports.notifier.ping()
    except Unavailable as refusal:
        return _away(
            refusal,
            "Start the Redis that PANEL_REDIS_URL names, or mend or empty that setting. Until then each process counts"
            " limits for itself, and news between processes take up to a second. ",
        )
    return Check("ok", "Redis answers")


def _away(refusal: Unavailable, advice: str = "") -> Check:
    return Check("unavailable", " ".join(f"{advice}{refusal.message}".split()))
