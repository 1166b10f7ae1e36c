"""The inputs of every rule are typed as the document declares them: bodies and query parameters as TypedDicts."""

import inspect
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import reduce
from importlib import import_module
from operator import or_
from typing import Any, Literal, TypedDict, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from tests.contract.reading import Operation, operations, resolved

RULES = [
    operation
    for operation in operations()
    if hasattr(import_module(f"domain.{operation.raw['tags'][0]}"), operation.id)
]
EVERY_RULE = pytest.mark.parametrize("operation", RULES, ids=str)
PLAIN = {"string": str, "integer": int, "number": float, "boolean": bool}


def _rule(operation: Operation) -> Callable[..., object]:
    rule: Callable[..., object] = getattr(import_module(f"domain.{operation.raw['tags'][0]}"), operation.id)
    return rule


def _handler_arguments(operation: Operation) -> set[str]:
    """The query parameters that the handler uses itself, such as `wait`."""
    handler = getattr(import_module(f"handlers.{operation.raw['tags'][0]}"), operation.id)
    return {
        parameter.name
        for parameter in inspect.signature(handler).parameters.values()
        if parameter.kind is not parameter.VAR_KEYWORD
    }


def _query(operation: Operation) -> dict[str, dict[str, Any]]:
    return {parameter["name"]: parameter["schema"] for parameter in operation.parameters if parameter["in"] == "query"}


def _keyword_inputs(rule: Callable[..., object]) -> Any:
    """The type of the rule's `**parameters`, None if it has none."""
    names = [
        parameter.name
        for parameter in inspect.signature(rule).parameters.values()
        if parameter.kind is parameter.VAR_KEYWORD
    ]
    return get_type_hints(rule)[names[0]] if names else None


def differences(hint: Any, schema: dict[str, Any], where: str) -> Iterator[str]:
    """Yield how a type differs from the values that a schema allows."""
    hint, nullable = _without_none(hint)
    plain, null_allowed = _without_null(schema)
    if nullable != null_allowed:
        yield f"{where}: None is {'allowed' if null_allowed else 'not allowed'} by the document"
    compare = {"array": _array_differences, "object": _object_differences}.get(plain["type"], _value_differences)
    yield from compare(hint, plain, where)


def _without_none(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) not in (Union, types.UnionType):
        return hint, False
    others = [member for member in get_args(hint) if member is not type(None)]
    return reduce(or_, others), len(others) < len(get_args(hint))


def _without_null(schema: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Return the schema without null, and whether null is allowed."""
    schema = resolved(schema)
    if "anyOf" in schema:
        (other,) = (member for member in schema["anyOf"] if member != {"type": "null"})
        return _without_null(other)[0], True
    if isinstance(schema["type"], list):
        (kind,) = set(schema["type"]) - {"null"}
        return {**schema, "type": kind}, True
    return schema, False


def _value_differences(hint: Any, schema: dict[str, Any], where: str) -> Iterator[str]:
    expected = PLAIN[schema["type"]]
    if "enum" in schema and _members(hint) != set(schema["enum"]):
        yield f"{where}: {hint} must be a Literal or StrEnum of {schema['enum']}"
    elif "enum" not in schema and hint is not expected:
        yield f"{where}: {hint} must be {expected.__name__}"


def _members(hint: Any) -> set[object]:
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return {member.value for member in hint}
    return set(get_args(hint)) if get_origin(hint) is Literal else set()


def _array_differences(hint: Any, schema: dict[str, Any], where: str) -> Iterator[str]:
    if get_origin(hint) not in (list, Sequence):
        yield f"{where}: {hint} must be a list"
    else:
        yield from differences(get_args(hint)[0], schema["items"], f"{where}[]")


def _object_differences(hint: Any, schema: dict[str, Any], where: str) -> Iterator[str]:
    if "properties" in schema:
        yield from typed_dict_differences(hint, schema["properties"], set(schema.get("required", ())), where)
    elif get_origin(hint) not in (dict, Mapping) or get_args(hint)[0] is not str:
        yield f"{where}: {hint} must be dict[str, …]"
    else:
        yield from differences(get_args(hint)[1], schema["additionalProperties"], f"{where}.*")


def typed_dict_differences(
    hint: Any, properties: Mapping[str, dict[str, Any]], required: set[str], where: str
) -> Iterator[str]:
    """Yield how a TypedDict differs from an object: name (`where`, if it has no dots), keys, required keys, types."""
    if not is_typeddict(hint):
        yield f"{where}: {hint} must be the TypedDict of this name"
        return
    if "." not in where and hint.__name__ != where:
        yield f"{where}: {hint.__name__} must have this name"
    if hint.__required_keys__ != required:
        yield f"{where}: required are {sorted(hint.__required_keys__)}, in the document {sorted(required)}"
    hints = get_type_hints(hint)
    if hints.keys() != properties.keys():
        yield f"{where}: has {sorted(hints)}, the document has {sorted(properties)}"
    for key in hints.keys() & properties.keys():
        yield from differences(hints[key], properties[key], f"{where}.{key}")


@EVERY_RULE
def test_the_body_of_a_rule_is_the_typed_dict_of_its_schema(operation: Operation) -> None:
    hint = get_type_hints(_rule(operation)).get("body")
    request = resolved(operation.raw.get("requestBody", {}))
    if not request:
        assert hint is None, f"{operation.id} takes a body that the document does not declare"
        return
    assert hint is not None, f"the rule {operation.id} must take `body`"
    required = request.get("required", False)
    hint, optional = _without_none(hint)
    assert optional is not required, "a body is `… | None` exactly when the document does not require it"
    if request.get("x-raw-body"):
        assert hint is bytes, "the rule checks the signature of the bytes before it reads them"
        return
    schema = next(iter(request["content"].values()))["schema"]
    assert not list(differences(hint, schema, schema["$ref"].rpartition("/")[2]))


@EVERY_RULE
def test_the_query_of_a_rule_is_that_of_the_document(operation: Operation) -> None:
    """A paged list takes `**parameters: Unpack[<OperationId>Parameters]`; other rules may name their parameters."""
    rule, declared = _rule(operation), _query(operation)
    hints, keywords = get_type_hints(rule), _keyword_inputs(rule)
    named = declared.keys() & inspect.signature(rule).parameters.keys()
    problems = [line for name in named for line in differences(_optional(rule, name, hints), declared[name], name)]
    rest = {name: schema for name, schema in declared.items() if name not in named | _handler_arguments(operation)}
    if keywords is not None or "per_page" in declared:
        name = f"{operation.id.title().replace('_', '')}Parameters"
        unpacked = get_args(keywords)[0] if get_args(keywords) else keywords
        problems += typed_dict_differences(unpacked, rest, set(), name)
    else:
        problems += [f"{operation.id}: no parameter {name}" for name in rest]
    assert not problems


def _optional(rule: Callable[..., object], name: str, hints: Mapping[str, Any]) -> Any:
    """The type of a named parameter; its default None says that the client sent nothing."""
    absent = inspect.signature(rule).parameters[name].default is None
    return _without_none(hints[name])[0] if absent else hints[name]


class _Size(TypedDict):
    width: int


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        (str, {"type": "integer"}),
        (str | None, {"type": "string"}),
        (str, {"type": ["string", "null"]}),
        (str, {"type": "string", "enum": ["a"]}),
        (Literal["a"], {"type": "string", "enum": ["a", "b"]}),
        (list[int], {"type": "array", "items": {"type": "string"}}),
        (dict[str, int], {"type": "object", "additionalProperties": {"type": "string"}}),
        (dict[str, Any], {"type": "object", "properties": {"width": {"type": "integer"}}}),
        (_Size, {"type": "object", "properties": {"width": {"type": "integer"}}}),
        (_Size, {"type": "object", "properties": {"width": {"type": "number"}}, "required": ["width"]}),
        (_Size, {"type": "object", "properties": {"height": {"type": "integer"}}, "required": ["width"]}),
    ],
)
def test_a_type_that_differs_from_its_schema_is_reported(hint: Any, schema: dict[str, Any]) -> None:
    assert list(differences(hint, schema, "body.size"))


def test_a_type_that_equals_its_schema_is_not_reported() -> None:
    size = {"type": "object", "properties": {"width": {"type": "integer"}}, "required": ["width"]}
    many = {"type": "array", "items": {"anyOf": [size, {"type": "null"}]}}
    assert not list(differences(list[_Size | None], many, "body.sizes"))
