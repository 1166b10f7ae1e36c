# ruff: noqa: E501 - a table is read by its rows
"""Documents: reading valid ones and refusing those that cannot be served."""

import json
from typing import Any

import pytest

from handlers.openapi31 import Answer, Document, DocumentError, Options, build
from handlers.openapi31.document import Specification
from handlers.openapi31.references import References, below, keys_of

from .conftest import Json


def document(paths: dict[str, Any], **more: Json) -> Document:
    return Document.load(json.dumps({"openapi": "3.1.0", "paths": paths, **more}).encode())


def build_all(read: Document) -> None:
    handlers = {operation.operation_id: lambda **_: Answer() for operation in read.operations()}
    build(read, handlers, Options(errors=lambda *_: Answer(500)))


def test_an_operation_has_the_values_of_the_document(document: Document) -> None:
    listed = document.operation("list_pets")
    assert (listed.method, listed.path, listed.tag) == ("GET", "/pets", "pets")
    assert listed.raw["x-note"] == "read by whoever likes"
    assert listed.security == ()
    assert listed.parameters[0].name == "page"
    assert set(listed.responses) == {"200", "4XX", "5XX"}


def test_operations_come_in_the_order_of_the_document(document: Document) -> None:
    assert [operation.operation_id for operation in document.operations()][:3] == [
        "list_pets",
        "create_pet",
        "check_pet",
    ]


def test_parameters_of_a_path_apply_to_its_operations(document: Document) -> None:
    names = [(parameter.where, parameter.argument) for parameter in document.operation("get_pet").parameters]
    assert names[0] == ("path", "pet_id")
    assert ("header", "if_none_match") in names


def test_the_documents_security_applies_if_the_operation_has_none(document: Document) -> None:
    assert document.operation("create_pet").security == ({"bearerAuth": ()}, {"cookieAuth": ()})
    assert document.operation("change_pet").security == ({"bearerAuth": ("pets.write",)},)


def test_connexion_gets_parameters_and_bodies_inlined_and_schemas_as_they_are(document: Document) -> None:
    listed = Specification(document).get_operation("/pets", "get")
    assert listed["parameters"][0]["name"] == "page"
    assert listed["parameters"][0]["schema"] == {"$ref": "#/components/schemas/Page"}
    assert listed["responses"]["4XX"]["description"] == "No"


def test_yaml_is_read_as_json_would_be() -> None:
    text = (
        b"openapi: 3.1.0\nx: {day: 2026-03-29, time: 10:30, on: off, code: 010, n: 10, f: 1.5, b: true, z: ~, 200: a}"
    )
    assert Document.load(text).raw["x"] == {
        "day": "2026-03-29",
        "time": "10:30",
        "on": "off",
        "code": "010",
        "n": 10,
        "f": 1.5,
        "b": True,
        "z": None,
        "200": "a",
    }


def test_yaml_merge_keys_are_kept() -> None:
    raw = Document.load(b"openapi: 3.1.0\nx-a: &a {b: 1, c: 1}\nx-d: {<<: *a, c: 2}").raw
    assert raw["x-d"] == {"b": 1, "c": 2}


def test_a_key_written_twice_is_an_error() -> None:
    with pytest.raises(DocumentError, match="twice"):
        Document.load(b"openapi: 3.1.0\npaths: {}\npaths: {}")


@pytest.mark.parametrize("version", ["openapi: 3.0.3", "swagger: '2.0'", "openapi: 3.2.0", "a: b"])
def test_only_3_1_is_served(version: str) -> None:
    with pytest.raises(DocumentError, match=r"3\.1"):
        Document.load(version.encode())


def test_a_pointer_reaches_keys_with_slashes_tildes_and_braces() -> None:
    pointer = below("#/paths", "/a~b/{c}", 0)
    assert list(keys_of(pointer)) == ["paths", "/a~b/{c}", "0"]
    assert References({"paths": {"/a~b/{c}": [7]}}).at(pointer) == 7


PATH = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
BROKEN: list[tuple[str, dict[str, Any], str]] = [
    ("no operationId", {"/a": {"get": {}}}, "operationId"),
    ("operationId twice", {"/a": {"get": {"operationId": "x"}}, "/b": {"get": {"operationId": "x"}}}, "twice"),
    ("unknown scheme", {"/a": {"get": {"operationId": "x", "security": [{"none": []}]}}}, "none"),
    ("path parameter not declared", {"/a/{id}": {"get": {"operationId": "x"}}}, "the path names"),
    ("path parameter too many", {"/a": {"get": {"operationId": "x", "parameters": [PATH]}}}, "the path names"),
    ("broken $ref", {"/a": {"get": {"operationId": "x", "parameters": [{"$ref": "#/components/no"}]}}}, "nothing"),
    ("$ref elsewhere", {"/a": {"get": {"operationId": "x", "parameters": [{"$ref": "b.yaml"}]}}}, "another document"),
    ("parameter without schema", {"/a": {"get": {"operationId": "x", "parameters": [{"name": "a", "in": "query", "content": {}}]}}}, "schema"),
    ("unusual style", {"/a": {"get": {"operationId": "x", "parameters": [{"name": "a", "in": "query", "style": "deepObject", "schema": {}}]}}}, "style"),
    ("one argument twice", {"/a": {"get": {"operationId": "x", "parameters": [{"name": n, "in": "header", "schema": {}} for n in ("A-B", "A_B")]}}}, "same argument"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "paths", "message"), BROKEN, ids=[row[0] for row in BROKEN])
def test_a_document_that_cannot_be_served_is_refused(name: str, paths: dict[str, Any], message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        document(paths)


UNBUILDABLE: list[tuple[str, dict[str, Any], str]] = [
    ("same path twice", {f"/a/{{{n}}}": {m: {"operationId": n, "parameters": [{**PATH, "name": n}]}} for n, m in (("x", "get"), ("y", "put"))}, "same path"),
    ("part of a segment", {"/a/{id}.json": {"get": {"operationId": "x", "parameters": [PATH]}}}, "whole segment"),
    ("object as parameter", {"/a": {"get": {"operationId": "x", "parameters": [{"name": "a", "in": "query", "schema": {"type": "object"}}]}}}, "object"),
    ("parameter called body", {"/a": {"get": {"operationId": "x", "parameters": [{"name": "body", "in": "query", "schema": {"type": "string"}}]}}}, "called body"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "paths", "message"), UNBUILDABLE, ids=[row[0] for row in UNBUILDABLE])
def test_a_document_that_cannot_be_built_is_refused_at_start(name: str, paths: dict[str, Any], message: str) -> None:
    read = document(paths)
    with pytest.raises(DocumentError, match=message):
        build_all(read)


def test_a_schema_that_refers_to_nothing_is_refused_at_start() -> None:
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Gone"}}}}
    with pytest.raises(DocumentError, match="Gone"):
        build_all(document({"/a": {"post": {"operationId": "x", "requestBody": body}}}))
