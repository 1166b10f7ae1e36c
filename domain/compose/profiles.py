"""Profiles: services that have one start only if it is active."""

from domain.compose.findings import Code, FindingCollector, quote
from domain.compose.values import MapValue, Value, as_list, as_scalar


def active_services(services: MapValue, active: frozenset[str], findings: FindingCollector) -> MapValue:
    """Return the services without those whose profiles are not active; `*` activates all."""
    entries = {name: value for name, value in services.entries.items() if _is_active(name, value, active, findings)}
    return MapValue(services.location, entries)


def _is_active(name: str, value: Value, active: frozenset[str], findings: FindingCollector) -> bool:
    profiles = value.get("profiles") if isinstance(value, MapValue) else None
    names = findings.attempt(_names, profiles) if profiles else None
    if not profiles or not names or "*" in active or not active.isdisjoint(names):
        return True
    message = f"{quote(name)} is left out: none of its profiles is active. Name one in the request's `profiles`."
    findings.warn(Code.NOT_KEPT, message, profiles.location)
    return False


def _names(value: Value) -> tuple[str, ...]:
    return tuple(as_scalar(item).text for item in as_list(value))
