"""Sizes that an owner chose, applied over what the compose text says."""

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


def scaled(project: Project, sizes: Mapping[str, Size]) -> Project:
    """The project with these sizes; raises Invalid for components that it does not have and figures out of bounds."""
    wrong = dict(_wrong(project, sizes))
    if wrong:
        raise Invalid(wrong)
    return replace(project, components=tuple(_sized(part, sizes.get(part.name)) for part in project.components))


def _sized(component: Component, size: Size | None) -> Component:
    if size is None:
        return component
    return replace(component, **_written(size))


def _written(size: Size) -> dict[str, Any]:
    """What the size says, by the name that the component has for it too."""
    figures = {name: getattr(size, name) for name in _BOUNDS}
    return {name: figure for name, figure in figures.items() if figure is not None}


def _wrong(project: Project, sizes: Mapping[str, Size]) -> Iterator[tuple[str, str]]:
    for name, size in sizes.items():
        if project.component(name) is None:
            yield f"sizes.{name}", "The compose text has no such service"
        for figure, value in _written(size).items():
            least, most = _BOUNDS[figure]
            if not least <= value <= most:
                yield f"sizes.{name}.{figure}", f"Choose a figure from {least} to {most}"
