"""Fields that are a map or a list of `name=value`: environment, labels, sysctls, extra hosts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.compose.context import Context
from domain.compose.findings import Code, FieldError, FindingCollector, Location, quote
from domain.compose.plain_scalars import resolve
from domain.compose.values import MapValue, ScalarValue, Value, as_list, as_scalar, check_content, is_null

_VARIABLE = re.compile(r"[^=\s\x00-\x1f\x7f](?:[^=\x00-\x1f\x7f]{0,253}[^=\s\x00-\x1f\x7f])?")
_LABEL = re.compile(r"[^=\s\x00-\x1f\x7f]{1,255}")
_RESERVED = ("panel.", "com.docker.", "io.docker.", "org.dockerproject.", "traefik.", "caddy.", "caddy_")


@dataclass(frozen=True, slots=True)
class Pair:
    """A name with its value, or None if only the name is written."""

    name: str
    text: str | None
    location: Location


def read_environment(value: Value, context: Context) -> Mapping[str, Any]:
    """Read environment variables. A name without a value has the value of the service's variable."""
    result: dict[str, str] = {}
    for pair in read_pairs(value, context.findings):
        text = context.findings.attempt(lambda pair: _variable(pair, context), pair)
        if text is not None:
            result[pair.name] = text
    return {"environment": result}


def _variable(pair: Pair, context: Context) -> str | None:
    if not _VARIABLE.fullmatch(pair.name):
        message = f"{quote(pair.name)} cannot be the name of an environment variable: remove spaces and `=`."
        raise FieldError(Code.BAD_NAME, message, pair.location)
    return _inherited(pair, context) if pair.text is None else pair.text


def _inherited(pair: Pair, context: Context) -> str | None:
    value = context.interpolator.value(pair.name)
    if value is None:
        message = f"The variable {quote(pair.name)} is not set, so the container does not get it. Set the variable."
        context.findings.warn(Code.MISSING_VARIABLE, message, pair.location)
        return None
    return check_content(value, pair.location)


def read_labels(value: Value, context: Context) -> Mapping[str, Any]:
    """Read labels. Reserved labels, those for the panel, the engine or a proxy, are left out."""
    return {"labels": keep_labels(read_pairs(value, context.findings), value.location, context)}


def keep_labels(pairs: tuple[Pair, ...], location: Location, context: Context) -> dict[str, str]:
    """Return the labels that are not reserved, with one warning about the others."""
    labels: dict[str, str] = {}
    reserved: list[str] = []
    for pair in pairs:
        if f"{pair.name.lower()}.".startswith(_RESERVED):
            reserved.append(pair.name)
        elif context.findings.attempt(_check_label, pair):
            labels[pair.name] = pair.text or ""
    if reserved:
        more = f" and {len(reserved) - 1} more" if len(reserved) > 1 else ""
        message = f"The label {quote(reserved[0])}{more} is left out: the panel's own route and labels take its place."
        context.findings.warn(Code.RESERVED_LABEL, message, location)
    return labels


def _check_label(pair: Pair) -> bool:
    if not _LABEL.fullmatch(pair.name):
        message = f"{quote(pair.name)} cannot be the name of a label: write 1 to 255 characters without spaces."
        raise FieldError(Code.BAD_NAME, message, pair.location)
    return True


def read_pairs(value: Value, findings: FindingCollector) -> tuple[Pair, ...]:
    """Read a map, or a list of `name=value`."""
    if isinstance(value, MapValue):
        return findings.attempt_all(lambda entry: _entry(entry, findings), tuple(value.entries.items()))
    return findings.attempt_all(_line, as_list(value))


def _entry(entry: tuple[str, Value], findings: FindingCollector) -> Pair:
    name, value = entry
    return Pair(name, None if is_null(value) else _map_text(as_scalar(value), findings), value.location)


def _map_text(scalar: ScalarValue, findings: FindingCollector) -> str:
    """Return the text of a value in a map, where compose resolves unquoted numbers and booleans."""
    if not scalar.plain or "$" in scalar.raw:
        return scalar.text
    resolved = resolve(scalar.text)
    if resolved.lower() != scalar.text.lower():
        message = (
            f"{quote(scalar.text)} → {quote(resolved)}: in YAML it is a number. Put quotes around it to keep the text."
        )
        findings.warn(Code.TRANSLATED, message, scalar.location)
    return resolved


def _line(value: Value) -> Pair:
    if isinstance(value, MapValue):
        message = "Write `NAME=value` in a list, or remove the dashes to make a map."
        raise FieldError(Code.WRONG_TYPE, message, value.location)
    scalar = as_scalar(value)
    name, equals, _ = scalar.raw.partition("=")
    if "$" in name:
        message = "A name cannot contain a variable. Write the name out, and the variable after `=`."
        raise FieldError(Code.BAD_NAME, message, scalar.location)
    return Pair(name, scalar.text[len(name) + 1 :] if equals else None, scalar.location)
