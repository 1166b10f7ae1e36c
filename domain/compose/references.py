"""Names that a service refers to, in a list or in a map with details: `depends_on` and `networks`."""

from dataclasses import dataclass

from domain.compose.findings import FindingCollector, quote
from domain.compose.values import ListValue, MapValue, Value, as_map, as_scalar


@dataclass(frozen=True, slots=True)
class Reference:
    """A name with its details. `raw` is quoted for messages, since a variable may have brought the name."""

    name: str
    raw: str
    details: MapValue


def read_references(value: Value, findings: FindingCollector) -> tuple[Reference, ...]:
    """Read a list of names, or a map from names to details."""
    if isinstance(value, ListValue):
        return findings.attempt_all(_item, value.items)
    return findings.attempt_all(_entry, tuple(as_map(value).entries.items()))


def _item(value: Value) -> Reference:
    scalar = as_scalar(value)
    return Reference(scalar.text, quote(scalar.raw), MapValue(scalar.location, {}))


def _entry(entry: tuple[str, Value]) -> Reference:
    name, value = entry
    return Reference(name, quote(name), as_map(value))
