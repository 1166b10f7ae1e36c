"""The whole text: its services, volumes and networks, and how they depend on each other."""

import re
from graphlib import CycleError, TopologicalSorter

from domain.compose.components import component
from domain.compose.context import Context
from domain.compose.findings import Code, Notes, Place, shown
from domain.compose.interpolation import Filler
from domain.compose.mounts import volume_name
from domain.compose.refusals import NETWORK, TOP, VOLUME, refuse
from domain.compose.scalars import boolean, matching, text
from domain.compose.values import Fields, Value, fields
from domain.model.project import Component, Project

MOST_SERVICES = 20

_TOP = ("name", "version", "services", "volumes", "networks")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_NAMES = "begin with a lower-case letter or a digit, then use those, `_` and `-`, 63 characters at most"


def project(root: Value, filler: Filler, notes: Notes) -> Project:
    """The project that the text describes, as far as it could be read."""
    top = fields(root)
    refuse(top, _TOP, TOP, notes)
    _check_header(top, notes)
    sections = {name: _section(top, name, notes) for name in ("services", "volumes", "networks")}
    names = {name: frozenset(section.entries) for name, section in sections.items()}
    context = Context(notes, filler, names["services"], names["volumes"], names["networks"])
    _check_volumes(sections["volumes"], notes)
    networks = _networks(sections["networks"], notes)
    components = _components(sections["services"], context)
    if any("default" in found.networks for found in components):
        networks.setdefault("default", False)
    return Project(_ordered(components, sections["services"], notes), tuple(sections["volumes"].entries), networks)


def _section(top: Fields, name: str, notes: Notes) -> Fields:
    value = top.entries.get(name)
    found = None if value is None else notes.attempt(fields, value)
    return found or Fields(value.place if value else top.place, {})


def _check_header(top: Fields, notes: Notes) -> None:
    """`name` and `version` say nothing that the panel needs, but what is written must make sense."""
    name, version = top.get("name"), top.get("version")
    if name:
        notes.attempt(lambda value: matching(value, _NAME, _NAMES), name)
    if version:
        notes.attempt(text, version)


def _components(services: Fields, context: Context) -> tuple[Component, ...]:
    if not services.entries:
        message = "Write at least one service: `services:`, below it a name, below that its `image`."
        context.notes.add(Code.NO_SERVICES, message, services.place)
    if len(services.entries) > MOST_SERVICES:
        message = f"A project has at most {MOST_SERVICES} services; this one has {len(services.entries)}."
        context.notes.add(Code.TOO_MANY_SERVICES, message, services.place)
    pairs = tuple(services.entries.items())[:MOST_SERVICES]
    return context.notes.each(lambda pair: _component(pair[0], pair[1], context), pairs)


def _component(name: str, value: Value, context: Context) -> Component:
    _check_name(name, bool(_NAME.fullmatch(name)), value.place, context.notes)
    return component(name, value, context)


def _check_name(name: str, good: bool, place: Place, notes: Notes) -> None:
    if not good:
        notes.add(Code.BAD_NAME, f"{shown(name)} cannot be used as a name: {_NAMES}.", place)


def _check_volumes(volumes: Fields, notes: Notes) -> None:
    for name, value in volumes.entries.items():
        _check_name(name, volume_name(name), value.place, notes)
        found = notes.attempt(fields, value)
        if found:
            refuse(found, (), VOLUME, notes)


def _networks(networks: Fields, notes: Notes) -> dict[str, bool]:
    """Each network and whether it is cut off from the outside."""
    result: dict[str, bool] = {}
    for name, value in networks.entries.items():
        _check_name(name, bool(_NAME.fullmatch(name)), value.place, notes)
        found = notes.attempt(fields, value) or Fields(value.place, {})
        refuse(found, ("internal",), NETWORK, notes)
        internal = found.get("internal")
        result[name] = bool(internal and notes.attempt(boolean, internal))
    return result


def _ordered(components: tuple[Component, ...], services: Fields, notes: Notes) -> tuple[Component, ...]:
    """Each after what it depends on."""
    by_name = {found.name: found for found in components}
    _note_never_healthy(by_name, services, notes)
    graph = {name: [needed for needed in found.depends_on if needed in by_name] for name, found in by_name.items()}
    try:
        return tuple(by_name[name] for name in TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle: list[str] = error.args[1]
        message = f"Services wait for each other: {' → '.join(reversed(circle))}. Remove one `depends_on`."
        notes.add(Code.CYCLE, message, services.entries[circle[0]].place)
        return components


def _note_never_healthy(by_name: dict[str, Component], services: Fields, notes: Notes) -> None:
    for name, found in by_name.items():
        for needed, condition in found.depends_on.items():
            probe = by_name[needed].probe if needed in by_name else None
            if condition == "service_healthy" and probe and probe.disabled:
                message = (
                    f"`{needed}` never becomes healthy, for its healthcheck is disabled: wait for `service_started`."
                )
                notes.add(Code.BAD_VALUE, message, services.entries[name].place)
