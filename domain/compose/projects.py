"""The whole text: its services, volumes, networks, configs and secrets."""

import re
from dataclasses import dataclass, replace

from domain.compose.budget import Budget
from domain.compose.components import read_component
from domain.compose.configs import Configs, check_configs
from domain.compose.context import Context, Inputs
from domain.compose.dependencies import link_aliases, order_components
from domain.compose.extends import extend_services
from domain.compose.field_rules import check_fields
from domain.compose.findings import Code, FindingCollector, quote
from domain.compose.includes import include_files
from domain.compose.names import check_name
from domain.compose.networks import read_networks
from domain.compose.profiles import active_services
from domain.compose.refusals import TOP, VOLUME
from domain.compose.scalars import match_pattern, non_empty_text
from domain.compose.values import MapValue, Value, as_map
from domain.compose.volumes import Volumes, is_volume_name
from domain.compose.volumes_from import share_volumes
from domain.model.project import Component, Project

MOST_SERVICES = 50

_SECTIONS = ("services", "volumes", "networks", "configs", "secrets")
_TOP = ("name", "version", *_SECTIONS)
_PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_PROJECT_RULE = "start with a lower-case letter or a digit, then use those, `_` and `-`, 63 characters at most"


@dataclass(frozen=True)
class Sections:
    """The top-level maps of a text."""

    services: MapValue
    volumes: MapValue
    networks: MapValue
    configs: MapValue
    secrets: MapValue


def read_project(root: Value, inputs: Inputs) -> Project:
    """Read the project as far as it is readable."""
    findings = inputs.findings
    top = include_files(as_map(root), inputs)
    check_fields(top, _TOP, TOP, findings)
    _check_header(top, findings)
    sections = Sections(*(_section(top, name, findings) for name in _SECTIONS))
    services = active_services(extend_services(sections.services, inputs), inputs.profiles, findings)
    context = _context(sections, services, inputs)
    _check_volumes(sections.volumes, findings)
    networks = read_networks(sections.networks, findings)
    components = _components(services, context)
    if any("default" in component.networks for component in components):
        networks.setdefault("default", False)
    return Project(
        share_volumes(order_components(components, services, findings), services, findings),
        (*sections.volumes.entries, *context.volumes.undeclared, *context.volumes.paths),
        networks,
        context.volumes.paths,
    )


def _section(top: MapValue, name: str, findings: FindingCollector) -> MapValue:
    value = top.entries.get(name)
    section = None if value is None else findings.attempt(as_map, value)
    return section or MapValue(value.location if value else top.location, {})


def _context(sections: Sections, services: MapValue, inputs: Inputs) -> Context:
    configs = Configs("configs", sections.configs, inputs.files, inputs.interpolator)
    secrets = Configs("secrets", sections.secrets, inputs.files, inputs.interpolator)
    check_configs(configs, inputs.findings)
    check_configs(secrets, inputs.findings)
    return Context(
        findings=inputs.findings,
        interpolator=inputs.interpolator,
        files=inputs.files,
        volumes=Volumes(frozenset(sections.volumes.entries), inputs.findings),
        configs=configs,
        secrets=secrets,
        services=frozenset(services.entries),
        networks=frozenset(sections.networks.entries),
        budget=Budget(),
        host_access=inputs.host_access,
    )


def _check_header(top: MapValue, findings: FindingCollector) -> None:
    """Check `name` and `version`. They have no effect, but a wrong one points at a mistake."""
    name, version = top.get("name"), top.get("version")
    if name:
        findings.attempt(lambda value: match_pattern(value, _PROJECT, _PROJECT_RULE), name)
    if version:
        findings.attempt(non_empty_text, version)


def _components(services: MapValue, context: Context) -> tuple[Component, ...]:
    if not services.entries:
        message = "Write at least one service: `services:`, below it a name, below that its `image`."
        context.findings.add(Code.NO_SERVICES, message, services.location)
    if len(services.entries) > MOST_SERVICES:
        message = f"The text has {len(services.entries)} services. The maximum is {MOST_SERVICES}."
        context.findings.add(Code.TOO_MANY_SERVICES, message, services.location)
    pairs = tuple(services.entries.items())[:MOST_SERVICES]
    components = context.findings.attempt_all(lambda pair: _component(pair[0], pair[1], context), pairs)
    return _with_link_aliases(components, services, context)


def _component(name: str, value: Value, context: Context) -> Component:
    check_name(name, value.location, context.findings)
    return read_component(name, value, replace(context, service=name))


def _with_link_aliases(
    components: tuple[Component, ...], services: MapValue, context: Context
) -> tuple[Component, ...]:
    aliases = link_aliases(services, context)
    if not aliases:
        return components
    return tuple(
        replace(component, aliases=tuple(dict.fromkeys((*component.aliases, *aliases.get(component.name, ())))))
        for component in components
    )


def _check_volumes(volumes: MapValue, findings: FindingCollector) -> None:
    for name, value in volumes.entries.items():
        if not is_volume_name(name):
            message = f"{quote(name)} cannot be the name of a volume: start with a letter or digit."
            findings.add(Code.BAD_NAME, message, value.location)
        section = findings.attempt(as_map, value)
        driver = section.get("driver") if section else None
        if section:
            check_fields(section, ("driver",), VOLUME, findings)
        if driver and findings.attempt(non_empty_text, driver) not in (None, "local"):
            message = "Remove `driver`: the panel stores volumes itself; write only the name: `data:`."
            findings.add(Code.VOLUME_DRIVER_REFUSED, message, driver.location)
