"""Dry runs: everything is checked in a transaction that is rolled back, and the changes are described."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

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


def perform(
    ports: Ports, act: Callable[[Work], tuple[T, tuple[Change, ...]]], *, dry_run: bool
) -> tuple[T, DryRun | None]:
    """Run `act` in one transaction and return its result; a dry run is rolled back and returns the changes too.

    `act` returns a result and the changes that it makes, and calls nothing but the store.
    """
    with ports.store.begin(dry_run=dry_run) as work:
        result, changes = act(work)
    return result, DryRun(changes) if dry_run else None
