"""MapValue that are a map or a list of `name=value`: environment and labels."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from domain.compose.context import Context
from domain.compose.findings import Code, FieldError, FindingCollector, Location, quote
from domain.compose.values import MapValue, Value, as_list, as_scalar, check_content, is_null

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._/-]{0,253}[A-Za-z0-9])?")
_RESERVED = ("panel.", "com.docker.", "io.docker.", "org.dockerproject.", "traefik.", "caddy.", "caddy_")


@dataclass(frozen=True, slots=True)
class Pair:
    """A name with its value; None when only the name is raw."""

    name: str
    text: str | None
    location: Location


def environment(value: Value, context: Context) -> dict[str, str]:
    """What a container is told; a name without a value takes the variable of that name."""

    def read(pair: Pair) -> str:
        if not _VARIABLE.fullmatch(pair.name):
            message = f"{quote(pair.name)} is no name for a variable: use letters, digits and `_`."
            raise FieldError(Code.BAD_NAME, message, pair.location)
        return _taken(pair, context) if pair.text is None else pair.text

    return _read(value, read, context.findings)


def _taken(pair: Pair, context: Context) -> str:
    known = context.interpolator.value(pair.name)
    if known is None:
        message = f"Set the variable `{pair.name}` on the service, or write a value here."
        raise FieldError(Code.MISSING_VARIABLE, message, pair.location)
    return check_content(known, pair.location)


def labels(value: Value, findings: FindingCollector) -> dict[str, str]:
    """The author's own labels; those that the panel, the engine or a proxy obeys are refused."""

    def read(pair: Pair) -> str:
        if not _LABEL.fullmatch(pair.name):
            message = f"{quote(pair.name)} is no name for a label: use letters, digits, `.`, `-`, `_` and `/`."
            raise FieldError(Code.BAD_NAME, message, pair.location)
        if f"{pair.name.lower()}.".startswith(_RESERVED):
            message = f"Remove the label {quote(pair.name)}: the panel, the engine or its proxy sets such labels."
            raise FieldError(Code.RESERVED_LABEL, message, pair.location)
        return pair.text or ""

    return _read(value, read, findings)


def _read(value: Value, read: Callable[[Pair], str], findings: FindingCollector) -> dict[str, str]:
    result: dict[str, str] = {}
    for pair in _pairs(value, findings):
        text = findings.attempt(read, pair)
        if pair.name in result:
            findings.add(Code.DUPLICATE_KEY, f"{quote(pair.name)} stands here twice: keep one.", pair.location)
        if text is not None:
            result[pair.name] = text
    return result


def _pairs(value: Value, findings: FindingCollector) -> tuple[Pair, ...]:
    if isinstance(value, MapValue):
        return findings.attempt_all(_entry, tuple(value.entries.items()))
    return findings.attempt_all(_line, as_list(value))


def _entry(entry: tuple[str, Value]) -> Pair:
    name, value = entry
    return Pair(name, None if is_null(value) else as_scalar(value).text, value.location)


def _line(value: Value) -> Pair:
    found = as_scalar(value)
    name, equals, _ = found.raw.partition("=")
    if "$" in name:
        message = "A name cannot hold a variable: write the name out and the variable after `=`."
        raise FieldError(Code.BAD_NAME, message, found.location)
    return Pair(name, found.text[len(name) + 1 :] if equals else None, found.location)
