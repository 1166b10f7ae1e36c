"""`deploy`: how many replicas a service has and what each may take."""

from collections.abc import Callable, Collection

from domain.compose.context import Context
from domain.compose.refusals import DEPLOY, LIMITS, RESOURCES, Refusals, refuse
from domain.compose.scalars import MOST_REPLICAS, cpus, integer, memory_mb
from domain.compose.values import MapValue, Value, as_map


def deploy(value: Value, context: Context) -> dict[str, object]:
    """`replicas`, `cpu` and `memory_mb` of a component, as far as they are raw."""
    found = _section(value, ("replicas", "resources"), DEPLOY, context)
    result: dict[str, object] = {}
    _take(result, "replicas", found.get("replicas"), lambda part: integer(part, 1, MOST_REPLICAS), context)
    resources = found.get("resources")
    limits = _section(resources, ("limits",), RESOURCES, context).get("limits") if resources else None
    if limits:
        limited = _section(limits, ("cpus", "memory"), LIMITS, context)
        _take(result, "cpu", limited.get("cpus"), cpus, context)
        _take(result, "memory_mb", limited.get("memory"), memory_mb, context)
    return result


def _section(value: Value, accepted: Collection[str], refused: Refusals, context: Context) -> MapValue:
    found = as_map(value)
    refuse(found, accepted, refused, context.findings)
    return found


def _take(
    result: dict[str, object], name: str, value: Value | None, read: Callable[[Value], object], context: Context
) -> None:
    part = None if value is None else context.findings.attempt(read, value)
    if part is not None:
        result[name] = part
