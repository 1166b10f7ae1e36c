"""Every schema of the document says what it means, in words that validators and generators of clients share."""

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from tests.conformance import CHECKS, COMMON_HEADERS, STRICT_DOCUMENT
from tests.contract.reading import COMPONENTS, examples, faults, operations, references, resolved, schemas, within

NUMBERS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
WORDS: dict[str, set[str]] = {
    "string": {"pattern", "minLength", "maxLength", "format"},
    "integer": NUMBERS | {"format"},
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
        "x-former-names",
        "maxProperties",
        "allOf",
        "not",
    },
}
ANYWHERE = {"type", "description", "examples", "enum", "const", "default", "x-extensible-enum", "x-enum-varnames"}
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


def test_objects_have_properties_or_are_maps_and_arrays_say_what_they_hold() -> None:
    def holds(_: str, schema: dict[str, Any]) -> bool:
        needed = {"object": {"properties", "additionalProperties"}, "array": {"items"}}
        return all(name not in needed or schema.keys() & needed[name] for name in _types(schema))

    assert not _wrong(holds, conditions=False)


OF_OTHER_SERVERS = {"PushDelivery", "PushForm"}
"""Bodies that Git servers send, with fields of their own: they are not checked by their schema, but by their rule."""


def _sent() -> Iterator[tuple[str, Any]]:
    """Every schema of what callers send: bodies and parameters."""
    for operation in operations():
        for content in operation.raw.get("requestBody", {}).get("content", {}).values():
            for name in references(content["schema"]):
                yield from within(resolved({"$ref": name}), name)
        for parameter in operation.parameters:
            yield f"{operation}: {parameter['name']}", resolved(parameter["schema"])


def _requests() -> set[str]:
    """The names of all schemas in requests and in commands to the WebSocket."""
    bodies = [operation.raw.get("requestBody", {}) for operation in operations()]
    commands = [operation.raw.get("x-messages", {}).get("from_client", {}) for operation in operations()]
    return {name.rpartition("/")[2] for name in references([*bodies, *commands])}


def test_requests_are_closed_and_responses_open() -> None:
    """A misspelt field of a request is an error; a field that a later panel adds to a response is none."""
    assert {"ServiceCreate", "SocketCommand"} <= _requests()
    for pointer, schema in _plain():
        if "properties" in schema and not _is_condition(pointer):
            closed = schema.get("additionalProperties") is False
            assert closed == (pointer.split("/")[3] in _requests() - OF_OTHER_SERVERS), pointer


def test_values_of_responses_can_be_added() -> None:
    """Only what callers send has closed lists; lists in responses are `x-extensible-enum`, and each is named."""
    for pointer, schema in _plain():
        if pointer.startswith("#/components/schemas/") and not _is_condition(pointer):
            assert pointer.split("/")[3] in _requests() or not schema.keys() & {"enum", "const"}, pointer
            assert "x-extensible-enum" not in schema or _describes_values(schema), pointer


def _describes_values(schema: dict[str, Any]) -> bool:
    values = schema["x-extensible-enum"]
    return len(values) in (1, *range(13, 100)) or all(f"`{value}`" in schema["description"] for value in values)


def test_objects_and_lists_of_values_in_components_have_names() -> None:
    """Generators invent names for inline ones, which change with every other schema."""
    for pointer, schema in _plain():
        if pointer.startswith("#/components/schemas/") and not _is_condition(pointer):
            assert pointer.count("/") == 3 or not schema.keys() & {"properties", "enum"}, pointer


def test_the_only_choice_is_between_an_object_and_null() -> None:
    for pointer, schema in _plain():
        if "anyOf" in schema and not _is_condition(pointer):
            named, null = schema["anyOf"]
            assert resolved(named)["type"] == "object", pointer
            assert null == {"type": "null"}, pointer


def test_sequence_numbers_and_counters_have_64_bits() -> None:
    names = {"seq", "after", "next_after", "latest", "number", "total", "version", "restarts", "requestCount"}
    properties = {
        pointer: resolved(schema) for pointer, schema in _plain() if pointer.rpartition("/properties/")[2] in names
    }
    parameters = {
        f"{operation} {parameter['name']}": resolved(parameter["schema"])
        for operation in operations()
        for parameter in operation.parameters
        if parameter["name"] in names
    }
    counted = {name: schema for name, schema in (properties | parameters).items() if "integer" in _types(schema)}
    assert len(counted) > 15
    assert not [name for name, schema in counted.items() if schema.get("format") != "int64"]


def test_fields_of_bodies_have_no_default() -> None:
    """Generators make such a field required; its description names the default."""
    assert not [
        pointer for pointer, schema in _plain() if pointer.startswith("#/components/schemas/") and "default" in schema
    ]


def test_the_fields_to_sort_by_have_names_for_constants() -> None:
    """`name` cannot be a constant in Kotlin."""
    for operation in operations():
        for parameter in operation.parameters:
            if parameter["name"] == "sort":
                schema = parameter["schema"]
                assert schema["x-enum-varnames"] == [f"by_{value}" for value in schema["enum"]]
                assert any(f"Defaults to `{value}`." in parameter["description"] for value in schema["enum"])


def test_no_two_named_lists_share_a_value() -> None:
    """Go's generators make constants of the values alone, or of `x-enum-varnames`, which is one name for each."""
    lists = [schema for schema in COMPONENTS["schemas"].values() if "enum" in schema]
    assert all(len(schema["enum"]) == len(schema.get("x-enum-varnames", schema["enum"])) for schema in lists)
    named = [name for schema in lists for name in schema.get("x-enum-varnames", schema["enum"])]
    assert len(named) == len(set(named))


def test_an_undocumented_field_or_value_of_a_response_is_reported() -> None:
    schema, health = "#/components/schemas/Health", {"status": "ok", "version": "1"}
    assert not faults(schema, health)
    assert faults(schema, {**health, "colour": "green"})
    assert faults(schema, {**health, "status": "green"})
    get_health = next(operation for operation in STRICT_DOCUMENT.operations() if operation.operation_id == "get_health")
    headers = dict.fromkeys((*COMMON_HEADERS, "content-type"), "1") | {"content-type": "application/json"}
    assert not CHECKS.check(get_health, 200, headers, orjson.dumps(health))
    assert CHECKS.check(get_health, 200, headers, orjson.dumps({**health, "colour": "green"}))


def test_everything_that_callers_send_has_bounds() -> None:
    bounds = {
        "string": {"maxLength", "enum", "const", "format"},
        "integer": {"maximum"},
        "number": {"maximum"},
        "array": {"maxItems"},
    }

    def bounded(schema: dict[str, Any]) -> bool:
        open_object = "object" in _types(schema) and schema.get("additionalProperties") is not False
        each = all(name not in bounds or schema.keys() & bounds[name] for name in _types(schema))
        return each and (not open_object or {"maxProperties", "propertyNames"} <= schema.keys())

    sent = {where: schema for where, schema in _sent() if where.rpartition("/")[2] not in OF_OTHER_SERVERS}
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
