"""The document and the fixed table as the contract tests walk through them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.conformance import READ_DOCUMENT, STRICT_DOCUMENT

Node = Any
RAW: dict[str, Any] = dict(READ_DOCUMENT.raw)
COMPONENTS = RAW["components"]
METHODS = {"get", "put", "post", "delete", "patch"}
_ONE = {"not", "if", "then", "else", "items", "contains", "propertyNames", "additionalProperties"}
_MANY = {"allOf", "anyOf", "oneOf", "prefixItems"}
_NAMED = {"properties", "patternProperties", "dependentSchemas"}
_URI = "urn:document"
_REGISTRY: Registry[Any] = Registry().with_resource(_URI, DRAFT202012.create_resource(STRICT_DOCUMENT.raw))


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation as it stands in the document; parameters of its path included."""

    id: str
    method: str
    path: str
    raw: dict[str, Any]
    parameters: tuple[dict[str, Any], ...]

    @property
    def responses(self) -> dict[str, dict[str, Any]]:
        """Status → response, references followed."""
        return {status: resolved(response) for status, response in self.raw["responses"].items()}

    def has(self, name: str) -> bool:
        """Whether it takes a parameter of this name."""
        return any(parameter["name"] == name for parameter in self.parameters)

    def __str__(self) -> str:
        return self.id


@cache
def operations() -> tuple[Operation, ...]:
    """Every operation in the order of the document."""
    return tuple(
        Operation(raw["operationId"], method, path, raw, _parameters(item, raw))
        for path, item in RAW["paths"].items()
        for method, raw in item.items()
        if method in METHODS
    )


def _parameters(item: dict[str, Any], raw: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    return tuple(resolved(one) for one in (*item.get("parameters", ()), *raw.get("parameters", ())))


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    """The node, or what its `$ref` names."""
    while "$ref" in node:
        node = at(node["$ref"])
    return node


def at(pointer: str) -> Node:
    """What stands at `#/…`."""
    node: Node = RAW
    for step in pointer.removeprefix("#/").split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        node = node[int(name)] if isinstance(node, list) else node[name]
    return node


def below(pointer: str, *steps: str | int) -> str:
    """The pointer of a descendant."""
    return "/".join([pointer, *(str(step).replace("~", "~0").replace("/", "~1") for step in steps)])


def nodes(node: Node = RAW, pointer: str = "#") -> Iterator[tuple[str, Any]]:
    """Every mapping and list of the document, but for what is inside examples."""
    yield pointer, node
    children = node.items() if isinstance(node, dict) else enumerate(node)
    for name, child in children:
        inside_example = name in ("example", "examples") and not pointer.endswith("/properties")
        if isinstance(child, dict | list) and not inside_example:
            yield from nodes(child, below(pointer, name))


def roots() -> Iterator[tuple[str, Any]]:
    """Where schemas begin: named ones, and those of parameters, headers and media types."""
    for name, schema in COMPONENTS["schemas"].items():
        yield f"#/components/schemas/{name}", schema
    for pointer, node in nodes():
        if isinstance(node, dict) and "schema" in node and not pointer.startswith("#/components/schemas/"):
            yield below(pointer, "schema"), node["schema"]


def schemas() -> Iterator[tuple[str, Any]]:
    """Every schema of the document, at every depth, with its pointer."""
    for pointer, schema in roots():
        yield from within(schema, pointer)


def within(schema: Node, pointer: str) -> Iterator[tuple[str, Any]]:
    """A schema and all of its subschemas."""
    yield pointer, schema
    if isinstance(schema, dict):
        for child_pointer, child in _children(schema, pointer):
            yield from within(child, child_pointer)


def _children(schema: dict[str, Any], pointer: str) -> Iterator[tuple[str, Node]]:
    for word in _ONE & schema.keys():
        yield below(pointer, word), schema[word]
    for word in _MANY & schema.keys():
        yield from ((below(pointer, word, index), child) for index, child in enumerate(schema[word]))
    for word in _NAMED & schema.keys():
        yield from ((below(pointer, word, name), child) for name, child in schema[word].items())


def examples() -> Iterator[tuple[str, str, Any]]:
    """Every example: its own pointer, the pointer of the schema that it must satisfy, and the value."""
    for pointer, node in nodes():
        if isinstance(node, dict) and "schema" in node:
            yield from _examples_beside(pointer, node)
    for pointer, schema in schemas():
        if isinstance(schema, dict):
            for index, value in enumerate(schema.get("examples", ())):
                yield below(pointer, "examples", index), pointer, value


def _examples_beside(pointer: str, node: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    schema = below(pointer, "schema")
    if "example" in node:
        yield below(pointer, "example"), schema, node["example"]
    for name, example in node.get("examples", {}).items():
        yield below(pointer, "examples", name, "value"), schema, example["value"]


def faults(pointer: str, value: Node) -> list[str]:
    """How a value breaks the schema at a pointer; undocumented fields and unlisted values of responses do too."""
    validator = Draft202012Validator(
        {"$ref": f"{_URI}{pointer}"}, registry=_REGISTRY, format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    return [f"{fault.json_path}: {fault.message}" for fault in validator.iter_errors(value)]


def references(node: Node) -> set[str]:
    """Every `$ref` in a node, followed to the end."""
    found: set[str] = set()
    waiting = [node]
    while waiting:
        for _, one in nodes(waiting.pop()):
            if isinstance(one, dict) and isinstance(one.get("$ref"), str) and one["$ref"] not in found:
                found.add(one["$ref"])
                waiting.append(at(one["$ref"]))
    return found
