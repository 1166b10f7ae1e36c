"""The environment of a service: reading, replacing, changing and revealing its variables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from domain import definitions, services
from domain.errors import Invalid
from domain.identity.access import Caller
from domain.model.definition import Variable
from domain.model.service import Service
from domain.ports import Ports
from domain.ports.store import Work
from domain.resources import revisions
from domain.resources.dry_run import Change, DryRun


@dataclass(frozen=True)
class Environment:
    """The variables of a service. `revision` is another one when they change, and when what runs has caught up."""

    service: Service
    pending_changes: bool
    revision: str
    dry_run: DryRun | None = None


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
    plain, secret = body.get("variables", {}), body.get("secrets", {})

    def replaced(stored: tuple[Variable, ...]) -> list[Variable]:
        new = definitions.variables(ports.vault, plain, secret)
        return [*new, *_kept(stored, plain, [name for name, value in secret.items() if value is None])]

    return _change(ports, caller, service_id, replaced, if_match=if_match, dry_run=dry_run)


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
    named = {**body.get("variables", {}), **body.get("secrets", {})}

    def updated(stored: tuple[Variable, ...]) -> list[Variable]:
        new = definitions.variables(ports.vault, body.get("variables", {}), body.get("secrets", {}))
        return [*new, *(one for one in stored if one.name not in named)]

    return _change(ports, caller, service_id, updated, if_match=if_match, dry_run=dry_run)


def reveal_environment(ports: Ports, caller: Caller, service_id: str, body: Mapping[str, Any]) -> dict[str, str]:
    """The plain values of the named variables."""
    with ports.store.read() as work:
        service = services.visible(caller, work, service_id)
    stored = {one.name: one for one in service.definition.variables}
    missing = [name for name in body["names"] if name not in stored]
    if missing:
        raise Invalid({"names": f"{service.name} has no variable {', '.join(missing)}"})
    return definitions.opened(ports.vault, tuple(stored[name] for name in body["names"]))


def _change(
    ports: Ports,
    caller: Caller,
    service_id: str,
    change: Callable[[tuple[Variable, ...]], list[Variable]],
    *,
    if_match: str | None,
    dry_run: bool,
) -> Environment:
    with ports.store.begin(dry_run=dry_run) as work:
        service = services.changeable(caller, work, service_id)
        before, stored = _environment(work, service), service.definition.variables
        revisions.match(if_match, before.revision, "environment")
        variables = definitions.by_name(change(stored))
        definitions.adopt(ports.vault, service, replace(service.definition, variables=variables))
        service.updated_at = ports.clock.now()
        work.services.save(service)
        after = _environment(work, service)
    if not dry_run:
        return after
    # The tag to match is still the one from before.
    return replace(after, revision=before.revision, dry_run=DryRun(_changes(stored, variables, service)))


def _kept(stored: tuple[Variable, ...], plain: Mapping[str, str], names: list[str]) -> list[Variable]:
    secrets = {one.name: one for one in stored if one.secret and one.name not in plain}
    missing = {
        f"secrets.{name}": "has no stored value to keep, or is among the variables too"
        for name in names
        if name not in secrets
    }
    if missing:
        raise Invalid(missing)
    return [secrets[name] for name in names]


def _environment(work: Work, service: Service) -> Environment:
    live = work.deployments.get(service.live_deployment_id or "")
    pending = live is None or live.definition.variables != service.definition.variables
    return Environment(service, pending, f"{service.environment_revision}{'-pending' if pending else ''}")


def _changes(old: tuple[Variable, ...], new: tuple[Variable, ...], service: Service) -> tuple[Change, ...]:
    before, after = {one.name: one for one in old}, {one.name: one for one in new}
    words = dict.fromkeys(after.keys() - before.keys(), "Adds")
    words |= dict.fromkeys(before.keys() - after.keys(), "Removes")
    words |= {name: "Changes" for name in after.keys() & before.keys() if after[name] != before[name]}
    return tuple(Change("update", "environment", service.id, f"{words[name]} {name}") for name in sorted(words))
