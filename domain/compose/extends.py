"""`extends`: a service that takes over the fields of another one, of this text or of a given file."""

from domain.compose.context import Inputs
from domain.compose.field_rules import FieldRules, check_fields
from domain.compose.findings import Code, FieldError, quote
from domain.compose.given_texts import read_given_text
from domain.compose.merging import merge_maps
from domain.compose.values import MapValue, ScalarValue, Value, as_map, as_scalar

_DEEPEST = 10


def extend_services(services: MapValue, inputs: Inputs) -> MapValue:
    """Return the services with the fields that they extend; a service with a wrong `extends` stays as it is."""
    entries: dict[str, Value] = {}
    for name, value in services.entries.items():
        extended = inputs.findings.attempt(lambda pair: _extend(pair[1], services, inputs, (pair[0],)), (name, value))
        entries[name] = extended or value
    return MapValue(services.location, entries)


def _extend(value: Value, services: MapValue, inputs: Inputs, path: tuple[str, ...]) -> Value:
    written = value.get("extends") if isinstance(value, MapValue) else None
    if written is None or not isinstance(value, MapValue):
        return value
    name, file = _reference(written, inputs)
    if name.text in path or len(path) > _DEEPEST:
        raise FieldError(Code.CYCLE, "Services extend each other. Remove one `extends`.", written.location)
    source = _services(file, inputs) if file else services
    if name.text not in source.entries:
        message = f"{quote(name.raw)} is not a service that can be extended: it is not defined."
        raise FieldError(Code.UNKNOWN_SERVICE, message, name.location)
    base = _extend(source.entries[name.text], source, inputs, () if file else (*path, name.text))
    own = MapValue(value.location, {key: child for key, child in value.entries.items() if key != "extends"})
    merged = merge_maps(as_map(base), own)
    inputs.limit.count(merged)
    return merged


def _reference(value: Value, inputs: Inputs) -> tuple[ScalarValue, ScalarValue | None]:
    """Return the name of the extended service, and the file that it is in."""
    if not isinstance(value, MapValue):
        return as_scalar(value), None
    check_fields(value, ("service", "file"), FieldRules(), inputs.findings)
    service, file = value.get("service"), value.get("file")
    if service is None:
        raise FieldError(Code.BAD_VALUE, "Write `service`: the name of the service to extend.", value.location)
    return as_scalar(service), as_scalar(file) if file else None


def _services(file: ScalarValue, inputs: Inputs) -> MapValue:
    services = read_given_text(file, Code.EXTENDS_REFUSED, inputs).get("services")
    return as_map(services) if services else MapValue(file.location, {})
