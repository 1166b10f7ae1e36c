"""`include`: given compose files whose services, volumes and networks are added to the text."""

from domain.compose.context import Inputs
from domain.compose.field_rules import FieldRules, check_fields
from domain.compose.findings import Code, FieldError, quote
from domain.compose.given_texts import read_given_text
from domain.compose.values import ListValue, MapValue, ScalarValue, Value, as_list, as_map, as_scalar

_SECTIONS = ("services", "volumes", "networks", "configs", "secrets")
_DEEPEST = 5
_RULES = FieldRules(
    ignored={"env_file": "the service's variables apply", "project_directory": "paths are relative to the text"}
)


def include_files(top: MapValue, inputs: Inputs, depth: int = 0) -> MapValue:
    """Return the top level with the sections of the included files, without `include`."""
    written = top.get("include")
    entries = {name: value for name, value in top.entries.items() if name != "include"}
    result = MapValue(top.location, entries)
    if written is None:
        return result
    for path in inputs.findings.attempt(lambda value: _paths(value, inputs), written) or ():
        included = inputs.findings.attempt(lambda path: _included(path, inputs, depth), path)
        result = _add_sections(result, included, inputs) if included else result
    return result


def _paths(value: Value, inputs: Inputs) -> tuple[ScalarValue, ...]:
    paths: list[ScalarValue] = []
    for item in as_list(value):
        if isinstance(item, MapValue):
            rules = FieldRules(
                ignored={
                    "env_file": "the service's variables apply",
                    "project_directory": "paths are relative to the text",
                }
            )
            check_fields(item, ("path",), rules, inputs.findings)
            written = item.get("path")
            if written is None:
                raise FieldError(Code.BAD_VALUE, "Write `path`: the compose file to include.", item.location)
            paths += [as_scalar(path) for path in (written.items if isinstance(written, ListValue) else (written,))]
        else:
            paths.append(as_scalar(item))
    return tuple(paths)


def _included(path: ScalarValue, inputs: Inputs, depth: int) -> MapValue:
    if depth >= _DEEPEST:
        raise FieldError(Code.CYCLE, f"Files include each other, or more than {_DEEPEST} deep.", path.location)
    return include_files(read_given_text(path, Code.INCLUDE_REFUSED, inputs), inputs, depth + 1)


def _add_sections(top: MapValue, included: MapValue, inputs: Inputs) -> MapValue:
    entries = dict(top.entries)
    for name in _SECTIONS:
        section = included.get(name)
        added = inputs.findings.attempt(as_map, section) if section else None
        if added:
            entries[name] = _add_entries(top.get(name), added, inputs)
    return MapValue(top.location, entries)


def _add_entries(own: Value | None, added: MapValue, inputs: Inputs) -> MapValue:
    entries = dict(own.entries) if isinstance(own, MapValue) else {}
    for name, value in added.entries.items():
        if name in entries:
            message = f"{quote(name)} is defined in the text and in an included file. Remove one."
            inputs.findings.add(Code.DUPLICATE_KEY, message, value.location)
        else:
            entries[name] = value
    return MapValue(own.location if own else added.location, entries)
