"""`ports` and `expose` of a service: which ports of the container are reachable."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from domain.compose.context import Context
from domain.compose.field_rules import FieldRules, check_fields
from domain.compose.findings import Code, FieldError, FindingCollector, Location, quote
from domain.compose.scalars import bad_value, choice, integer
from domain.compose.values import MapValue, ScalarValue, Value, as_list, as_scalar
from domain.model.project import Port, Protocol

MOST_PORTS = 1000
_PROTOCOLS = ("tcp", "udp", "sctp")
_RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_ADDRESS = r"[0-9.]{7,15}|\[[0-9a-fA-F:.]{2,45}\]|[0-9a-fA-F:]{0,41}::[0-9a-fA-F:]{0,41}"
_HOST = re.compile(rf"(?:(?:{_ADDRESS}):)?(?:[0-9]{{1,5}}(?:-[0-9]{{1,5}})?)?")
_LONG = ("target", "published", "protocol", "host_ip", "mode", "name", "app_protocol")
_FORMS = "write a port such as `8080`, `80:8080` or `53:53/udp`"


class PortRange(NamedTuple):
    """The ports from `first` to `last`, inclusive."""

    first: int
    last: int
    protocol: Protocol


def read_ports(value: Value, context: Context) -> Mapping[str, Any]:
    """Read `ports`. TCP ports are exposed and can be routed; no port of the host is opened."""
    ranges = context.findings.attempt_all(lambda item: _published(item, context.findings), as_list(value))
    ports = _expand(ranges, value.location)
    return {"ports": ports, "expose": tuple(port.number for port in ports if port.protocol == "tcp")}


def read_expose(value: Value, context: Context) -> Mapping[str, Any]:
    """Read `expose`: ports that other components and the route can reach."""
    ports = _expand(context.findings.attempt_all(_exposed, as_list(value)), value.location)
    return {"expose": tuple(port.number for port in ports if port.protocol == "tcp")}


def _expand(ranges: tuple[PortRange, ...], location: Location) -> tuple[Port, ...]:
    if sum(1 + last - first for first, last, _ in ranges) > MOST_PORTS:
        message = f"A service has too many ports. The maximum is {MOST_PORTS}."
        raise FieldError(Code.BAD_VALUE, message, location)
    ports = (Port(number, protocol) for first, last, protocol in ranges for number in range(first, last + 1))
    return tuple(dict.fromkeys(ports))


def _published(value: Value, findings: FindingCollector) -> PortRange:
    if isinstance(value, MapValue):
        ports, raw = _long(value, findings), _target(value).raw
    else:
        ports, raw = _short(as_scalar(value)), as_scalar(value).raw
    if ports.protocol == "tcp":
        exposed = "expose" if "$" in raw else f"expose: [{_numbers(ports)}]"  # messages show no value of a variable
        message = f"{quote(raw)} → `{exposed}`: the service's URL leads to the port, and the host opens none."
    else:
        message = f"{quote(raw)} is reachable by other components only. For a port of the host, name it in `publish`."
    findings.warn(Code.TRANSLATED, message, value.location)
    return ports


def _numbers(ports: PortRange) -> str:
    return str(ports.first) if ports.first == ports.last else f"{ports.first}-{ports.last}"


def _short(value: ScalarValue) -> PortRange:
    text, slash, protocol = value.text.partition("/")
    host, _, container = text.rpartition(":")
    if (slash and protocol.lower() not in _PROTOCOLS) or not _HOST.fullmatch(host):
        raise bad_value(value, _FORMS)
    return _range(value, container, cast("Protocol", protocol.lower() or "tcp"))


def _long(value: MapValue, findings: FindingCollector) -> PortRange:
    check_fields(value, _LONG, FieldRules(), findings)
    number, protocol = integer(_target(value), 1, 65535), value.get("protocol")
    return PortRange(number, number, cast("Protocol", choice(protocol, _PROTOCOLS) if protocol else "tcp"))


def _target(value: MapValue) -> ScalarValue:
    target = value.get("target")
    if target is None:
        raise FieldError(Code.BAD_VALUE, "Write `target`: the port of the container.", value.location)
    return as_scalar(target)


def _range(value: ScalarValue, text: str, protocol: Protocol) -> PortRange:
    match = _RANGE.fullmatch(text)
    first = int(match[1]) if match else 0
    last = int(match[2] or first) if match else 0
    if not 1 <= first <= last <= 65535:
        raise bad_value(value, _FORMS)
    return PortRange(first, last, protocol)


def _exposed(value: Value) -> PortRange:
    scalar = as_scalar(value)
    text, slash, protocol = scalar.text.partition("/")
    if slash and protocol not in _PROTOCOLS:
        raise bad_value(scalar, "write a port of the container, such as `8080`")
    return _range(scalar, text, cast("Protocol", protocol or "tcp"))
