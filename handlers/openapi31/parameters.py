"""Read an operation's path, query, header and cookie parameters, by a plan compiled from the document."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from math import isfinite
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.types import Scope

from handlers.openapi31.errors import BadParameter, DocumentError, Fault
from handlers.openapi31.messages import Messages
from handlers.openapi31.operations import Operation, Parameter
from handlers.openapi31.schemas import Schemas

Convert = Callable[[str], Any]
Values = dict[str, Any]

ENOUGH_FAULTS = 100

INTEGER = re.compile(r"-?[0-9]{1,19}", re.ASCII)
BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][-+]?[0-9]{1,3})?", re.ASCII)


def _integer(text: str) -> object:
    return int(text) if INTEGER.fullmatch(text) and -(2**63) <= int(text) < 2**63 else text


def _number(text: str) -> object:
    return float(text) if NUMBER.fullmatch(text) and isfinite(float(text)) else text


def _boolean(text: str) -> object:
    return BOOLEANS.get(text.lower(), text)


SCALARS: Mapping[str, Convert] = {"integer": _integer, "number": _number, "boolean": _boolean}


def scalar(types: set[str]) -> Convert:
    """Return a function that converts text to the first of these types that fits; other text stays text."""
    converts = [convert for name, convert in SCALARS.items() if name in types]
    if len(converts) <= 1:
        return converts[0] if converts else str

    def first(text: str) -> object:
        return next((value for value in (convert(text) for convert in converts) if value is not text), text)

    return first


class _Reader:
    """Converts the texts of one parameter."""

    __slots__ = ("argument", "convert", "is_list", "name", "splits", "where")

    def __init__(self, parameter: Parameter, schemas: Schemas) -> None:
        types = schemas.types(parameter.schema)
        if "object" in types:
            raise DocumentError(f"{parameter.schema}: a parameter cannot be an object")
        self.is_list = "array" in types
        items = schemas.items(parameter.schema) if self.is_list else None
        self.convert = scalar(schemas.types(items) if items else types)
        self.splits = self.is_list and not (parameter.where == "query" and parameter.explode)
        self.name, self.where, self.argument = parameter.name, parameter.where, parameter.argument

    def put(self, text: str, values: Values) -> str | None:
        """Add a text to the values; return a message if it may not be given."""
        if not self.is_list:
            if self.argument in values:
                return "must be given only once"
            values[self.argument] = self.convert(text)
            return None
        texts = (part.strip() for part in text.split(",")) if self.splits else (text,)
        values.setdefault(self.argument, []).extend(self.convert(part) for part in texts if part or not self.splits)
        return None


class ParameterPlan:
    """How to read an operation's parameters, compiled from the document."""

    def __init__(self, operation: Operation, schemas: Schemas, also_in_query: Iterable[str] = ()) -> None:
        self._messages = Messages(schemas)
        readers = [_Reader(parameter, schemas) for parameter in operation.parameters]
        self._by_argument = {reader.argument: reader for reader in readers}
        self._path, self._query, self._headers, self._cookies = (
            {
                reader.name.lower() if where == "header" else reader.name: reader
                for reader in readers
                if reader.where == where
            }
            for where in ("path", "query", "header", "cookie")
        )
        self._ignored = frozenset(also_in_query)
        self._header_names = {name.encode("latin-1"): reader for name, reader in self._headers.items()}
        self._required = [parameter.argument for parameter in operation.parameters if parameter.required]
        self._defaults = dict(_defaults(operation, schemas))
        self._validator = schemas.object_of(
            {parameter.argument: parameter.schema for parameter in operation.parameters}
        )
        self._empty = not readers

    def read(self, scope: Scope, path_values: Mapping[str, str]) -> Values:
        """Return the values by argument name. Raise BadParameter with all faults."""
        values: Values = {}
        query = scope["query_string"]
        if self._empty and not query:
            return values
        faults = [
            *self._from_path(path_values, values),
            *(self._from_query(query, values) if query else ()),
            *(self._from_headers(scope, values) if self._header_names or self._cookies else ()),
        ]
        faults += [self._fault(name, "is required") for name in self._required if name not in values]
        if faults or not self._validator.is_valid(values):
            raise BadParameter(list(islice(self._all_faults(faults, values), ENOUGH_FAULTS)))
        return {**self._defaults, **values} if self._defaults else values

    def _fault(self, argument: str, message: str) -> Fault:
        reader = self._by_argument[argument]
        return Fault(reader.where, reader.name, message)

    def _all_faults(self, faults: list[Fault], values: Values) -> Iterator[Fault]:
        yield from faults
        reported = {(fault.where, fault.name) for fault in faults}
        for path, message in self._messages.fields(self._validator.iter_errors(values)).items():
            argument, _, item = path.partition(".")
            fault = self._fault(argument, f"{message} (item {int(item) + 1})" if item.isdigit() else message)
            if (fault.where, fault.name) not in reported:
                yield fault

    def _from_path(self, given: Mapping[str, str], values: Values) -> Iterator[Fault]:
        for name, reader in self._path.items():
            text = given[name]
            if not text.isascii() and not _is_text(text):
                yield Fault("path", name, "is not UTF-8")
                text = ""
            reader.put(text, values)

    def _from_query(self, query: bytes, values: Values) -> Iterator[Fault]:
        for part in query.split(b"&"):
            raw_name, _, raw_text = part.partition(b"=")
            try:
                name, text = _unquoted(raw_name), _unquoted(raw_text)
            except UnicodeDecodeError:
                yield Fault("query", raw_name.decode("ascii", "replace"), "is not UTF-8")
                continue
            if reader := self._query.get(name):
                if wrong := reader.put(text, values):
                    yield Fault("query", name, wrong)
            elif part and name not in self._ignored:
                yield Fault("query", name, "is not a known parameter")

    def _from_headers(self, scope: Scope, values: Values) -> Iterator[Fault]:
        for name, raw in scope["headers"]:
            if reader := self._header_names.get(name):
                if wrong := reader.put(raw.decode("latin-1"), values):
                    yield Fault("header", reader.name, wrong)
            elif name == b"cookie":
                self._from_cookies(raw.decode("latin-1"), values)

    def _from_cookies(self, header: str, values: Values) -> None:
        """Read cookies; of two with one name the first counts, since browsers send the most specific one first."""
        for part in header.split(";"):
            name, _, text = part.strip().partition("=")
            reader = self._cookies.get(name)
            if reader and reader.argument not in values:
                reader.put(text.strip('"'), values)


def _defaults(operation: Operation, schemas: Schemas) -> Iterator[tuple[str, Any]]:
    for parameter in operation.parameters:
        for schema in schemas.variants(schemas.references.at(parameter.schema)):
            if "default" in schema:
                yield parameter.argument, schema["default"]
                break


def _unquoted(raw: bytes) -> str:
    if b"%" in raw or b"+" in raw:
        raw = unquote_to_bytes(raw.replace(b"+", b" "))
    return raw.decode()


def _is_text(text: str) -> bool:
    """Return False if decoding the path left bytes that are not UTF-8."""
    return not any("\udc80" <= character <= "\udcff" for character in text)
