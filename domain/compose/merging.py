"""Merge the fields of two services as compose does for `extends`: the own value over the one of the base."""

from dataclasses import replace

from domain.compose.findings import Code, Location, UnreadableTextError
from domain.compose.plain_scalars import resolve
from domain.compose.values import ListValue, MapValue, ScalarValue, Value, is_null
from domain.compose.yaml_tree import MOST_NODES

# What reading a file costs, in values: at least so many, and one for so many characters.
_FILE_VALUES, _VALUE_CHARACTERS = 100, 16
_REPLACED = frozenset({"command", "entrypoint", "test"})
_PAIRS = frozenset({"environment", "labels", "annotations", "sysctls", "extra_hosts"})
_NAMES = frozenset({"depends_on", "networks"})
_LISTS = frozenset({"tmpfs", "env_file", "label_file", "dns", "dns_search"})


class ValueLimit:
    """Count the values that `extends` and `include` add to a text."""

    def __init__(self) -> None:
        self._room = 2 * MOST_NODES

    def count(self, value: Value) -> None:
        """Count a value with all values in it. Raise UnreadableTextError once the limit is exceeded."""
        self._spend(1, value.location)
        for child in _children(value):
            self.count(child)

    def count_file(self, content: str, location: Location) -> None:
        """Count the reading of a file. Raise UnreadableTextError once the limit is exceeded."""
        self._spend(_FILE_VALUES + len(content) // _VALUE_CHARACTERS, location)

    def _spend(self, values: int, location: Location) -> None:
        self._room -= values
        if self._room < 0:
            message = f"With `extends` and `include` the text is too large. The maximum is {2 * MOST_NODES} values."
            raise UnreadableTextError(Code.TOO_LARGE, message, location)


def relocate(value: Value, location: Location) -> Value:
    """Return a value of another file with the location of the field that brings it in."""
    if isinstance(value, MapValue):
        return MapValue(location, {name: relocate(child, location) for name, child in value.entries.items()})
    if isinstance(value, ListValue):
        return ListValue(location, tuple(relocate(item, location) for item in value.items))
    return replace(value, location=location)


def merge_maps(base: MapValue, own: MapValue) -> MapValue:
    """Return the entries of both maps; those that both have are merged by the rules of their field."""
    entries = dict(base.entries)
    for name, value in own.entries.items():
        entries[name] = _merge(name, entries[name], value) if name in entries else value
    return MapValue(own.location, entries)


def _merge(name: str, base: Value, own: Value) -> Value:
    if name in _REPLACED or is_null(own):
        return base if is_null(own) else own
    base, own = _convert(name, base), _convert(name, own)
    if isinstance(base, MapValue) and isinstance(own, MapValue):
        return merge_maps(base, own)
    if isinstance(base, ListValue) and isinstance(own, ListValue):
        return ListValue(own.location, (*base.items, *own.items))
    return own


def _convert(name: str, value: Value) -> Value:
    """Bring a field with two forms into one: pairs and lists to a list, names to a map."""
    if name in _PAIRS and isinstance(value, MapValue):
        return ListValue(value.location, tuple(_pair(key, child) for key, child in value.entries.items()))
    if name in _NAMES and isinstance(value, ListValue):
        names = (item for item in value.items if isinstance(item, ScalarValue))
        return MapValue(value.location, {item.text: MapValue(item.location, {}) for item in names})
    if name in _LISTS and isinstance(value, ScalarValue) and not value.null:
        return ListValue(value.location, (value,))
    return value


def _pair(name: str, value: Value) -> Value:
    if not isinstance(value, ScalarValue):
        return value
    if value.null:
        return ScalarValue(value.location, name, name)
    text = resolve(value.text) if value.plain and "$" not in value.raw else value.text
    return replace(value, text=f"{name}={text}", raw=f"{name}={value.raw}", plain=False)


def _children(value: Value) -> tuple[Value, ...]:
    if isinstance(value, MapValue):
        return tuple(value.entries.values())
    return value.items if isinstance(value, ListValue) else ()
