"""Environment variables of a service: read, replace, update and reveal them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypedDict

from domain.definitions import variables
from domain.definitions.checked import check_new
from domain.definitions.files import digests
from domain.definitions.host_access import may_give_host_access
from domain.errors import Conflict, Invalid, NotFound
from domain.identity.access import Caller
from domain.model.audit_event import HIDDEN_VALUE, FieldChange
from domain.model.definition import Variable
from domain.model.service import Service
from domain.ports import Ports
from domain.ports.store import Work
from domain.resources import revisions
from domain.resources.dry_run import Change, DryRun, Outcome, perform
from domain.resources.visibility import get_changeable_service, get_visible_service
from domain.rollout.admission import admit_definition, effect_of
from domain.tenancy.tenants import lock_tenant


class EnvironmentReplacement(TypedDict, total=False):
    """The body of `replace_environment`; a secret that is None keeps its stored value."""

    variables: dict[str, str]
    secrets: dict[str, str | None]


class EnvironmentUpdate(TypedDict, total=False):
    """The body of `update_environment`; a name that is None is removed."""

    variables: dict[str, str | None]
    secrets: dict[str, str | None]


class EnvironmentReveal(TypedDict):
    """The body of `reveal_environment`."""

    names: list[str]


@dataclass(frozen=True)
class Environment:
    """The variables of a service.

    `revision` is what the ETag shows: it changes with the variables, and when the live deployment has them.
    """

    service: Service
    pending_changes: bool
    revision: str


def get_environment(ports: Ports, caller: Caller, service_id: str) -> Environment:
    """Return the variables; secret values are encrypted."""
    with ports.store.read() as work:
        return _environment(work, get_visible_service(caller, work, service_id))


def replace_environment(
    ports: Ports,
    caller: Caller,
    service_id: str,
    body: EnvironmentReplacement,
    *,
    if_match: str | None = None,
    dry_run: bool = False,
) -> Outcome[Environment]:
    """Replace all variables. Raise Conflict if a secret to keep has no stored value."""
    plain, secret = body.get("variables", {}), body.get("secrets", {})

    def replaced(stored: tuple[Variable, ...]) -> list[Variable]:
        new = variables.encrypt(ports.vault, plain, secret)
        return [*new, *_kept_secrets(stored, plain, [name for name, value in secret.items() if value is None])]

    return _change(ports, caller, service_id, replaced, if_match=if_match, dry_run=dry_run)


def update_environment(
    ports: Ports,
    caller: Caller,
    service_id: str,
    body: EnvironmentUpdate,
    *,
    if_match: str | None = None,
    dry_run: bool = False,
) -> Outcome[Environment]:
    """Set the named variables and remove those that are None; all others stay."""
    plain, secret = body.get("variables", {}), body.get("secrets", {})

    def updated(stored: tuple[Variable, ...]) -> list[Variable]:
        others = (variable for variable in stored if variable.name not in plain.keys() | secret.keys())
        return [*variables.encrypt(ports.vault, plain, secret), *others]

    return _change(ports, caller, service_id, updated, if_match=if_match, dry_run=dry_run)


def reveal_environment(ports: Ports, caller: Caller, service_id: str, body: EnvironmentReveal) -> dict[str, str]:
    """Return the plain values of the named variables. Raise NotFound if the service does not have all of them."""
    with ports.store.read() as work:
        service = get_visible_service(caller, work, service_id)
    stored = {variable.name: variable for variable in service.definition.variables}
    missing = [name for name in body["names"] if name not in stored]
    if missing:
        raise NotFound("Variable not found", details=f"{service.name} has no variable {', '.join(missing)}")
    values = variables.decrypt(ports.vault, [stored[name] for name in body["names"]])
    revealed = tuple(FieldChange(f"variables.{name}", HIDDEN_VALUE, HIDDEN_VALUE) for name in body["names"])
    with ports.store.begin() as work:  # nothing is revealed that is not recorded
        work.audit_events.record(
            "reveal_environment", ("service", service_id), customer_id=service.customer_id, changes=revealed
        )
    return values


@revisions.retry_when_changed
def _change(
    ports: Ports,
    caller: Caller,
    service_id: str,
    change: Callable[[tuple[Variable, ...]], list[Variable]],
    *,
    if_match: str | None,
    dry_run: bool,
) -> Outcome[Environment]:
    """Check the definition with the changed variables, then store it if it is still the one that was read."""
    now = ports.clock.now()
    with ports.store.read() as work:
        before = _environment(work, get_changeable_service(caller, work, service_id))
        contents = work.files.contents(service_id, digests(before.service.definition))
    revisions.match(if_match, before.revision, "environment")
    definition = before.service.definition
    changed = replace(definition, variables=variables.sort(change(definition.variables)))
    access = may_give_host_access(ports.settings, caller, before.service.customer_id)
    checked = check_new(ports.vault, changed, contents, host_access=access)

    def store(work: Work) -> tuple[Environment, DryRun]:
        tenant = lock_tenant(work, now, before.service.customer_id)
        service = get_changeable_service(caller, work, service_id)
        revisions.match(if_match, _environment(work, service).revision, "environment")
        revisions.require_unchanged(definition, service.definition)
        admitted = admit_definition(work, tenant, service, checked, deploys=False)
        service.updated_at = now
        work.services.save(service)
        changes = _changes(definition.variables, checked.definition.variables, service)
        return _environment(work, service), effect_of(work, tenant, admitted.growth, *changes, dry_run=dry_run)

    outcome = perform(ports, store, dry_run=dry_run)
    if outcome.dry_run:  # If-Match takes the revision from before the dry run
        return replace(outcome, result=replace(outcome.result, revision=before.revision))
    return outcome


def _kept_secrets(stored: tuple[Variable, ...], plain: Mapping[str, str], names: list[str]) -> list[Variable]:
    secrets = {variable.name: variable for variable in stored if variable.secret}
    twice = [name for name in names if name in plain]
    if twice:
        raise Invalid({f"secrets.{name}": "is among the variables too" for name in twice})
    missing = [name for name in names if name not in secrets]
    if missing:
        raise Conflict("No stored value to keep", code="wrong_state", details=f"Send a value for {', '.join(missing)}")
    return [secrets[name] for name in names]


def _environment(work: Work, service: Service) -> Environment:
    live = work.deployments.get(service.live_deployment_id or "")
    pending = live is None or live.definition.variables != service.definition.variables
    return Environment(service, pending, f"{service.environment_revision}{'-pending' if pending else ''}")


def _changes(old: tuple[Variable, ...], new: tuple[Variable, ...], service: Service) -> tuple[Change, ...]:
    before, after = {variable.name: variable for variable in old}, {variable.name: variable for variable in new}
    verbs = dict.fromkeys(after.keys() - before.keys(), "Adds")
    verbs |= dict.fromkeys(before.keys() - after.keys(), "Removes")
    verbs |= {name: "Changes" for name in after.keys() & before.keys() if after[name] != before[name]}
    return tuple(Change("update", "environment", service.id, f"{verbs[name]} {name}") for name in sorted(verbs))
