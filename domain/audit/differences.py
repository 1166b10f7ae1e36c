"""What a change of a resource did to its fields, as texts, without secrets and bounded in size."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from itertools import chain
from typing import Any

import msgspec

from domain.model.audit_event import HIDDEN_VALUE, FieldChange

_MOST_FIELDS = 100
_LONGEST_VALUE = 300  # characters
_MEANINGLESS = frozenset({"id", "revision", "environment_revision", "created_at", "updated_at"})


def differences(before: object | None, after: object | None) -> tuple[FieldChange, ...]:
    """Return the fields of two states of an entity that differ; None if it did not or does not exist.

    Nested fields have dotted names. Values of secret fields are replaced by `(hidden)`, long ones are cut, and a last
    entry says how many fields were left out.
    """
    old, new = dict(_flatten(before)), dict(_flatten(after))
    changes = [
        FieldChange(name, _text(old.get(name)), _text(new.get(name)))
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]
    if len(changes) > _MOST_FIELDS:
        left_out = f"{len(changes) - _MOST_FIELDS} more fields"
        return (*changes[:_MOST_FIELDS], FieldChange("…", None, left_out))
    return tuple(changes)


class _Hidden:
    """A value that is compared and never shown."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hidden) and self._value == other._value

    def __hash__(self) -> int:
        return hash(repr(self._value))


def _flatten(value: Any, prefix: str = "") -> Iterator[tuple[str, object]]:  # noqa: ANN401 - entities and their parts
    """Yield the names and values of all fields that have a value."""
    if value is None:
        return
    for name, hidden in _shown_fields(value.__class__):
        inner = getattr(value, name)
        if hidden:
            if inner not in (None, "", (), {}):
                yield prefix + name, _Hidden(inner)
        else:
            yield from _flatten_value(prefix + name, inner)


def _flatten_value(name: str, value: object) -> Iterator[tuple[str, object]]:
    if value is None or value in ((), {}, ""):
        return
    if isinstance(value, dict):
        parts = [(f"{name}.{key}", inner) for key, inner in value.items()]
        yield from chain.from_iterable(_flatten_value(*part) for part in parts)
    elif is_dataclass(value):
        yield from _flatten(value, f"{name}.")
    elif isinstance(value, tuple) and is_dataclass(value[0]):
        for index, item in enumerate(value):
            yield from _flatten(item, f"{name}.{_key(item, index)}.")
    else:
        yield name, value


def _key(item: object, index: int) -> str:
    """Return what names an element of a list: its name or path, else its place."""
    return str(getattr(item, "name", None) or getattr(item, "path", None) or index)


@cache
def _shown_fields(entity: Any) -> tuple[tuple[str, bool], ...]:  # noqa: ANN401 - a type
    """Return the names of a dataclass's fields, and whether each is hidden. Fields without `repr` are left out."""
    return tuple(
        (field.name, bool(field.metadata.get("hidden")))
        for field in fields(entity)
        if field.repr and field.name not in _MEANINGLESS
    )


def _text(value: object) -> str | None:
    match value:
        case None:
            return None
        case _Hidden():
            return HIDDEN_VALUE
        case StrEnum() | str():
            text = str(value)
        case datetime():
            text = value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case _:
            text = msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
