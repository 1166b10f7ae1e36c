"""Every schema of the document says what it means, in words that validators and generators of clients share."""

from collections.abc import Callable, Iterator
from typing import Any

from tests.contract.reading import COMPONENTS, examples, faults, operations, references, resolved, schemas, within

NUMBERS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
WORDS: dict[str, set[str]] = {
    "string": {"pattern", "minLength", "maxLength", "format"},
    "integer": NUMBERS,
    "number": NUMBERS,
    "boolean": set(),
    "null": set(),
    "array": {"items", "minItems", "maxItems", "uniqueItems"},
    "object": {
        "properties",
        "required",
        "additionalProperties",
        "propertyNames",
        "minProperties",
        "maxProperties",
        "allOf",
        "not",
    },
}
ANYWHERE = {"type", "description", "examples", "enum", "const", "default"}
CONDITIONS = {"if", "then", "else", "not", "anyOf", "allOf", "required", "properties"}
SCHEMAS = list(schemas())
CONDITIONAL = {"not", "if", "then", "else", "allOf"}


def _is_condition(pointer: str) -> bool:
    """Whether a schema only narrows the one around it."""
    return not CONDITIONAL.isdisjoint(pointer.split("/"))


def _types(schema: dict[str, Any]) -> list[str]:
    named = schema.get("type", [])
    return [named] if isinstance(named, str) else named


def _plain() -> Iterator[tuple[str, dict[str, Any]]]:
    return ((pointer, schema) for pointer, schema in SCHEMAS if not isinstance(schema, bool))


def _wrong(holds: Callable[[str, dict[str, Any]], bool], conditions: bool = True) -> list[str]:
    """Where a rule does not hold."""
    return [
        pointer
        for pointer, schema in _plain()
        if (conditions or not _is_condition(pointer)) and not holds(pointer, schema)
    ]


def test_there_are_schemas_to_look_at() -> None:
    assert len(SCHEMAS) > 300


def test_only_further_properties_are_refused_by_a_boolean() -> None:
    """Any other boolean subschema loses operations in generated clients."""
    booleans = {pointer: schema for pointer, schema in SCHEMAS if isinstance(schema, bool)}
    assert set(booleans.values()) == {False}
    assert not [pointer for pointer in booleans if not pointer.endswith("/additionalProperties")]


def test_a_schema_is_a_reference_or_a_choice_or_has_a_type() -> None:
    def holds(_: str, schema: dict[str, Any]) -> bool:
        for word in ("$ref", "anyOf"):
            if word in schema:
                return schema.keys() <= {word, "description"}
        return bool(_types(schema))

    assert not _wrong(holds, conditions=False)


def test_a_schema_uses_only_words_that_mean_something_for_its_type() -> None:
    """Catches misspelt words, 3.0's `nullable`, and `$id`, `$anchor`, `$defs`."""

    def holds(pointer: str, schema: dict[str, Any]) -> bool:
        known = set().union(*(WORDS[name] for name in _types(schema))) | ANYWHERE
        return schema.keys() <= known | {"$ref", "anyOf"} | (CONDITIONS if _is_condition(pointer) else set())

    assert not _wrong(holds)


def test_null_is_never_alone() -> None:
    def holds(pointer: str, schema: dict[str, Any]) -> bool:
        types = _types(schema)
        return "/anyOf/" in pointer if types == ["null"] else len(types) < 2 or (len(types) == 2 and "null" in types)

    assert not _wrong(holds)


def test_the_members_of_a_choice_have_names() -> None:
    def holds(_: str, schema: dict[str, Any]) -> bool:
        return all("$ref" in one or one == {"type": "null"} for one in schema.get("anyOf", ()))

    assert not _wrong(holds, conditions=False)


def test_constants_stand_beside_their_type_and_defaults_fit() -> None:
    def holds(pointer: str, schema: dict[str, Any]) -> bool:
        values = [*schema.get("enum", ()), *([schema["const"]] if "const" in schema else ())]
        fits = all(_types(schema) == [{str: "string", bool: "boolean"}[type(value)]] for value in values)
        return fits and ("default" not in schema or not faults(pointer, schema["default"]))

    assert not _wrong(holds)


def test_required_properties_exist() -> None:
    def holds(pointer: str, schema: dict[str, Any]) -> bool:
        named = resolved({"$ref": "/".join(pointer.split("/")[:4])}) if _is_condition(pointer) else schema
        return set(schema.get("required", ())) <= named.get("properties", {}).keys()

    assert not _wrong(holds)


def test_objects_say_what_else_they_may_hold_and_arrays_what_they_hold() -> None:
    needed = {"object": "additionalProperties", "array": "items"}
    assert not _wrong(lambda _, schema: all(needed.get(name, "type") in schema for name in _types(schema)), False)


def _sent() -> Iterator[tuple[str, Any]]:
    """Every schema of what callers send: bodies and parameters."""
    for operation in operations():
        for content in operation.raw.get("requestBody", {}).get("content", {}).values():
            for name in references(content["schema"]):
                yield from within(resolved({"$ref": name}), name)
        for parameter in operation.parameters:
            yield f"{operation}: {parameter['name']}", resolved(parameter["schema"])


def test_everything_that_callers_send_has_bounds() -> None:
    bounds = {
        "string": {"maxLength", "enum", "const", "format"},
        "integer": {"maximum"},
        "number": {"maximum"},
        "array": {"maxItems"},
    }

    def bounded(schema: dict[str, Any]) -> bool:
        open_object = "object" in _types(schema) and schema["additionalProperties"] is not False
        each = all(name not in bounds or schema.keys() & bounds[name] for name in _types(schema))
        return each and (not open_object or {"maxProperties", "propertyNames"} <= schema.keys())

    sent = dict(_sent())
    assert len(sent) > 100
    assert not [
        where for where, one in sent.items() if isinstance(one, dict) and not _is_condition(where) and not bounded(one)
    ]


def test_every_example_fits_its_schema() -> None:
    shown = list(examples())
    assert len(shown) > 80
    assert not {pointer: wrong for pointer, schema, value in shown if (wrong := faults(schema, value))}


def test_everything_that_is_sent_or_answered_by_name_is_shown() -> None:
    bodies = [
        content["schema"]["$ref"].rpartition("/")[2]
        for operation in operations()
        for one in (operation.raw.get("requestBody", {}), *operation.responses.values())
        for content in one.get("content", {}).values()
        if "$ref" in content["schema"]
    ]
    assert not [name for name in set(bodies) if not COMPONENTS["schemas"][name].get("examples")]
