"""`volumes_from`: a service that mounts the volumes of another one at the same paths."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from domain.compose.context import Context
from domain.compose.findings import Code, FieldError, FindingCollector, quote
from domain.compose.values import MapValue, Value, as_list, as_scalar
from domain.model.project import Component

_MODES = {"": False, "rw": False, "ro": True}


def read_volumes_from(value: Value, context: Context) -> Mapping[str, Any]:
    """Read the services as dependencies; `share_volumes` adds their volumes."""
    names = context.findings.attempt_all(lambda item: _source(item, context.services)[0], as_list(value))
    return {"depends_on": dict.fromkeys(names, "service_started")}


def share_volumes(
    components: tuple[Component, ...], services: MapValue, findings: FindingCollector
) -> tuple[Component, ...]:
    """Return the components with the volumes and files of those that they name in `volumes_from`.

    Components are ordered: one that shares its volumes comes before those that use them.
    """
    result: dict[str, Component] = {}
    for component in components:
        section = services.entries[component.name]
        written = section.get("volumes_from") if isinstance(section, MapValue) else None
        items = (findings.attempt(as_list, written) or ()) if written else ()
        sources = findings.attempt_all(lambda item: _source(item, frozenset(services.entries)), items)
        result[component.name] = _share_all(component, result, sources)
    return tuple(result.values())


def _share_all(
    component: Component, earlier: Mapping[str, Component], sources: tuple[tuple[str, bool], ...]
) -> Component:
    for name, read_only in sources:
        if name in earlier:  # it is not if services depend on each other in a cycle, which is a finding already
            component = _share(component, earlier[name], read_only=read_only)
    return component


def _share(component: Component, source: Component, *, read_only: bool) -> Component:
    taken = {mount.path for mount in component.mounts} | {file.path for file in component.files}
    mounts = tuple(
        replace(mount, read_only=mount.read_only or read_only) for mount in source.mounts if mount.path not in taken
    )
    files = tuple(file for file in source.files if file.path not in taken)
    return replace(component, mounts=(*component.mounts, *mounts), files=(*component.files, *files))


def _source(value: Value, services: frozenset[str]) -> tuple[str, bool]:
    scalar = as_scalar(value)
    name, _, mode = scalar.text.partition(":")
    if name not in services or mode not in _MODES:
        message = f"Remove {quote(scalar.raw)}: write the name of a service of this text, with `:ro` if need be."
        raise FieldError(Code.VOLUMES_FROM_REFUSED, message, scalar.location)
    return name, _MODES[mode]
