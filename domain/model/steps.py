"""Steps of background work, and how it failed."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

FailureCode = Literal[
    "image_missing",
    "registry_refused",
    "registry_rate_limited",
    "registry_unavailable",
    "repository_refused",
    "repository_unavailable",
    "repository_too_large",
    "revision_missing",
    "build_failed",
    "engine_unavailable",
    "engine_refused",
    "container_exited",
    "unhealthy",
    "timed_out",
    "dependency_failed",
    "policy_refused",
    "cancelled",
    "worker_lost",
    "route_failed",
    "service_deleted",
    "secrets_unreadable",
    "identity_provider_unavailable",
    "account_exists",
    "mail_unavailable",
    "mail_refused",
    "service_failed",
    "internal_error",
]
"""The codes of `Failure` in the document."""


@dataclass(frozen=True)
class Step:
    """One step of a deployment or operation and when it ran."""

    name: str
    started_at: datetime
    finished_at: datetime | None = None


@dataclass(frozen=True)
class Failure:
    """Why an operation failed: a code for programs, a message for people, the container's last lines."""

    code: FailureCode
    message: str
    log: tuple[str, ...] = ()


def finish_steps(steps: tuple[Step, ...], at: datetime) -> tuple[Step, ...]:
    """Return the steps with the running one, if any, finished at this time."""
    return tuple(step if step.finished_at else replace(step, finished_at=at) for step in steps)
