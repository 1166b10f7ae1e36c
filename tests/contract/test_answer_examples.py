"""Examples of responses tell what the panel returns: a mock server made from the document behaves like it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from scripts.scaffold.row import read_table
from tests.calls import UNKNOWN_IDS, Targets, error, find_operation
from tests.contract.event_streams import DATA_SCHEMAS, EVENT_STREAM
from tests.contract.reading import COMPONENTS, Node, Operation, faults, operations, resolved
from tests.operation_data import pending_operations
from tests.panel import Panel
from tests.streams import read_lines

ALL = pytest.mark.parametrize("operation", operations(), ids=str)
WITH_ID = [operation for operation in operations() if "404" in operation.responses and "{" in operation.path]


def _examples(content: dict[str, Any]) -> list[Node]:
    """Return the examples of a media type; without any, those of its schema."""
    if "example" in content:
        return [content["example"]]
    named = [example["value"] for example in content.get("examples", {}).values()]
    return named or list(resolved(content["schema"]).get("examples", ()))


def _successes(operation: Operation) -> Iterator[tuple[str, str, list[Node]]]:
    for status, response in operation.responses.items():
        if status.startswith("2"):
            for media_type, content in response.get("content", {}).items():
                yield status, media_type, _examples(content)


@ALL
def test_every_successful_response_has_an_example(operation: Operation) -> None:
    assert not [(status, media_type) for status, media_type, shown in _successes(operation) if not shown]


@ALL
def test_examples_of_lists_have_items(operation: Operation) -> None:
    for status, _, shown in _successes(operation):
        for example in shown:
            assert not isinstance(example, dict) or example.get("data", True), status


_RECEIPTS = ("receive_deploy_hook",)
"""Operations whose callers may not see the work that they start."""


@ALL
def test_the_example_of_a_response_that_starts_work_shows_the_work(operation: Operation) -> None:
    success = read_table()[operation.id].success
    for status, _, shown in _successes(operation):
        for example in shown if status in (success, "202") else ():
            if status == "202" and operation.id not in _RECEIPTS:
                assert example["status"] == "queued"
                assert (example["started_at"], example["finished_at"]) == (None, None)
            elif status == "201" and "operation_id" in example:
                assert (example["status"], example["url"], example["deployed_at"]) == ("deploying", None, None)
                assert example["operation_id"]


@pytest.mark.parametrize("operation", WITH_ID, ids=str)
def test_the_example_of_404_is_what_the_operation_returns(panel: Panel, operation: Operation) -> None:
    [example] = _examples(operation.responses["404"]["content"]["application/json"])
    if operation.id in pending_operations():
        return
    returned = error(Targets().send(panel, find_operation(operation.id)))
    assert (returned["code"], returned["message"]) == (example["error"]["code"], example["error"]["message"])
    [unknown] = [identifier for identifier in UNKNOWN_IDS.values() if identifier in returned["details"]]
    [shown] = {word for word in example["error"]["details"].split() if word not in returned["details"].split()}
    assert returned["details"].replace(unknown, shown) == example["error"]["details"]


@ALL
def test_every_path_parameter_has_an_example(operation: Operation) -> None:
    for parameter in operation.parameters:
        if parameter["in"] == "path":
            assert resolved(parameter["schema"]).get("examples"), parameter["name"]


def test_an_idempotency_key_has_no_example() -> None:
    """Collections made from the document would send it with every request, and get 409 from the second one on."""
    parameter = COMPONENTS["parameters"]["IdempotencyKey"]
    assert not {"example", "examples"} & {*parameter, *parameter["schema"]}
    assert not {"default", "const", "enum"} & parameter["schema"].keys()


@pytest.mark.parametrize("operation_id", DATA_SCHEMAS)
def test_the_example_of_a_stream_has_events_that_fit_their_schema(operation_id: str) -> None:
    [operation] = [operation for operation in operations() if operation.id == operation_id]
    [text] = _examples(operation.responses["200"]["content"][EVENT_STREAM])
    events = list(read_lines(text.splitlines()))
    assert events
    for event in events:
        if event.kind == "end":
            assert event.data == "{}"
        else:
            assert event.id
            assert not faults(f"#/components/schemas/{DATA_SCHEMAS[operation_id]}", json.loads(event.data))
