"""Hostile texts in every text field of every body and in every part of a URL."""

import copy
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from handlers.openapi31.operations import Operation
from tests.calls import OPERATIONS, operations_with_body, prepare_targets
from tests.panel import Panel

TEXTS = [
    ";id",
    "|id",
    "&id",
    "$(id)",
    "`id`",
    "a\nb",
    "a\r\nX-Injected: 1",
    "a\tb",
    "a\0b",
    "'",
    '"',
    "\\",
    "\u2018\u201d",
    "-rf",
    "--privileged",
    "../../etc/passwd",
    "%s%n%x",
    "{{7*7}}${7*7}",
    "' OR 1=1 --",
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "\u202egnp.exe",
    "\U0001f600",
    "x" * 65536,
]
REFUSALS = {400, 404, 409, 413, 422}
Place = tuple[str | int, ...]


def _bodies(operation: Operation) -> Iterator[dict[str, Any]]:
    """Yield the examples of an operation's body."""
    content = operation.raw["requestBody"]["content"]["application/json"]
    yield from (
        example["value"] for example in content.get("examples", {"": {"value": content.get("example")}}).values()
    )


def _hostile_bodies(operation: Operation) -> Iterator[dict[str, Any]]:
    """Yield each example with each hostile text in each place."""
    for example in _bodies(operation):
        for place in _places(example):
            yield from (_put(example, place, text) for text in TEXTS)


def _places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Yield the path of every text in a body."""
    if isinstance(value, str):
        yield place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in items:
        yield from _places(child, (*place, name))


def _put(value: dict[str, Any], place: Place, text: str) -> dict[str, Any]:
    changed = copy.deepcopy(value)
    inner: Any = changed
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = text
    return changed


@pytest.mark.parametrize("operation", operations_with_body(), ids=lambda operation: operation.operation_id)
def test_hostile_texts_in_any_field_are_refused_or_stored_as_text(
    panel: Panel, operation: Operation, caplog: pytest.LogCaptureFixture
) -> None:
    targets = prepare_targets(panel, operation)
    for sent in _hostile_bodies(operation):
        response = targets.send(panel, operation, json=sent)
        assert response.is_success or response.status_code in REFUSALS, f"{str(sent)[:200]}: {response.text}"
        assert "x-injected" not in response.headers
    panel.work()
    assert not [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.operation_id)
def test_hostile_texts_in_any_part_of_a_url_are_refused(panel: Panel, operation: Operation) -> None:
    targets = prepare_targets(panel, operation)
    for text in (text for text in TEXTS if len(text) < 1000):
        for parameter in operation.parameters:
            if parameter.where == "path":
                path = operation.path.format(**{**targets.ids, parameter.name: quote(text, safe="")})
                assert panel.request(operation.method, path).status_code in {400, 404, 405, 415}, f"{path}"
            elif parameter.where == "query":
                response = panel.request(operation.method, targets.path(operation, f"{parameter.name}={quote(text)}"))
                assert response.status_code < 500, f"{parameter.name}={text}"
