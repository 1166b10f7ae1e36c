"""Texts that have broken other programs, in every place of every body that holds a text, and in every part of a URL."""

import copy
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from handlers.openapi31.operations import Operation
from tests.calls import OPERATIONS, ready, with_body
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
TOLD = {400, 404, 409, 413, 422}
Place = tuple[str | int, ...]


def _bodies(operation: Operation) -> Iterator[dict[str, Any]]:
    """Those that the document shows."""
    content = operation.raw["requestBody"]["content"]["application/json"]
    yield from (shown["value"] for shown in content.get("examples", {"": {"value": content.get("example")}}).values())


def _spoilt(operation: Operation) -> Iterator[dict[str, Any]]:
    """Each of its bodies with each of the texts in each place."""
    for given in _bodies(operation):
        for place in _places(given):
            yield from (_put(given, place, text) for text in TEXTS)


def _places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Where texts stand in a body."""
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


@pytest.mark.parametrize("operation", with_body(), ids=lambda one: one.operation_id)
def test_hostile_texts_in_any_field_are_answered_and_obeyed_by_nobody(
    panel: Panel, operation: Operation, caplog: pytest.LogCaptureFixture
) -> None:
    things = ready(panel, operation)
    for sent in _spoilt(operation):
        answered = things.ask(panel, operation, json=sent)
        assert answered.is_success or answered.status_code in TOLD, f"{str(sent)[:200]}: {answered.text}"
        assert "x-injected" not in answered.headers
    panel.work()
    assert not [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.operation_id)
def test_hostile_texts_in_any_part_of_a_url_are_refused(panel: Panel, operation: Operation) -> None:
    things = ready(panel, operation)
    for text in (text for text in TEXTS if len(text) < 1000):
        for parameter in operation.parameters:
            if parameter.where == "path":
                path = operation.path.format(**{**things.ids, parameter.name: quote(text, safe="")})
                assert panel.request(operation.method, path).status_code in {400, 404, 405, 415}, f"{path}"
            elif parameter.where == "query":
                asked = panel.request(operation.method, things.path(operation, f"{parameter.name}={quote(text)}"))
                assert asked.status_code < 500, f"{parameter.name}={text}"
