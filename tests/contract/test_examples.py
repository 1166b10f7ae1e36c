"""Every example of the document works as it stands: it gets the documented status, and its operation succeeds."""

import re
from collections.abc import Iterator
from urllib.parse import urlencode

import orjson
import pytest

from scripts.scaffold.row import read_table
from tests.calls import find_operation, prepare_targets, signed, usable_body
from tests.contract.reading import Node, Operation, operations
from tests.operation_data import Resources, operation_data, pending_operations
from tests.panel import Panel


def _examples(operation: Operation) -> Iterator[tuple[str, str, Node]]:
    """Yield media type, name and value of every example of a body, and one without a body if it is optional."""
    body = operation.raw.get("requestBody", {"content": {}})
    for media_type, content in body["content"].items():
        if "example" in content:
            yield media_type, "example", content["example"]
        yield from ((media_type, name, shown["value"]) for name, shown in content.get("examples", {}).items())
    if not body.get("required"):
        yield "", "without-body", None


CASES = [
    pytest.param(operation, media_type, value, id=f"{operation}-{name}-{media_type}")
    for operation in operations()
    for media_type, name, value in _examples(operation)
    if not operation_data(operation.id).plain_success and operation.id not in pending_operations()
]

SERVICE_ID = re.compile(rb"svc_[0-9a-z]+")
"""An example may name a service; the test replaces the ID with that of a service that exists."""


@pytest.mark.parametrize(("operation", "media_type", "value"), CASES)
def test_an_example_gets_the_documented_status(
    panel: Panel, operation: Operation, media_type: str, value: Node
) -> None:
    called = find_operation(operation.id)
    targets = prepare_targets(panel, called)
    if operation_data(operation.id).body_with:
        value = usable_body(operation.id, panel, value)
    sent = (
        {"content": _content(panel, media_type, value), "headers": {"Content-Type": media_type}} if media_type else {}
    )
    send = panel.request_with_worker if operation_data(operation.id).needs_worker else panel.request
    response = send(operation.method.upper(), targets.path(called), **signed(called, targets.ids, sent))
    assert response.status_code == int(read_table()[operation.id].success), response.text
    _check_audit(panel, operation, response.headers["X-Request-Id"])
    _check_operation(panel, operation, response.headers.get("Location"))


def _content(panel: Panel, media_type: str, value: Node) -> bytes:
    if media_type == "application/x-www-form-urlencoded":
        return urlencode(value).encode()
    example = orjson.dumps(value)
    if not SERVICE_ID.search(example):
        return example
    return SERVICE_ID.sub(Resources(panel).id("service_id").encode(), example)


def _check_audit(panel: Panel, operation: Operation, request_id: str) -> None:
    """Every request that writes is in the audit record, under the name of its operation or of the change."""
    events = panel.get(f"/audit-events?request_id={request_id}").json()["data"]
    if operation.method.upper() != "GET":
        assert bool(events) is _is_recorded(operation)
    for event in events:
        assert event["action"].replace("subscription.", "").removesuffix(".end") in (
            operation.id,
            operation.id.removesuffix("_subscription"),
        )


def _is_recorded(operation: Operation) -> bool:
    data = operation_data(operation.id)
    return data.has_effect if data.recorded is None else data.recorded


def _check_operation(panel: Panel, operation: Operation, location: str | None) -> None:
    if location and location.startswith("/api/operations/"):
        panel.work()
        expected = "cancelled" if operation.id.startswith("cancel_") else "succeeded"
        assert panel.get(location.removeprefix("/api")).json()["status"] == expected


def test_every_operation_that_can_succeed_over_plain_http_has_a_case() -> None:
    tested = {case.values[0] for case in CASES}
    others = {operation.id for operation in set(operations()) - tested} - pending_operations()
    assert all(operation_data(operation_id).plain_success for operation_id in others)
