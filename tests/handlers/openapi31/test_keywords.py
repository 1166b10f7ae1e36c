# ruff: noqa: E501 - a table is read by its rows
"""Each keyword of JSON Schema 2020-12 in a request body: a valid value, an invalid one, and the error."""

import json
from typing import Any

import pytest

from handlers.openapi31 import Answer, Document, Options, build

from .conftest import Client, Json, on_error

JSON = {"Content-Type": "application/json"}
COMPONENTS = {
    "Tree": {
        "type": "object",
        "properties": {"kids": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}},
    },
    "Word": {"type": "string", "minLength": 2},
    "Cat": {
        "type": "object",
        "required": ["kind", "lives"],
        "additionalProperties": False,
        "properties": {"kind": {"type": "string", "const": "cat"}, "lives": {"type": "integer", "maximum": 9}},
    },
    "Dog": {
        "type": "object",
        "required": ["kind", "name"],
        "properties": {"kind": {"type": "string", "const": "dog"}, "name": {"$ref": "#/components/schemas/Word"}},
    },
    "Named": {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}},
}
CAT_OR_DOG = {"oneOf": [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}]}


def field(schema: Json) -> dict[str, Any]:
    return {"type": "object", "properties": {"x": schema}}


ROWS: list[tuple[str, Any, Any, Any, dict[str, str]]] = [
    ("type", field({"type": "integer"}), {"x": 1}, {"x": "1"}, {"x": "must be an integer"}),
    ("types", field({"type": ["string", "null"]}), {"x": None}, {"x": 1}, {"x": "must be a string or null"}),
    ("boolean", field({"type": "boolean"}), {"x": True}, {"x": 1}, {"x": "must be true or false"}),
    ("whole", {"type": "object"}, {}, [], {"body": "must be an object"}),
    ("null body", {"type": ["object", "null"]}, None, 1, {"body": "must be an object or null"}),
    ("integer 1.0", field({"type": "integer"}), {"x": 1.0}, {"x": 1.5}, {"x": "must be an integer"}),
    ("enum", field({"enum": ["a", "b", 3]}), {"x": 3}, {"x": "c"}, {"x": "must be a, b or 3"}),
    ("const", field({"type": "string", "const": "a"}), {"x": "a"}, {"x": "b"}, {"x": "must be a"}),
    ("pattern", field({"pattern": "^[a-z]+$"}), {"x": "a"}, {"x": "A"}, {"x": "must match ^[a-z]+$"}),
    ("minLength", field({"minLength": 1}), {"x": "a"}, {"x": ""}, {"x": "must have at least 1 character"}),
    ("maxLength", field({"maxLength": 2}), {"x": "ab"}, {"x": "abc"}, {"x": "must have at most 2 characters"}),
    ("minItems", field({"minItems": 2}), {"x": [1, 2]}, {"x": [1]}, {"x": "must have at least 2 items"}),
    ("maxItems", field({"maxItems": 1}), {"x": [1]}, {"x": [1, 2]}, {"x": "must have at most 1 item"}),
    ("minProperties", field({"minProperties": 2}), {"x": {"a": 1, "b": 1}}, {"x": {}}, {"x": "must have at least 2 properties"}),
    ("maxProperties", field({"maxProperties": 1}), {"x": {}}, {"x": {"a": 1, "b": 1}}, {"x": "must have at most 1 property"}),
    ("minimum", field({"minimum": 1}), {"x": 1}, {"x": 0}, {"x": "must be at least 1"}),
    ("maximum", field({"maximum": 1}), {"x": 1}, {"x": 2}, {"x": "must be at most 1"}),
    ("exclusiveMinimum", field({"exclusiveMinimum": 1}), {"x": 2}, {"x": 1}, {"x": "must be more than 1"}),
    ("exclusiveMaximum", field({"exclusiveMaximum": 1}), {"x": 0}, {"x": 1}, {"x": "must be less than 1"}),
    ("multipleOf", field({"multipleOf": 3}), {"x": 6}, {"x": 7}, {"x": "must be a multiple of 3"}),
    ("uniqueItems", field({"uniqueItems": True}), {"x": [1, 2]}, {"x": [1, 1]}, {"x": "must not hold the same item twice"}),
    ("contains", field({"contains": {"const": 1}}), {"x": [2, 1]}, {"x": [2]}, {"x": "lacks an item that it must hold"}),
    ("minContains", field({"contains": {"const": 1}, "minContains": 2}), {"x": [1, 1]}, {"x": [1]}, {"x": "lacks an item that it must hold"}),
    ("items", field({"items": {"type": "integer"}}), {"x": [1]}, {"x": [1, "a"]}, {"x.1": "must be an integer"}),
    ("prefixItems", field({"prefixItems": [{"type": "integer"}]}), {"x": [1]}, {"x": ["a"]}, {"x.0": "must be an integer"}),
    ("items false", field({"prefixItems": [{}], "items": False}), {"x": [1]}, {"x": [1, 2]}, {"x.1": "is not allowed here"}),
    ("unevaluatedItems", field({"prefixItems": [{}], "unevaluatedItems": False}), {"x": [1]}, {"x": [1, 2]}, {"x": "has more items than allowed"}),
    ("false", field(False), {}, {"x": 1}, {"x": "is not allowed here"}),
    ("not", field({"not": {"type": "null"}}), {"x": 1}, {"x": None}, {"x": "is a value that is not allowed"}),
    ("date-time", field({"format": "date-time"}), {"x": "2026-03-29T10:00:00Z"}, {"x": "yesterday"}, {"x": "must be a date and time such as 2026-03-29T10:00:00Z"}),
    ("uuid", field({"format": "uuid"}), {"x": "0190a2f4-0000-7000-8000-000000000000"}, {"x": "1"}, {"x": "must be a UUID"}),
    ("uri", field({"format": "uri"}), {"x": "https://a.example"}, {"x": "a b"}, {"x": "must be an absolute URL"}),
    ("other format", field({"format": "json-pointer"}), {"x": "/a"}, {"x": "a"}, {"x": "must be a valid json-pointer"}),
    ("required", {"required": ["a", "b"]}, {"a": 1, "b": 1}, {}, {"a": "is required", "b": "is required"}),
    ("nested required", field({"required": ["a"]}), {"x": {"a": 1}}, {"x": {}}, {"x.a": "is required"}),
    ("additionalProperties", {"properties": {"a": {}}, "additionalProperties": False}, {"a": 1}, {"b": 1, "c": 1}, {"b": "is not a known field", "c": "is not a known field"}),
    ("patternProperties", {"patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": False}, {"x-a": ""}, {"x-a": 1, "y": 1}, {"x-a": "must be a string", "y": "is not a known field"}),
    ("propertyNames", field({"propertyNames": {"pattern": "^[A-Z]+$"}}), {"x": {"A": 1}}, {"x": {"a": 1}}, {"x.a": "has a name that must match ^[A-Z]+$"}),
    ("dependentRequired", {"dependentRequired": {"a": ["b"]}}, {"a": 1, "b": 1}, {"a": 1}, {"b": "is required"}),
    ("dependentSchemas", {"dependentSchemas": {"a": {"required": ["b"]}}}, {}, {"a": 1}, {"b": "is required"}),
    ("then", {"if": {"required": ["a"]}, "then": {"required": ["b"]}}, {}, {"a": 1}, {"b": "is required"}),
    ("else", {"if": {"required": ["a"]}, "else": {"required": ["b"]}}, {"a": 1}, {}, {"b": "is required"}),
    ("allOf", field({"allOf": [{"minimum": 1}, {"multipleOf": 2}]}), {"x": 2}, {"x": -2}, {"x": "must be at least 1"}),
    ("recursion", {"$ref": "#/components/schemas/Tree"}, {"kids": [{"kids": []}]}, {"kids": [{"kids": 1}]}, {"kids.0.kids": "must be a list"}),
    ("$ref with sibling", field({"$ref": "#/components/schemas/Word", "minLength": 4}), {"x": "abcd"}, {"x": "abc"}, {"x": "must have at least 4 characters"}),
    ("target of such a $ref", field({"$ref": "#/components/schemas/Word", "maxLength": 4}), {"x": "ab"}, {"x": "a"}, {"x": "must have at least 2 characters"}),
    ("oneOf by its constant", field(CAT_OR_DOG), {"x": {"kind": "dog", "name": "Rex"}}, {"x": {"kind": "cat", "lives": 10, "name": "Tom"}}, {"x.lives": "must be at most 9", "x.name": "is not a known field"}),
    ("oneOf, other branch", field(CAT_OR_DOG), {"x": {"kind": "cat", "lives": 9}}, {"x": {"kind": "dog", "name": "R"}}, {"x.name": "must have at least 2 characters"}),
    ("oneOf by type", field({"oneOf": [{"type": "string"}, {"type": "integer"}]}), {"x": 1}, {"x": None}, {"x": "must be a string or an integer"}),
    ("oneOf twice", field({"oneOf": [{"type": "integer"}, {"minimum": 1}]}), {"x": 0}, {"x": 1}, {"x": "fits more than one of the forms it may have"}),
    ("nullable $ref", field({"anyOf": [{"$ref": "#/components/schemas/Cat"}, {"type": "null"}]}), {"x": None}, {"x": {"kind": "cat"}}, {"x.lives": "is required"}),
    ("nullable $ref by type", field({"anyOf": [{"$ref": "#/components/schemas/Cat"}, {"type": "null"}]}), {"x": None}, {"x": 1}, {"x": "must be an object or null"}),
    ("unevaluatedProperties", {"$ref": "#/components/schemas/Named", "unevaluatedProperties": False}, {"name": "a"}, {"nick": "a"}, {"nick": "is not a known field"}),
    ("unevaluatedProperties beside a fault", {"allOf": [{"$ref": "#/components/schemas/Named"}], "unevaluatedProperties": False}, {"name": "a"}, {"name": 1, "age": 2, "nick": "a"}, {"name": "must be a string", "nick": "is not a known field"}),
    ("all faults", {"required": ["a"], "properties": {"b": {"type": "string"}}}, {"a": 1}, {"b": 1}, {"a": "is required", "b": "must be a string"}),
]  # fmt: skip


def client_for(schema: Json) -> Client:
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    operation = {"operationId": "check", "requestBody": body, "responses": {"200": {"description": "Fine"}}}
    raw = {"openapi": "3.1.0", "paths": {"/check": {"post": operation}}, "components": {"schemas": COMPONENTS}}
    document = Document.load(json.dumps(raw).encode())
    return Client(build(document, {"check": lambda body: Answer(200, {"was": body})}, Options(errors=on_error)))


@pytest.mark.parametrize(("name", "schema", "good", "bad", "fields"), ROWS, ids=[row[0] for row in ROWS])
def test_a_body_is_validated_against_its_schema(
    name: str, schema: Json, good: Json, bad: Json, fields: dict[str, str]
) -> None:
    ask = client_for(schema)
    assert ask("POST", "/api/check", content=json.dumps(good), headers=JSON).json() == {"was": good}, name
    refused = ask("POST", "/api/check", content=json.dumps(bad), headers=JSON)
    assert (refused.status_code, refused.json()) == (422, {"kind": "InvalidBody", "fields": fields})


def test_a_body_with_thousands_of_wrong_values_is_refused_by_the_first() -> None:
    refused = client_for({"type": "array", "items": {"type": "integer"}})("POST", "/api/check", json=["a"] * 5000)
    assert refused.json()["fields"] == {"0": "must be an integer"}
