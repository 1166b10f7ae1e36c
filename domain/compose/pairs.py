"""Fields that are a map or a list of `name=value`: environment and labels."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from domain.compose.context import Context
from domain.compose.findings import Code, FieldError, Notes, Place, shown
from domain.compose.values import Fields, Value, fitting, is_null, items, single

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._/-]{0,253}[A-Za-z0-9])?")
_RESERVED = ("panel.", "com.docker.", "io.docker.", "org.dockerproject.", "traefik.", "caddy.", "caddy_")


@dataclass(frozen=True, slots=True)
class Pair:
    """A name with its value; None when only the name is written."""

    name: str
    text: str | None
    place: Place


def environment(value: Value, context: Context) -> dict[str, str]:
    """What a container is told; a name without a value takes the variable of that name."""

    def read(pair: Pair) -> str:
        if not _VARIABLE.fullmatch(pair.name):
            message = f"{shown(pair.name)} is no name for a variable: use letters, digits and `_`."
            raise FieldError(Code.BAD_NAME, message, pair.place)
        return _taken(pair, context) if pair.text is None else pair.text

    return _read(value, read, context.notes)


def _taken(pair: Pair, context: Context) -> str:
    known = context.filler.value(pair.name)
    if known is None:
        message = f"Set the variable `{pair.name}` on the service, or write a value here."
        raise FieldError(Code.MISSING_VARIABLE, message, pair.place)
    return fitting(known, pair.place)


def labels(value: Value, notes: Notes) -> dict[str, str]:
    """The author's own labels; those that the panel, the engine or a proxy obeys are refused."""

    def read(pair: Pair) -> str:
        if not _LABEL.fullmatch(pair.name):
            message = f"{shown(pair.name)} is no name for a label: use letters, digits, `.`, `-`, `_` and `/`."
            raise FieldError(Code.BAD_NAME, message, pair.place)
        if f"{pair.name.lower()}.".startswith(_RESERVED):
            message = f"Remove the label {shown(pair.name)}: the panel, the engine or its proxy sets such labels."
            raise FieldError(Code.RESERVED_LABEL, message, pair.place)
        return pair.text or ""

    return _read(value, read, notes)


def _read(value: Value, read: Callable[[Pair], str], notes: Notes) -> dict[str, str]:
    result: dict[str, str] = {}
    for pair in _pairs(value, notes):
        text = notes.attempt(read, pair)
        if pair.name in result:
            notes.add(Code.DUPLICATE_KEY, f"{shown(pair.name)} stands here twice: keep one.", pair.place)
        if text is not None:
            result[pair.name] = text
    return result


def _pairs(value: Value, notes: Notes) -> tuple[Pair, ...]:
    if isinstance(value, Fields):
        return notes.each(_entry, tuple(value.entries.items()))
    return notes.each(_line, items(value))


def _entry(entry: tuple[str, Value]) -> Pair:
    name, value = entry
    return Pair(name, None if is_null(value) else single(value).text, value.place)


def _line(value: Value) -> Pair:
    found = single(value)
    name, equals, _ = found.written.partition("=")
    if "$" in name:
        message = "A name cannot hold a variable: write the name out and the variable after `=`."
        raise FieldError(Code.BAD_NAME, message, found.place)
    return Pair(name, found.text[len(name) + 1 :] if equals else None, found.place)
