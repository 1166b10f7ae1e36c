"""The operations of a document as data; references to parameters, bodies, responses and headers are resolved."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from handlers.openapi31.errors import DocumentError
from handlers.openapi31.references import Node, References, below

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
LEFT_TO_HTTP = {"accept", "content-type", "authorization"}
STYLES = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A declared parameter; `argument` is its name in handlers."""

    name: str
    where: str
    argument: str
    required: bool
    explode: bool
    schema: str
    """The pointer to its schema, like every `schema` in this module."""


@dataclass(frozen=True, slots=True)
class Body:
    """A request body: for each media type the pointer to its schema, None if it has none.

    With `raw` (`x-raw-body` in the document) the handler gets the bytes as they were sent, unchecked.
    """

    required: bool
    content: Mapping[str, str | None]
    raw: bool = False


@dataclass(frozen=True, slots=True)
class Header:
    """A declared response header."""

    required: bool
    schema: str | None


@dataclass(frozen=True, slots=True)
class Response:
    """A declared response of one status."""

    content: Mapping[str, str | None]
    headers: Mapping[str, Header]


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One method of one path; `raw` is its node in the document, with its extensions."""

    operation_id: str
    tag: str
    method: str
    path: str
    raw: Mapping[str, Node]
    parameters: tuple[Parameter, ...]
    body: Body | None
    responses: Mapping[str, Response]
    security: tuple[Mapping[str, tuple[str, ...]], ...]


def read_operations(references: References) -> Iterator[Operation]:
    """Yield all operations in the order of the document."""
    for path in references.root.get("paths", {}):
        item = below("#/paths", path)
        for method in references.at(item):
            if method in METHODS:
                yield _operation(references, item, path, method)


def _operation(references: References, item: str, path: str, method: str) -> Operation:
    pointer = below(item, method)
    raw = references.at(pointer)
    if "operationId" not in raw:
        raise DocumentError(f"{method.upper()} {path} has no operationId")
    security = raw.get("security", references.root.get("security", []))
    operation = Operation(
        operation_id=raw["operationId"],
        tag=next(iter(raw.get("tags", ())), ""),
        method=method.upper(),
        path=path,
        raw=raw,
        parameters=tuple(_parameters(references, item, pointer)),
        body=_body(references, pointer) if "requestBody" in raw else None,
        responses={str(status): _response(references, pointer, status) for status in raw.get("responses", {})},
        security=tuple({name: tuple(scopes) for name, scopes in alternative.items()} for alternative in security),
    )
    _check(operation)
    return operation


def _check(operation: Operation) -> None:
    in_path = set(re.findall(r"{([^}]+)}", operation.path))
    declared = {parameter.name for parameter in operation.parameters if parameter.where == "path"}
    if in_path != declared:
        raise DocumentError(
            f"{operation.operation_id}: the path names {in_path or None}, declared are {declared or None}"
        )
    arguments = [parameter.argument for parameter in operation.parameters]
    if len(set(arguments)) < len(arguments):
        raise DocumentError(f"{operation.operation_id}: two parameters become the same argument: {sorted(arguments)}")


def _parameters(references: References, item: str, pointer: str) -> Iterator[Parameter]:
    found: dict[tuple[str, str], Parameter] = {}
    for owner in (item, pointer):
        for index in range(len(references.at(owner).get("parameters", ()))):
            where, node = references.follow(below(owner, "parameters", index))
            if node["in"] != "header" or node["name"].lower() not in LEFT_TO_HTTP:
                found[node["in"], node["name"]] = _parameter(where, node)
    return iter(found.values())


def _parameter(pointer: str, node: Node) -> Parameter:
    name, where = node["name"], node["in"]
    style = node.get("style", STYLES[where])
    if "schema" not in node or style != STYLES[where]:
        raise DocumentError(f"{pointer}: parameter {name} needs a schema, and its style must be {STYLES[where]}")
    return Parameter(
        name=name,
        where=where,
        argument=_snake_case(name),
        required=node.get("required", False),
        explode=node.get("explode", style == "form"),
        schema=below(pointer, "schema"),
    )


def _snake_case(name: str) -> str:
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", "_", name)
    return apart.strip("_").lower()


def _body(references: References, pointer: str) -> Body:
    where, node = references.follow(below(pointer, "requestBody"))
    return Body(node.get("required", False), _content(where, node), raw=node.get("x-raw-body", False))


def _response(references: References, pointer: str, status: str) -> Response:
    where, node = references.follow(below(pointer, "responses", status))
    return Response(_content(where, node), dict(_headers(references, where, node)))


def _content(pointer: str, node: Node) -> dict[str, str | None]:
    return {
        media_type.lower(): below(pointer, "content", media_type, "schema") if "schema" in (value or {}) else None
        for media_type, value in node.get("content", {}).items()
    }


def _headers(references: References, pointer: str, node: Node) -> Iterator[tuple[str, Header]]:
    for name in node.get("headers", {}):
        where, header = references.follow(below(pointer, "headers", name))
        schema = below(where, "schema") if "schema" in header else None
        yield name.lower(), Header(header.get("required", False), schema)
