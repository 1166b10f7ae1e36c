"""Validation messages: one plain sentence per invalid field."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import orjson
from jsonschema_rs import ValidationError, ValidationErrorKind

from handlers.openapi31.references import Node
from handlers.openapi31.schemas import Schemas

FieldMessage = tuple[str, str]
Details = Mapping[str, Node]

UNKNOWN = "is not a known field"
TYPES = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
FORMATS = {
    "date-time": "a date and time such as 2026-03-29T10:00:00Z",
    "date": "a date such as 2026-03-29",
    "time": "a time of day such as 10:00:00Z",
    "email": "an e-mail address",
    "uri": "an absolute URL",
    "uri-reference": "a URL or a path",
    "uuid": "a UUID",
    "hostname": "a host name",
    "ipv4": "an IPv4 address",
    "ipv6": "an IPv6 address",
    "regex": "a regular expression",
    "duration": "a duration such as PT15M",
}


def _count(number: int, noun: str, nouns: str) -> str:
    return f"{number} {noun if number == 1 else nouns}"


def _either(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def _json(value: Node) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _of_types(names: Iterable[str]) -> str:
    return f"must be {_either(TYPES[name] for name in sorted(names, key=lambda name: name == 'null'))}"


SENTENCES: Mapping[str, Callable[[Details], str]] = {
    "type": lambda kind: _of_types(kind["types"]),
    "enum": lambda kind: f"must be {_either(_json(option) for option in kind['options'])}",
    "const": lambda kind: f"must be {_json(kind['expected_value'])}",
    "pattern": lambda kind: f"must match {kind['pattern']}",
    "format": lambda kind: f"must be {FORMATS.get(kind['format'], 'a valid ' + kind['format'])}",
    "minLength": lambda kind: f"must have at least {_count(kind['limit'], 'character', 'characters')}",
    "maxLength": lambda kind: f"must have at most {_count(kind['limit'], 'character', 'characters')}",
    "minItems": lambda kind: f"must have at least {_count(kind['limit'], 'item', 'items')}",
    "maxItems": lambda kind: f"must have at most {_count(kind['limit'], 'item', 'items')}",
    "minProperties": lambda kind: f"must have at least {_count(kind['limit'], 'property', 'properties')}",
    "maxProperties": lambda kind: f"must have at most {_count(kind['limit'], 'property', 'properties')}",
    "minimum": lambda kind: f"must be at least {kind['limit']}",
    "maximum": lambda kind: f"must be at most {kind['limit']}",
    "exclusiveMinimum": lambda kind: f"must be more than {kind['limit']}",
    "exclusiveMaximum": lambda kind: f"must be less than {kind['limit']}",
    "multipleOf": lambda kind: f"must be a multiple of {kind['multiple_of']}",
    "uniqueItems": lambda _: "must not hold the same item twice",
    "contains": lambda _: "lacks an item that it must hold",
    "unevaluatedItems": lambda _: "has more items than allowed",
    "additionalItems": lambda _: "has more items than allowed",
    "falseSchema": lambda _: "is not allowed here",
    "not": lambda _: "is a value that is not allowed",
    "writeOnly": lambda _: "is write-only",
}


class Messages:
    """Turns validation errors into messages by field."""

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas
        self._spread: Mapping[str, Callable[[ValidationError, Any], Iterator[FieldMessage]]] = {
            "required": self._required,
            "additionalProperties": self._unknown,
            "unevaluatedProperties": self._unevaluated,
            "propertyNames": self._names,
            "anyOf": self._branches,
            "oneOf": self._branches,
        }

    def fields(self, errors: Iterable[ValidationError]) -> dict[str, str]:
        """Return the first message of each field, by dotted path."""
        found: dict[str, str] = {}
        for error in errors:
            for field, message in self._field_messages(error):
                found.setdefault(field or "body", message)
        return found

    def _field_messages(self, error: ValidationError) -> Iterator[FieldMessage]:
        name = error.kind.name
        if name in self._spread:
            yield from self._spread[name](error, error.kind)
        else:
            sentence = SENTENCES.get(name)
            yield _path(error), sentence(error.kind.as_dict()) if sentence else "is not valid"

    def _required(self, error: ValidationError, kind: ValidationErrorKind.Required) -> Iterator[FieldMessage]:
        yield _path(error, kind.property), "is required"

    def _unknown(
        self, error: ValidationError, kind: ValidationErrorKind.AdditionalProperties
    ) -> Iterator[FieldMessage]:
        yield from ((_path(error, name), UNKNOWN) for name in kind.unexpected)

    def _unevaluated(
        self, error: ValidationError, kind: ValidationErrorKind.UnevaluatedProperties
    ) -> Iterator[FieldMessage]:
        """Yield fields that no branch knows: a failed branch evaluates nothing, so its fields are listed too."""
        known = self._schemas.known_properties(error.absolute_keyword_location)
        yield from ((_path(error, name), UNKNOWN) for name in kind.unexpected if name not in known)

    def _names(self, error: ValidationError, kind: ValidationErrorKind.PropertyNames) -> Iterator[FieldMessage]:
        for _, message in self._field_messages(kind.error):
            yield _path(error, str(kind.error.instance)), f"has a name that {message}"

    def _branches(
        self, error: ValidationError, kind: ValidationErrorKind.AnyOf | ValidationErrorKind.OneOfMultipleValid
    ) -> Iterator[FieldMessage]:
        """Yield the messages of the branch that the client most likely meant."""
        if isinstance(kind, ValidationErrorKind.OneOfMultipleValid):
            yield _path(error), "fits more than one of the forms it may have"
            return
        here = len(error.instance_path)
        branches = [branch for branch in kind.context if not _wrong_type(branch, here)]
        if branches:
            for inner in min(branches, key=lambda branch: (_wrong_kind(branch, here), len(branch))):
                yield from self._field_messages(inner)
        else:
            yield (
                _path(error),
                _of_types(dict.fromkeys(name for branch in kind.context for name in _types(branch, here))),
            )


def _path(error: ValidationError, *more: str) -> str:
    return ".".join(str(step) for step in (*error.instance_path, *more))


def _types(branch: Iterable[ValidationError], depth: int) -> list[str]:
    errors = [error for error in branch if error.kind.name == "type" and len(error.instance_path) == depth]
    return [name for error in errors for name in error.kind.as_dict()["types"]]


def _wrong_type(branch: Iterable[ValidationError], depth: int) -> bool:
    return bool(_types(branch, depth))


def _wrong_kind(branch: Iterable[ValidationError], depth: int) -> bool:
    """Return whether a constant differs, which means that the client meant another branch."""
    return any(error.kind.name in {"const", "enum"} and len(error.instance_path) <= depth + 1 for error in branch)
