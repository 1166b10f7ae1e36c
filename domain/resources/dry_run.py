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
    resource: Literal["service", "deployment", "environment", "volume"]
    id: str | None
    summary: str


@dataclass(frozen=True)
class DryRun:
    """The changes that a request would have made."""

    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """The result of a request that has dry runs.

    `dry_run` is None unless the request was one. Then `result` is as it would be, and the IDs of resources that the
    request would create belong to nothing.
    """

    result: T
    dry_run: DryRun | None = None


def perform(ports: Ports, act: Callable[[Work], tuple[T, tuple[Change, ...]]], *, dry_run: bool) -> Outcome[T]:
    """Run `act` in one transaction, which is rolled back for a dry run.

    `act` returns a result and the changes that it makes, and calls nothing but the store.
    """
    with ports.store.begin(dry_run=dry_run) as work:
        result, changes = act(work)
    return Outcome(result, DryRun(changes) if dry_run else None)
