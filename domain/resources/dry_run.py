"""Dry runs: everything is checked in a transaction that is rolled back, and the changes are described."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from domain.ports import Ports
from domain.ports.store import Work

T = TypeVar("T")


@dataclass(frozen=True)
class Change:
    """One change that a request makes; `id` is None for a resource that does not exist yet."""

    action: Literal["create", "update", "delete", "deploy", "start", "stop", "restart", "none"]
    resource: Literal[
        "service", "deployment", "environment", "volume", "plan", "subscription", "registry", "template", "domain"
    ]
    id: str | None
    summary: str


@dataclass(frozen=True)
class QuotaUse:
    """A quota of a plan: `used` before a request, `asked` in addition by it; negative if it frees something.

    A `limit` of None means unlimited.
    """

    quota: str
    limit: float | None
    used: float
    asked: float


@dataclass(frozen=True)
class Overrun:
    """A tenant that would have more than a quota of its plan allows: exactly one of the IDs is set."""

    quota: str
    limit: float
    used: float
    customer_id: str | None = None
    organization_id: str | None = None


@dataclass(frozen=True)
class DryRun:
    """The effect that a request would have had: its changes, on quotas, and who would have more than its plan allows.

    `overruns` are at most the first hundred.
    """

    changes: tuple[Change, ...]
    quotas: tuple[QuotaUse, ...] = ()
    overruns: tuple[Overrun, ...] = ()


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """The result of a request that has dry runs.

    `dry_run` is None unless the request was one. Then `result` is as it would be, and the IDs of resources that the
    request would create belong to nothing.
    """

    result: T
    dry_run: DryRun | None = None


def perform(ports: Ports, act: Callable[[Work], tuple[T, DryRun]], *, dry_run: bool) -> Outcome[T]:
    """Run `act` in one transaction, which is rolled back for a dry run.

    `act` returns a result and the effect of the request, and calls nothing but the store.
    """
    with ports.store.begin(dry_run=dry_run) as work:
        result, effect = act(work)
    return Outcome(result, effect if dry_run else None)
