"""The whole text: its services, volumes and networks, and how they depend on each other."""

import re
from graphlib import CycleError, TopologicalSorter

from domain.compose.components import read_component
from domain.compose.context import Context
from domain.compose.findings import Code, FindingCollector, Location, quote
from domain.compose.interpolation import Interpolator
from domain.compose.mounts import volume_name
from domain.compose.refusals import NETWORK, TOP, VOLUME, refuse
from domain.compose.scalars import boolean, match_pattern, non_empty_text
from domain.compose.values import MapValue, Value, as_map
from domain.model.project import Component, Project

MOST_SERVICES = 20

_TOP = ("name", "version", "services", "volumes", "networks")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_NAMES = "begin with a lower-case letter or a digit, then use those, `_` and `-`, 63 characters at most"


def read_project(root: Value, interpolator: Interpolator, findings: FindingCollector) -> Project:
    """The project that the text describes, as far as it could be read."""
    top = as_map(root)
    refuse(top, _TOP, TOP, findings)
    _check_header(top, findings)
    sections = {name: _section(top, name, findings) for name in ("services", "volumes", "networks")}
    names = {name: frozenset(section.entries) for name, section in sections.items()}
    context = Context(findings, interpolator, names["services"], names["volumes"], names["networks"])
    _check_volumes(sections["volumes"], findings)
    networks = _networks(sections["networks"], findings)
    components = _components(sections["services"], context)
    if any("default" in found.networks for found in components):
        networks.setdefault("default", False)
    return Project(_ordered(components, sections["services"], findings), tuple(sections["volumes"].entries), networks)


def _section(top: MapValue, name: str, findings: FindingCollector) -> MapValue:
    value = top.entries.get(name)
    found = None if value is None else findings.attempt(as_map, value)
    return found or MapValue(value.location if value else top.location, {})


def _check_header(top: MapValue, findings: FindingCollector) -> None:
    """`name` and `version` say nothing that the panel needs, but what is raw must make sense."""
    name, version = top.get("name"), top.get("version")
    if name:
        findings.attempt(lambda value: match_pattern(value, _NAME, _NAMES), name)
    if version:
        findings.attempt(non_empty_text, version)


def _components(services: MapValue, context: Context) -> tuple[Component, ...]:
    if not services.entries:
        message = "Write at least one service: `services:`, below it a name, below that its `image`."
        context.findings.add(Code.NO_SERVICES, message, services.location)
    if len(services.entries) > MOST_SERVICES:
        message = f"A project has at most {MOST_SERVICES} services; this one has {len(services.entries)}."
        context.findings.add(Code.TOO_MANY_SERVICES, message, services.location)
    pairs = tuple(services.entries.items())[:MOST_SERVICES]
    return context.findings.attempt_all(lambda pair: _component(pair[0], pair[1], context), pairs)


def _component(name: str, value: Value, context: Context) -> Component:
    _check_name(name, bool(_NAME.fullmatch(name)), value.location, context.findings)
    return read_component(name, value, context)


def _check_name(name: str, good: bool, location: Location, findings: FindingCollector) -> None:
    if not good:
        findings.add(Code.BAD_NAME, f"{quote(name)} cannot be used as a name: {_NAMES}.", location)


def _check_volumes(volumes: MapValue, findings: FindingCollector) -> None:
    for name, value in volumes.entries.items():
        _check_name(name, volume_name(name), value.location, findings)
        found = findings.attempt(as_map, value)
        if found:
            refuse(found, (), VOLUME, findings)


def _networks(networks: MapValue, findings: FindingCollector) -> dict[str, bool]:
    """Each network and whether it is cut off from the outside."""
    result: dict[str, bool] = {}
    for name, value in networks.entries.items():
        _check_name(name, bool(_NAME.fullmatch(name)), value.location, findings)
        found = findings.attempt(as_map, value) or MapValue(value.location, {})
        refuse(found, ("internal",), NETWORK, findings)
        internal = found.get("internal")
        result[name] = bool(internal and findings.attempt(boolean, internal))
    return result


def _ordered(
    components: tuple[Component, ...], services: MapValue, findings: FindingCollector
) -> tuple[Component, ...]:
    """Each after what it depends on."""
    by_name = {found.name: found for found in components}
    _note_never_healthy(by_name, services, findings)
    graph = {name: [needed for needed in found.depends_on if needed in by_name] for name, found in by_name.items()}
    try:
        return tuple(by_name[name] for name in TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle: list[str] = error.args[1]
        message = f"Services wait for each other: {' → '.join(reversed(circle))}. Remove one `depends_on`."
        findings.add(Code.CYCLE, message, services.entries[circle[0]].location)
        return components


def _note_never_healthy(by_name: dict[str, Component], services: MapValue, findings: FindingCollector) -> None:
    for name, found in by_name.items():
        for needed, condition in found.depends_on.items():
            probe = by_name[needed].probe if needed in by_name else None
            if condition == "service_healthy" and probe and probe.disabled:
                message = (
                    f"`{needed}` never becomes healthy, for its healthcheck is disabled: wait for `service_started`."
                )
                findings.add(Code.BAD_VALUE, message, services.entries[name].location)
