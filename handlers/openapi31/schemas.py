"""Compile the document's schemas with jsonschema-rs, each once, without copying the document."""

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema_rs

from handlers.openapi31.references import Node, References

URN = "urn:openapi31:document"
BRANCHES = ("allOf", "anyOf", "oneOf", "if", "then", "else")
TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}


class WriteOnly:
    """The keyword writeOnly in responses: refuses every value."""

    def __init__(self, _parent: dict[str, Node], value: Node, _path: list[str | int]) -> None:
        self._refuse = value is True

    def validate(self, _instance: Node) -> None:
        """Raise ValueError if the keyword is true."""
        if self._refuse:
            raise ValueError("is write-only")


class Schemas:
    """The validators of one document by pointer."""

    def __init__(self, references: References) -> None:
        self.references = references
        self._registry = jsonschema_rs.Registry([(URN, dict(references.root))], draft=jsonschema_rs.Draft202012)
        self._compiled: dict[tuple[str, bool], jsonschema_rs.Validator] = {}

    def validator(self, pointer: str, *, response: bool = False) -> jsonschema_rs.Validator:
        """Return the validator of the schema at a pointer; a response's refuses writeOnly properties."""
        pointer, _ = self._final(pointer)
        key = (pointer, response)
        if key not in self._compiled:
            self._compiled[key] = self._compile({"$ref": URN + pointer}, WriteOnly if response else None)
        return self._compiled[key]

    def object_of(self, pointers: Mapping[str, str]) -> jsonschema_rs.Validator:
        """Return a validator of objects whose properties have the schemas at these pointers."""
        return self._compile({"properties": {name: {"$ref": URN + pointer} for name, pointer in pointers.items()}})

    def _compile(self, schema: dict[str, Any], write_only: type[WriteOnly] | None = None) -> jsonschema_rs.Validator:
        return jsonschema_rs.Draft202012Validator(
            schema,
            registry=self._registry,
            validate_formats=True,
            offline=True,
            keywords={"writeOnly": write_only} if write_only else None,
        )

    def _final(self, pointer: str) -> tuple[str, Node]:
        """Follow `$ref` without siblings: only such a schema equals its target."""
        node = self.references.at(pointer)
        while isinstance(node, Mapping) and set(node) == {"$ref"}:
            pointer = node["$ref"]
            node = self.references.at(pointer)
        return pointer, node

    def variants(self, node: Node) -> Iterator[Node]:
        """Yield the schema and all schemas applied to the same value, through references and combinators."""
        pending, seen = [node], set()
        while pending:
            one = pending.pop()
            if not isinstance(one, Mapping) or id(one) in seen:
                continue
            seen.add(id(one))
            yield one
            pending += [self.references.at(one["$ref"])] if "$ref" in one else []
            for keyword in BRANCHES:
                branches = one.get(keyword, ())
                pending += branches if isinstance(branches, list) else [branches]

    def types(self, pointer: str) -> set[str]:
        """Return the JSON types that the schema allows, as far as it names them."""
        found: set[str] = set()
        for variant in self.variants(self.references.at(pointer)):
            declared = variant.get("type", [])
            found |= {declared} if isinstance(declared, str) else set(declared)
            values = [*variant.get("enum", ()), *([variant["const"]] if "const" in variant else ())]
            found |= {TYPES[type(value)] for value in values if type(value) in TYPES}
        return found

    def former_names(self, pointer: str) -> dict[str, str]:
        """Return the new name of each renamed property, by its former name: the schema's `x-former-names`."""
        variants = self.variants(self.references.at(pointer))
        return {former: name for variant in variants for former, name in variant.get("x-former-names", {}).items()}

    def items(self, pointer: str) -> str | None:
        """Return the pointer to the schema of an array's items."""
        pointer, node = self._final(pointer)
        return f"{pointer}/items" if "items" in node else None

    def known_properties(self, keyword_location: str | None) -> set[str]:
        """Return all property names of the schema that has this keyword."""
        if not keyword_location or not keyword_location.startswith(URN):
            return set()
        owner = keyword_location.removeprefix(URN).rpartition("/")[0]
        return {name for variant in self.variants(self.references.at(owner)) for name in variant.get("properties", ())}
