"""Sizes that the owner of a service chose; they override the compose text."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from domain.compose.scalars import LEAST_CPU, LEAST_MEMORY_MB, MOST_CPU, MOST_MEMORY_MB, MOST_REPLICAS
from domain.errors import Invalid
from domain.model.definition import Size
from domain.model.project import Component, Project

_BOUNDS = {
    "replicas": (1, MOST_REPLICAS),
    "cpu": (LEAST_CPU, MOST_CPU),
    "memory_mb": (LEAST_MEMORY_MB, MOST_MEMORY_MB),
}


def apply_sizes(project: Project, sizes: Mapping[str, Size]) -> Project:
    """Return the project with these sizes. Raise Invalid for unknown components and values out of bounds."""
    errors = dict(_errors(project, sizes))
    if errors:
        raise Invalid(errors)
    return replace(
        project, components=tuple(_resize(component, sizes.get(component.name)) for component in project.components)
    )


def apply_default_size(project: Project, size: Size | None) -> Project:
    """Return the project with these limits for the components that have none."""
    if size is None:
        return project
    components = (
        replace(
            component,
            cpu=size.cpu if component.cpu is None else component.cpu,
            memory_mb=size.memory_mb if component.memory_mb is None else component.memory_mb,
        )
        for component in project.components
    )
    return replace(project, components=tuple(components))


def _resize(component: Component, size: Size | None) -> Component:
    if size is None:
        return component
    return replace(component, **_set_fields(size))


def _set_fields(size: Size) -> dict[str, Any]:
    """Return the fields that are set; a component has the same field names."""
    values = {name: getattr(size, name) for name in _BOUNDS}
    return {name: value for name, value in values.items() if value is not None}


def _errors(project: Project, sizes: Mapping[str, Size]) -> Iterator[tuple[str, str]]:
    for name, size in sizes.items():
        if project.component(name) is None:
            yield f"sizes.{name}", "The compose text defines no such service"
        for field, value in _set_fields(size).items():
            least, most = _BOUNDS[field]
            if not least <= value <= most:
                yield f"sizes.{name}.{field}", f"Choose a value from {least} to {most}"
