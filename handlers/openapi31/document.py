"""Read an OpenAPI 3.1 document: its YAML, its operations, and the form that Connexion expects."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Self

import yaml

from handlers.openapi31.errors import DocumentError
from handlers.openapi31.operations import METHODS, Operation, read_operations
from handlers.openapi31.references import Node, References, below
from handlers.openapi31.schemas import Schemas
from handlers.openapi31.skeleton import OpenAPISpecification

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


SCHEME_NAME = "x-scheme-name"


class JsonLoader(_Loader):  # type: ignore[misc]  # PyYAML's loader in C has no types
    """YAML as JSON has it: no dates, no `on` and `off`, no octal or base-60 numbers, string keys, no key twice."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML declares them this way

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[str, Any]:
        keys = [key.value for key, _ in node.value]
        if len(set(keys)) < len(keys):
            raise DocumentError(f"a key is written twice in one mapping:{node.start_mark}")
        mapping = super().construct_mapping(node, deep)
        return {str(key): value for key, value in mapping.items()}


_WHOLE = r"-?(?:0|[1-9][0-9]*)"
for _tag, _pattern, _first in (
    ("null", r"null|Null|NULL|~|", ["n", "N", "~", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", _WHOLE, list("-0123456789")),
    ("float", rf"{_WHOLE}(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", list("-0123456789")),
    ("merge", r"<<", ["<"]),
):
    JsonLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), _first)


class Document:
    """An OpenAPI 3.1 document. It is not validated against the meta-schema: that is slow, and tests do it."""

    def __init__(self, raw: Mapping[str, Node]) -> None:
        if not str(raw.get("openapi", "")).startswith("3.1."):
            raise DocumentError("the document does not say openapi: 3.1")
        self.raw = raw
        self.references = References(raw)
        self.schemas = Schemas(self.references)
        self.security_schemes: Mapping[str, Node] = raw.get("components", {}).get("securitySchemes", {})
        self._operations = {operation.operation_id: operation for operation in self._read()}

    @classmethod
    def load(cls, text: bytes) -> Self:
        """Return the document of a YAML or JSON text."""
        return cls(yaml.load(text, JsonLoader))  # noqa: S506 - JsonLoader is a safe loader

    def _read(self) -> tuple[Operation, ...]:
        operations = tuple(read_operations(self.references))
        twice = [
            name for name, count in Counter(operation.operation_id for operation in operations).items() if count > 1
        ]
        unknown = {name for operation in operations for need in operation.security for name in need} - set(
            self.security_schemes
        )
        if twice or unknown:
            raise DocumentError(f"operationIds used twice: {twice}; security schemes not defined: {sorted(unknown)}")
        return operations

    def operations(self) -> tuple[Operation, ...]:
        """Return all operations in the order of the document."""
        return tuple(self._operations.values())

    def operation(self, operation_id: str) -> Operation:
        """Return the operation with an operationId. Raise KeyError if there is none."""
        return self._operations[operation_id]


class Specification(OpenAPISpecification):  # type: ignore[misc]  # Connexion has no types
    """Connexion's view of a document: parameters, bodies and responses inlined, `$ref` kept inside schemas."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._base_uri = ""
        self._raw_spec = dict(document.raw)
        self._spec = {"components": {}, **document.raw, "paths": _inlined(document.references)}

    @property
    def security_schemes(self) -> dict[str, Node]:
        """Return the schemes, each with its name, which Connexion's security factory does not pass on."""
        return {name: {**scheme, SCHEME_NAME: name} for name, scheme in self.document.security_schemes.items()}


def _inlined(references: References) -> dict[str, dict[str, Node]]:
    return {
        path: {
            method: _inlined_operation(references, below("#/paths", path), method)
            for method in item
            if method in METHODS
        }
        for path, item in references.root.get("paths", {}).items()
    }


def _inlined_operation(references: References, item: str, method: str) -> dict[str, Node]:
    pointer = below(item, method)
    raw = references.at(pointer)
    lists = [below(owner, "parameters") for owner in (item, pointer) if "parameters" in references.at(owner)]
    return {
        **raw,
        "parameters": [
            references.follow(below(list_, i))[1] for list_ in lists for i in range(len(references.at(list_)))
        ],
        "requestBody": references.follow(below(pointer, "requestBody"))[1] if "requestBody" in raw else {},
        "responses": {
            status: references.follow(below(pointer, "responses", status))[1] for status in raw.get("responses", {})
        },
    }
