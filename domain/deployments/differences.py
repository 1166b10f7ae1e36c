"""What a deployment changed: the difference between two definitions."""

from dataclasses import dataclass
from functools import lru_cache

from domain.deployments.line_diff import unified_diff
from domain.model.definition import Definition

_SETTINGS = {"port": "port", "sizes": "resources", "health_check": "healthcheck", "timeout": "deploy_timeout"}


@dataclass(frozen=True)
class Difference:
    """What a deployment changed compared to the successful one before it.

    `compose` is a unified diff, None if the text is the same. `settings` are names of fields of the API.
    """

    compose: str | None
    variables_added: tuple[str, ...]
    variables_removed: tuple[str, ...]
    variables_changed: tuple[str, ...]
    settings: tuple[str, ...]


def compare(old: Definition | None, new: Definition) -> Difference:
    """Return the difference between two definitions; without an old one everything is new."""
    before = {variable.name: variable for variable in old.variables} if old else {}
    after = {variable.name: variable for variable in new.variables}
    return Difference(
        compose=_compose_diff(old.compose if old else "", new.compose),
        variables_added=tuple(sorted(after.keys() - before.keys())),
        variables_removed=tuple(sorted(before.keys() - after.keys())),
        variables_changed=tuple(sorted(name for name in after.keys() & before.keys() if after[name] != before[name])),
        settings=tuple(
            setting for name, setting in _SETTINGS.items() if old and getattr(old, name) != getattr(new, name)
        ),
    )


@lru_cache(maxsize=16)
def _compose_diff(old: str, new: str) -> str | None:
    """A client that waits for a deployment reads it again and again: the diff is computed once."""
    return unified_diff(old, new)
