"""Fields that give a container power over the host: errors, unless the service is the host owner's own."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from domain.compose.context import Context
from domain.compose.findings import Code, FieldError, Location
from domain.compose.scalars import boolean, match_pattern
from domain.compose.values import Value, as_list, as_scalar
from domain.model.project import HostAccess

_DEVICE = re.compile(r"/dev/[^:\s]{1,200}(:/[^:\s]{1,200}){0,1}(:[rwm]{1,3})?")
_RULE = re.compile(r"[abc] ([0-9]{1,6}|\*):([0-9]{1,6}|\*) [rwm]{1,3}")


def refuse(context: Context, code: Code, message: str, power: str, location: Location) -> None:
    """Raise FieldError with a message. For the owner of the host, add a warning that says which power is given."""
    if not context.host_access:
        raise FieldError(code, message, location)
    context.findings.warn(code, f"{power}: this gives the container power over the host.", location)


def host_access(attributes: Mapping[str, Any]) -> HostAccess:
    """Return the access that the readers of fields collected."""
    namespaces = frozenset(name for name, shared in attributes.items() if shared and name in _NAMESPACES)
    return HostAccess(**{k: v for k, v in attributes.items() if k not in _NAMESPACES}, namespaces=namespaces)


def share_namespace(name: str) -> Mapping[str, Any]:
    """Return the attribute of a component that shares a namespace with the host."""
    return {"host": {name: True}}


def _privileged(value: Value, context: Context) -> Mapping[str, Any]:
    if not boolean(value):
        return {}
    _warn(context, Code.PRIVILEGED_REFUSED, "`privileged`", value)
    return {"host": {"privileged": True}}


def _devices(value: Value, context: Context) -> Mapping[str, Any]:
    devices = _items(value, context, _DEVICE, "write `/dev/x` or `/dev/x:/dev/y:rw`")
    _warn(context, Code.DEVICE_REFUSED, "`devices`", value)
    return {"host": {"devices": devices}}


def _device_cgroup_rules(value: Value, context: Context) -> Mapping[str, Any]:
    rules = _items(value, context, _RULE, "write a rule such as `c 189:* rmw`")
    _warn(context, Code.DEVICE_REFUSED, "`device_cgroup_rules`", value)
    return {"host": {"device_cgroup_rules": rules}}


def _namespace(name: str) -> Callable[[Value, Context], Mapping[str, Any]]:
    def read(value: Value, context: Context) -> Mapping[str, Any]:
        if as_scalar(value).text != "host":
            raise FieldError(Code.HOST_NAMESPACE_REFUSED, "Write `host`, or remove the field.", value.location)
        _warn(context, Code.HOST_NAMESPACE_REFUSED, f"`{name}: host`", value)
        return share_namespace(name)

    return read


def _items(value: Value, context: Context, pattern: re.Pattern[str], advice: str) -> tuple[str, ...]:
    return context.findings.attempt_all(lambda item: match_pattern(item, pattern, advice), as_list(value))


def _warn(context: Context, code: Code, field: str, value: Value) -> None:
    context.findings.warn(code, f"{field}: this gives the container power over the host.", value.location)


_NAMESPACES = frozenset({"network", "pid", "ipc", "uts", "userns_mode", "cgroup"})
HOST_READERS: dict[str, Callable[[Value, Context], Mapping[str, Any]]] = {
    "privileged": _privileged,
    "devices": _devices,
    "device_cgroup_rules": _device_cgroup_rules,
    "uts": _namespace("uts"),
    "userns_mode": _namespace("userns_mode"),
}
"""Readers of fields that only a service of the host's owner may have."""
