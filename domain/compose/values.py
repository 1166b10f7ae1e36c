"""The interpolated tree that fields are read from. Each value has its location."""

import re
from dataclasses import dataclass, replace

from domain.compose.findings import AlreadyReportedError, Code, FieldError, FindingCollector, Location
from domain.compose.interpolation import LONGEST_VALUE, Fragment, Interpolator, TemplateError
from domain.compose.yaml_tree import MappingNode, Node, ScalarNode, SequenceNode

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class ScalarValue:
    """A scalar: interpolated, as written (`raw`), and in fragments.

    `invalid`: a finding about it exists already. `plain`: it is written without quotes.
    """

    location: Location
    text: str
    raw: str
    fragments: tuple[Fragment, ...] = ()
    null: bool = False
    invalid: bool = False
    plain: bool = False


@dataclass(frozen=True, slots=True)
class ListValue:
    """A list."""

    location: Location
    items: "tuple[Value, ...]"


@dataclass(frozen=True, slots=True)
class MapValue:
    """A map."""

    location: Location
    entries: "dict[str, Value]"

    def get(self, key: str) -> "Value | None":
        """Return the entry, or None if it is absent or null."""
        value = self.entries.get(key)
        return None if value is None or is_null(value) else value


Value = ScalarValue | ListValue | MapValue


def is_null(value: Value) -> bool:
    """Return whether the value is null, which means that the field is absent."""
    return isinstance(value, ScalarValue) and value.null


def is_blank(value: Value) -> bool:
    """Return whether the value asks for nothing: null, empty or `false`."""
    if isinstance(value, ScalarValue):
        return value.null or value.text.strip().lower() in ("", "false")
    return not (value.items if isinstance(value, ListValue) else value.entries)


def as_map(value: Value) -> MapValue:
    """Return the value as a map; null is an empty map. Raise FieldError for another type."""
    if is_null(value):
        return MapValue(value.location, {})
    if isinstance(value, MapValue):
        return value
    raise _wrong(value, "a map (`key: value` lines)")


def as_list(value: Value) -> tuple[Value, ...]:
    """Return the items of a list; null is an empty list. Raise FieldError for another type."""
    if is_null(value):
        return ()
    if isinstance(value, ListValue):
        return value.items
    raise _wrong(value, "a list (lines that begin with `- `)")


def as_scalar(value: Value) -> ScalarValue:
    """Return the value as a scalar. Raise FieldError for null and other types, AlreadyReportedError if invalid."""
    if isinstance(value, ScalarValue) and value.invalid:
        raise AlreadyReportedError
    if isinstance(value, ScalarValue) and not value.null:
        return value
    raise _wrong(value, "a single value")


def _wrong(value: Value, wanted: str) -> FieldError:
    if isinstance(value, ScalarValue) and value.invalid:
        raise AlreadyReportedError
    return FieldError(Code.WRONG_TYPE, f"Write {wanted} here.", value.location)


def check_content(text: str, location: Location) -> str:
    """Return the text if an argument, label or environment variable can hold it. Raise FieldError otherwise."""
    if _CONTROL.search(text):
        raise FieldError(Code.CONTROL_CHARACTER, "Remove NUL and other control characters.", location)
    if len(text.encode()) > LONGEST_VALUE:
        raise FieldError(Code.TOO_LONG, f"The value is too long. The maximum is {LONGEST_VALUE // 1024} KiB.", location)
    return text


class ValueBuilder:
    """Turns nodes into values. What an alias repeats becomes a value at each location, with that place's pointer."""

    def __init__(self, interpolator: Interpolator, findings: FindingCollector) -> None:
        self._interpolator = interpolator
        self._findings = findings

    def build(self, node: Node, location: Location) -> Value:
        """The node at this place; entries named `x-…` are the author's own and are left out."""
        if isinstance(node, ScalarNode):
            return self._text(node, location)
        if isinstance(node, SequenceNode):
            built = (self.build(item, location.child(step, line)) for step, (line, item) in enumerate(node.items))
            return ListValue(location, tuple(built))
        return MapValue(location, self._entries(node, location))

    def _entries(self, node: MappingNode, location: Location) -> dict[str, Value]:
        return {
            key: self.build(child, location.child(key, line))
            for key, (line, child) in node.entries.items()
            if not (key.startswith("x-") and _extensible(location.path))
        }

    def _text(self, node: ScalarNode, location: Location) -> ScalarValue:
        try:
            result = self._interpolator.interpolate(node.text)
        except TemplateError as error:
            line = node.line_of(error.position) if node.literal else location.line
            self._findings.add(error.code, error.message, replace(location, line=line))
            return ScalarValue(location, "", node.text, invalid=True)
        for message in result.required:
            self._findings.add(Code.MISSING_VARIABLE, message, location)
        for message in result.unset:
            self._findings.warn(Code.MISSING_VARIABLE, message, location)
        text = "".join(fragment.text for fragment in result.fragments)
        fit = self._findings.attempt(lambda content: check_content(content, location), text)
        invalid = bool(result.required) or fit is None
        return ScalarValue(location, text, node.text, result.fragments, node.null, invalid, node.plain)


def _extensible(path: tuple[str, ...]) -> bool:
    """Return whether `x-…` is an extension here, and not the name of a service, a network or a variable."""
    return len(path) in (0, 2) or path[2:3] in (("deploy",), ("healthcheck",))
