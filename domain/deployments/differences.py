"""What a deployment changed: the difference between two definitions."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from domain.deployments.line_diff import unified_diff
from domain.model.definition import Definition

_SETTINGS = {
    "port": "port",
    "sizes": "resources",
    "health_check": "healthcheck",
    "timeout": "deploy_timeout",
    "profiles": "profiles",
    "auto_rollback": "auto_rollback",
    "publish": "publish",
    "git": "git",
}


@dataclass(frozen=True)
class Difference:
    """What a deployment changed compared to the successful one before it.

    `compose` is a unified diff, None if the text is the same. Files are named by their paths. `settings` are names of
    fields of the API.
    """

    compose: str | None
    variables_added: tuple[str, ...]
    variables_removed: tuple[str, ...]
    variables_changed: tuple[str, ...]
    files_added: tuple[str, ...]
    files_removed: tuple[str, ...]
    files_changed: tuple[str, ...]
    settings: tuple[str, ...]


def compare(old: Definition | None, new: Definition) -> Difference:
    """Return the difference between two definitions; without an old one everything is new."""
    before = {variable.name: variable for variable in old.variables} if old else {}
    after = {variable.name: variable for variable in new.variables}
    variables = _compare_names(before, after)
    files = _compare_names(
        {file.path: file for file in old.files} if old else {}, {file.path: file for file in new.files}
    )
    return Difference(
        compose=_compose_diff(old.compose if old else "", new.compose),
        variables_added=variables.added,
        variables_removed=variables.removed,
        variables_changed=variables.changed,
        files_added=files.added,
        files_removed=files.removed,
        files_changed=files.changed,
        settings=tuple(
            setting for name, setting in _SETTINGS.items() if old and getattr(old, name) != getattr(new, name)
        ),
    )


class _Names(NamedTuple):
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]


def _compare_names(before: Mapping[str, object], after: Mapping[str, object]) -> _Names:
    changed = (name for name in after.keys() & before.keys() if after[name] != before[name])
    return _Names(
        tuple(sorted(after.keys() - before.keys())),
        tuple(sorted(before.keys() - after.keys())),
        tuple(sorted(changed)),
    )


@lru_cache(maxsize=16)
def _compose_diff(old: str, new: str) -> str | None:
    """A client that waits for a deployment reads it again and again: the diff is computed once."""
    return unified_diff(old, new)
