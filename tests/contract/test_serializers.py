"""Every JSON schema that a handler returns has one serializer, a function with the schema's name in snake_case."""

import re
from collections.abc import Callable
from importlib import import_module
from inspect import getmembers, isfunction
from pathlib import Path

import pytest

from handlers import serializers
from tests.contract.reading import Operation, operations, resolved

FOLDER = Path(serializers.__file__ or "").parent
MODULES = [import_module(f"handlers.serializers.{path.stem}") for path in sorted(FOLDER.glob("[!_]*.py"))]
SERIALIZERS: dict[str, list[Callable[..., object]]] = {}
for module in MODULES:
    for name, function in getmembers(module, isfunction):
        if function.__module__ == module.__name__ and not name.startswith("_"):
            SERIALIZERS.setdefault(name, []).append(function)


def _schemas(operation: Operation) -> set[str]:
    """The names of the schemas of successful JSON responses; a page's name is that of its items."""
    references = [
        response["content"]["application/json"]["schema"]["$ref"]
        for status, response in operation.responses.items()
        if status.startswith("2") and "application/json" in response.get("content", {})
    ]
    return {_item_name(reference).rpartition("/")[2] for reference in references}


def _item_name(reference: str) -> str:
    properties = resolved({"$ref": reference})["properties"]
    is_page = properties.keys() == {"data", "total", "page", "per_page", "has_more"}
    item: str = properties["data"]["items"]["$ref"] if is_page else reference
    return item


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


@pytest.mark.parametrize("operation", operations(), ids=str)
def test_each_response_schema_has_exactly_one_serializer_of_its_name(operation: Operation) -> None:
    found = {schema: len(SERIALIZERS.get(_snake_case(schema), ())) for schema in _schemas(operation)}
    assert found == dict.fromkeys(found, 1)


def test_pages_are_recognised_by_their_properties() -> None:
    listed = {schema for operation in operations() for schema in _schemas(operation)}
    assert {"ServiceSummary", "Service", "Operation"} <= listed
    assert not {schema for schema in listed if schema.endswith("List")}
