"""The environment of a service: reading, replacing, changing and revealing its variables."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from domain import definitions, revisions, services
from domain.access import Caller
from domain.effects import Change, DryRun
from domain.errors import Invalid
from domain.model import Service, Variable
from domain.ports import Ports, Work


@dataclass(frozen=True)
class Environment:
    """The variables of a service; `version` rises with every change of them."""

    service: Service
    pending_changes: bool
    dry_run: DryRun | None = None

    @property
    def revision(self) -> str:
        """Another one when the variables change, and when what runs has caught up with them: both are shown."""
        return f"{self.service.environment_revision}{'-pending' if self.pending_changes else ''}"


def get_environment(ports: Ports, caller: Caller, service_id: str) -> Environment:
    """The variables as they are stored."""
    with ports.store.read() as work:
        return _environment(work, services.visible(caller, work, service_id))


def replace_environment(
    ports: Ports,
    caller: Caller,
    service_id: str,
    body: Mapping[str, Any],
    *,
    if_match: str | None = None,
    dry_run: bool = False,
) -> Environment:
    """Exactly these variables from now on; a secret given as None keeps its stored value."""
    with ports.store.begin(dry_run=dry_run) as work:
        service = _current(caller, work, service_id, if_match)
        secrets = body.get("secrets", {})
        new = definitions.variables(
            ports.vault,
            body.get("variables", {}),
            {name: value for name, value in secrets.items() if value is not None},
        )
        kept = _kept(service, [name for name, value in secrets.items() if value is None])
        return _stored(ports, work, service, _named([*new, *kept]), dry_run=dry_run)


def update_environment(
    ports: Ports,
    caller: Caller,
    service_id: str,
    body: Mapping[str, Any],
    *,
    if_match: str | None = None,
    dry_run: bool = False,
) -> Environment:
    """Set the variables that are named, remove those given as None, leave the others."""
    with ports.store.begin(dry_run=dry_run) as work:
        service = _current(caller, work, service_id, if_match)
        plain, secret = body.get("variables", {}), body.get("secrets", {})
        new = definitions.variables(
            ports.vault,
            {name: value for name, value in plain.items() if value is not None},
            {name: value for name, value in secret.items() if value is not None},
        )
        untouched = [one for one in service.definition.variables if one.name not in plain and one.name not in secret]
        return _stored(ports, work, service, _named([*untouched, *new]), dry_run=dry_run)


def reveal_environment(ports: Ports, caller: Caller, service_id: str, body: Mapping[str, Any]) -> dict[str, str]:
    """The plain values of the named variables."""
    with ports.store.read() as work:
        service = services.visible(caller, work, service_id)
    stored = {one.name: one for one in service.definition.variables}
    missing = [name for name in body["names"] if name not in stored]
    if missing:
        raise Invalid({"names": f"{service.name} has no variable {', '.join(missing)}"})
    return definitions.opened(ports.vault, tuple(stored[name] for name in body["names"]))


def _current(caller: Caller, work: Work, service_id: str, if_match: str | None) -> Service:
    service = services.visible(caller, work, service_id)
    revisions.match(if_match, _environment(work, service).revision, "environment")
    return service


def _kept(service: Service, names: list[str]) -> list[Variable]:
    stored = {one.name: one for one in service.definition.variables if one.secret}
    missing = {f"secrets.{name}": "has no stored value to keep" for name in names if name not in stored}
    if missing:
        raise Invalid(missing)
    return [stored[name] for name in names]


def _named(variables: list[Variable]) -> tuple[Variable, ...]:
    return tuple(sorted(variables, key=lambda variable: variable.name))


def _stored(
    ports: Ports, work: Work, service: Service, variables: tuple[Variable, ...], *, dry_run: bool
) -> Environment:
    before = service.definition
    service.definition = replace(before, variables=variables)
    definitions.project(ports.vault, service.definition)
    service.environment_revision += 1
    service.updated_at = ports.clock.now()
    work.services.save(service)
    return _environment(work, service, DryRun(_changes(before.variables, variables, service)) if dry_run else None)


def _environment(work: Work, service: Service, dry_run: DryRun | None = None) -> Environment:
    return Environment(service, services.whole(work, service).pending_changes, dry_run)


def _changes(old: tuple[Variable, ...], new: tuple[Variable, ...], service: Service) -> tuple[Change, ...]:
    before, after = {one.name: one for one in old}, {one.name: one for one in new}
    words = dict.fromkeys(after.keys() - before.keys(), "Adds")
    words |= dict.fromkeys(before.keys() - after.keys(), "Removes")
    words |= {name: "Changes" for name in after.keys() & before.keys() if after[name] != before[name]}
    return tuple(Change("update", "environment", service.id, f"{words[name]} {name}") for name in sorted(words))
