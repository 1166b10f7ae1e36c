"""The top-level `networks`, and the networks and names of a service."""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from domain.compose.context import Context
from domain.compose.field_rules import check_fields
from domain.compose.findings import Code, FieldError, FindingCollector, quote
from domain.compose.host_access import refuse, share_namespace
from domain.compose.key_values import Pair, read_pairs
from domain.compose.names import check_name
from domain.compose.references import Reference, read_references
from domain.compose.refusals import ATTACHMENT, NETWORK
from domain.compose.scalars import boolean, choice, match_pattern
from domain.compose.values import MapValue, Value, as_list, as_map, as_scalar

_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?")
_HOST_NAMES = "write letters, digits, `-`, `_` and `.`"
_DRIVERS = ("bridge", "overlay", "default")


def read_networks(networks: MapValue, findings: FindingCollector) -> dict[str, bool]:
    """Return each network, and whether it is internal (without access to the outside)."""
    result: dict[str, bool] = {}
    for name, value in networks.entries.items():
        check_name(name, value.location, findings)
        section = findings.attempt(as_map, value) or MapValue(value.location, {})
        check_fields(section, ("internal", "driver"), NETWORK, findings)
        internal, driver = section.get("internal"), section.get("driver")
        result[name] = bool(internal and findings.attempt(boolean, internal))
        if driver:
            findings.attempt(lambda driver: choice(driver, _DRIVERS), driver)
    return result


def read_attachments(value: Value, context: Context) -> Mapping[str, Any]:
    """Read the networks that a service joins, with its aliases on each."""
    references = read_references(value, context.findings)
    names = context.findings.attempt_all(lambda reference: _attachment(reference, context), references)
    aliases = {name: found for name, found in names if found}
    return {"networks": tuple(dict.fromkeys(name for name, _ in names)) or ("default",), "network_aliases": aliases}


def _attachment(reference: Reference, context: Context) -> tuple[str, tuple[str, ...]]:
    if reference.name not in context.networks | {"default"}:
        message = f"Declare the network under the top-level `networks`: {reference.raw} is not there."
        raise FieldError(Code.UNKNOWN_NETWORK, message, reference.details.location)
    check_fields(reference.details, ("aliases",), ATTACHMENT, context.findings)
    aliases = reference.details.get("aliases")
    return reference.name, context.findings.attempt_all(host_name, as_list(aliases)) if aliases else ()


def read_network_mode(value: Value, context: Context) -> Mapping[str, Any]:
    """Accept `bridge` (networks of the project) and `none`; refuse the namespaces of the host and of others."""
    scalar = as_scalar(value)
    if scalar.text == "none":
        return {"networks": ()}
    if scalar.text == "host" and context.host_access:
        refuse(context, Code.HOST_NAMESPACE_REFUSED, "", "`network_mode: host`", scalar.location)
        return {"networks": (), **share_namespace("network")}
    if scalar.text not in ("bridge", "default", ""):
        message = f"Remove {quote(scalar.raw)}: use `networks`; components reach each other by name."
        raise FieldError(Code.HOST_NAMESPACE_REFUSED, message, scalar.location)
    return {}


def read_container_name(value: Value, context: Context) -> Mapping[str, Any]:
    """Read a container name: it is one more name of the component within the project."""
    return {"aliases": (host_name(value),)} if as_scalar(value).text != context.service else {}


def host_name(value: Value) -> str:
    """Read a host name."""
    return match_pattern(value, _HOST_NAME, _HOST_NAMES)


def is_host_name(text: str) -> bool:
    """Return whether a container can have this host name or alias."""
    return bool(_HOST_NAME.fullmatch(text))


def read_extra_hosts(value: Value, context: Context) -> Mapping[str, Any]:
    """Read host names with addresses. `host-gateway`, the address of the host, is refused."""
    pairs = _host_pairs(value, context.findings)
    return {"extra_hosts": dict(context.findings.attempt_all(lambda pair: _extra_host(pair, context), pairs))}


def _host_pairs(value: Value, findings: FindingCollector) -> tuple[Pair, ...]:
    if isinstance(value, MapValue):
        return read_pairs(value, findings)
    return findings.attempt_all(_host_line, as_list(value))


def _host_line(value: Value) -> Pair:
    scalar = as_scalar(value)
    name, _, address = scalar.text.replace("=", ":", 1).partition(":")
    return Pair(name, address, scalar.location)


def _extra_host(pair: Pair, context: Context) -> tuple[str, str]:
    address = (pair.text or "").strip("[]")
    if address == "host-gateway":
        message = "Remove `host-gateway`: containers cannot reach the host."
        refuse(context, Code.HOST_NAMESPACE_REFUSED, message, "`host-gateway`", pair.location)
        return pair.name, address
    if not is_host_name(pair.name) or not _is_address(address):
        raise FieldError(Code.BAD_VALUE, "Write `name:address`, such as `db.example:10.0.0.5`.", pair.location)
    return pair.name, address


def _is_address(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False
