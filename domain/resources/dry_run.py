"""What changes, and what a dry run of it answers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from domain.ports import Ports
from domain.ports.store import Work

T = TypeVar("T")


@dataclass(frozen=True)
class Change:
    """One thing that would be done; `id` is None for what does not exist yet."""

    action: Literal["create", "update", "delete", "deploy", "start", "stop", "restart", "none"]
    resource: Literal["service", "deployment", "environment", "volume"]
    id: str | None
    summary: str


@dataclass(frozen=True)
class DryRun:
    """Everything was checked, nothing was changed."""

    changes: tuple[Change, ...]


def perform(ports: Ports, act: Callable[[Work], tuple[T, tuple[Change, ...]]], *, dry_run: bool) -> T | DryRun:
    """Act in one transaction; a dry run undoes it and answers the changes."""
    with ports.store.begin(dry_run=dry_run) as work:
        result, changes = act(work)
    if dry_run:
        return DryRun(changes)
    return result
