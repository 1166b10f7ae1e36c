"""`depends_on` and `links`: which components a service needs, and the order that follows."""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, cast

from domain.compose.context import Context
from domain.compose.field_rules import check_fields
from domain.compose.findings import AlreadyReportedError, Code, FieldError, FindingCollector, quote
from domain.compose.networks import is_host_name
from domain.compose.references import Reference, read_references
from domain.compose.refusals import DEPENDENCY
from domain.compose.scalars import bad_value, boolean, choice
from domain.compose.values import ListValue, MapValue, Value, as_list, as_scalar
from domain.model.project import Component, Condition

_CONDITIONS = ("service_started", "service_healthy", "service_completed_successfully")


def read_depends_on(value: Value, context: Context) -> Mapping[str, Any]:
    """Read the services to wait for, and the condition of each."""
    references = read_references(value, context.findings)
    return {"depends_on": dict(context.findings.attempt_all(lambda item: _dependency(item, context), references))}


def _dependency(reference: Reference, context: Context) -> tuple[str, Condition]:
    check_fields(reference.details, ("condition", "required"), DEPENDENCY, context.findings)
    required, condition = reference.details.get("required"), reference.details.get("condition")
    if reference.name not in context.services:
        if required and not boolean(required):
            raise AlreadyReportedError
        message = f"{reference.raw} is not a service of this text, or its profile is not active. Remove it."
        raise FieldError(Code.UNKNOWN_SERVICE, message, reference.details.location)
    return reference.name, cast("Condition", choice(condition, _CONDITIONS) if condition else "service_started")


def read_links(value: Value, context: Context) -> Mapping[str, Any]:
    """Read links as dependencies; `link_aliases` returns their names."""
    names = [target for target, _ in _links(value, context)]
    return {"depends_on": dict.fromkeys(names, "service_started")}


def link_aliases(services: MapValue, context: Context) -> dict[str, tuple[str, ...]]:
    """Return the aliases that links give to services: `db:database` names `db` also `database`."""
    aliases: dict[str, dict[str, None]] = {}
    for service in services.entries.values():
        links = service.get("links") if isinstance(service, MapValue) else None
        for target, alias in _links(links, context) if isinstance(links, ListValue) else ():
            if alias != target:
                aliases.setdefault(target, {})[alias] = None
    return {target: tuple(names) for target, names in aliases.items()}


def _links(value: Value, context: Context) -> tuple[tuple[str, str], ...]:
    return context.findings.attempt_all(lambda item: _link(item, context), as_list(value))


def _link(value: Value, context: Context) -> tuple[str, str]:
    scalar = as_scalar(value)
    target, _, alias = scalar.text.partition(":")
    if target not in context.services:
        message = f"{quote(scalar.raw)} links to a service that this text does not define. Remove it."
        raise FieldError(Code.UNKNOWN_SERVICE, message, scalar.location)
    if alias and not is_host_name(alias):
        raise bad_value(scalar, "write `service:alias`")
    return target, alias or target


def order_components(
    components: tuple[Component, ...], services: MapValue, findings: FindingCollector
) -> tuple[Component, ...]:
    """Return the components so that each follows those that it depends on. Add a finding for a cycle."""
    by_name = {component.name: component for component in components}
    _check_health_conditions(by_name, services, findings)
    graph = {
        name: [needed for needed in component.depends_on if needed in by_name] for name, component in by_name.items()
    }
    try:
        return tuple(by_name[name] for name in TopologicalSorter(graph).static_order())
    except CycleError as error:
        cycle: list[str] = error.args[1]
        message = f"Services wait for each other: {' → '.join(reversed(cycle))}. Remove one `depends_on`."
        findings.add(Code.CYCLE, message[:400], services.entries[cycle[0]].location)
        return components


def _check_health_conditions(by_name: dict[str, Component], services: MapValue, findings: FindingCollector) -> None:
    for name, component in by_name.items():
        for needed, condition in component.depends_on.items():
            probe = by_name[needed].probe if needed in by_name else None
            if condition == "service_healthy" and probe and probe.disabled:
                message = f"`{needed}` never becomes healthy: its healthcheck is disabled. Wait for `service_started`."
                findings.add(Code.BAD_VALUE, message, services.entries[name].location)
