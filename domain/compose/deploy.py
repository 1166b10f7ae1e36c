"""`deploy`, and the older fields for the same: how many replicas a service has and what each may use."""

from collections.abc import Callable, Mapping
from typing import Any

from domain.compose.context import Context
from domain.compose.field_rules import FieldRules, check_fields
from domain.compose.findings import Code, FieldError
from domain.compose.refusals import DEPLOY, LIMITS, RESERVATIONS, RESOURCES, RESTART_POLICY
from domain.compose.scalars import MOST_REPLICAS, choice, cpus, integer, memory_mb
from domain.compose.values import MapValue, Value, as_map, as_scalar

MOST_PIDS = 2**22
_CONDITIONS = {
    "none": "no",
    "no": "no",
    "on-failure": "on-failure",
    "unless-stopped": "unless-stopped",
    "any": "always",
    "always": "always",
}
_MODES = ("replicated", "global", "replicated-job", "global-job")


def read_deploy(value: Value, context: Context) -> Mapping[str, Any]:
    """Read replicas, limits, reservations and the restart policy."""
    section = _section(value, ("replicas", "resources", "restart_policy", "mode"), DEPLOY, context)
    result = dict(_mode(section, context))
    result |= _fields(section, {"replicas": ("replicas", replicas)}, context)
    result |= _resources(section.get("resources"), context)
    policy = section.get("restart_policy")
    if policy:
        conditions = _section(policy, ("condition",), RESTART_POLICY, context)
        result |= _fields(conditions, {"condition": ("restart", _restart)}, context)
    return result


def replicas(value: Value) -> int:
    """Read a number of replicas; 0 means that the service is not started."""
    return integer(value, 0, MOST_REPLICAS)


def cpu(value: Value) -> float | None:
    """Read a number of cores; 0 means no limit."""
    return None if as_scalar(value).text in ("0", "0.0") else cpus(value)


def memory(value: Value) -> int | None:
    """Read an amount of memory in MB; 0 means no limit."""
    return None if as_scalar(value).text in ("0", "0b") else memory_mb(value)


def pids(value: Value) -> int | None:
    """Read a number of processes; -1 and 0 mean the panel's limit."""
    return None if as_scalar(value).text in ("-1", "0") else integer(value, 1, MOST_PIDS)


def _mode(section: MapValue, context: Context) -> Mapping[str, Any]:
    value = section.get("mode")
    mode = context.findings.attempt(lambda value: choice(value, _MODES), value) if value else None
    if mode == "global":
        message = "`global` means one container on each host. The panel runs the number under `replicas`, or one."
        context.findings.warn(Code.TRANSLATED, message, section.entries["mode"].location)
    if mode and mode.endswith("job"):
        message = 'Remove `mode`: write `restart: "no"` for a container that ends.'
        raise FieldError(Code.UNSUPPORTED_FIELD, message, section.entries["mode"].location)
    return {}


def _restart(value: Value) -> str:
    return _CONDITIONS[choice(value, _CONDITIONS)]


def _resources(value: Value | None, context: Context) -> Mapping[str, Any]:
    if value is None:
        return {}
    section = _section(value, ("limits", "reservations"), RESOURCES, context)
    limits, reservations = section.get("limits"), section.get("reservations")
    result: dict[str, Any] = {}
    if limits:
        readers = {"cpus": ("cpu", cpu), "memory": ("memory_mb", memory), "pids": ("pids", pids)}
        result |= _fields(_section(limits, readers, LIMITS, context), readers, context)
    if reservations:
        reserved = _section(reservations, ("memory",), RESERVATIONS, context)
        result |= _fields(reserved, {"memory": ("memory_reservation_mb", memory)}, context)
    return result


def _section(
    value: Value, accepted: "Mapping[str, Any] | tuple[str, ...]", rules: FieldRules, context: Context
) -> MapValue:
    section = as_map(value)
    check_fields(section, tuple(accepted), rules, context.findings)
    return section


def _fields(
    section: MapValue, readers: Mapping[str, tuple[str, Callable[[Value], Any]]], context: Context
) -> Mapping[str, Any]:
    values = ((attribute, read, section.get(name)) for name, (attribute, read) in readers.items())
    parts = {name: context.findings.attempt(read, value) for name, read, value in values if value is not None}
    return {name: part for name, part in parts.items() if part is not None}
