"""What a dry run answers: the changes that would be made."""

from dataclasses import dataclass
from typing import Literal


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
