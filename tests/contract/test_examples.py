"""Every example of the document works as it stands: whoever copies it gets what is promised, and the work ends well."""

import itertools
import re
from collections.abc import Callable, Iterator
from functools import partial

import orjson
import pytest

from tests.contract.reading import Node, Operation, operations, table
from tests.panel import Panel


def _examples(operation: Operation) -> Iterator[tuple[str, str, Node]]:
    """Media type, name and value of every example of a body; one without a body where none is needed."""
    body = operation.raw.get("requestBody", {"content": {}})
    for media_type, content in body["content"].items():
        if "example" in content:
            yield media_type, "example", content["example"]
        yield from ((media_type, name, shown["value"]) for name, shown in content.get("examples", {}).items())
    if not body.get("required"):
        yield "", "without-body", None


# Its success is an upgrade, which plain HTTP cannot have: the tests of the socket server make it.
ELSEWHERE = {"connect_websocket"}
CASES = [
    pytest.param(operation, media_type, value, id=f"{operation}-{name}-{media_type}")
    for operation in operations()
    for media_type, name, value in _examples(operation)
    if operation.id not in ELSEWHERE
]


NUMBERS = itertools.count(1)


def _service(panel: Panel) -> str:
    """A service with a secret and two successes behind it, so that everything can be done with it."""
    service_id = str(
        panel.service(f"shown-{next(NUMBERS)}", secrets={"API_TOKEN": "an-old-token"}, labels={"tier": "free"})["id"]
    )
    _deployed(panel, service_id)
    panel.work()
    return service_id


def _deployed(panel: Panel, service_id: str) -> dict[str, Node]:
    return dict(panel.post(f"/services/{service_id}/deploy").json())


MADE: dict[str, Callable[[Panel], str]] = {
    "service_id": _service,
    "deployment_id": lambda panel: str(_deployed(panel, _service(panel))["id"]),
    "operation_id": lambda panel: str(_deployed(panel, _service(panel))["operation_id"]),
    "template_id": lambda panel: "hello",
    "api_key_id": lambda panel: str(panel.post("/v1/api-keys", {"name": "shown", "role": "viewer"}).json()["id"]),
    "session_id": lambda panel: str(panel.post("/auth/sessions").json()["id"]),
}
# An example that names a thing shows its form: here stands one that there is.
NAMED = re.compile(rb"svc_[0-9a-z]+")


@pytest.mark.parametrize(("operation", "media_type", "value"), CASES)
def test_an_example_gets_what_is_promised(panel: Panel, operation: Operation, media_type: str, value: Node) -> None:
    path = operation.path
    for name, make in MADE.items():
        if f"{{{name}}}" in path:
            path = path.replace(f"{{{name}}}", make(panel))
    sent = {"content": _named(panel, value), "headers": {"Content-Type": media_type}} if media_type else {}
    ask = panel.delete if operation.method == "delete" else partial(panel.request, operation.method.upper())
    response = ask(path, **sent)
    assert response.status_code == int(table()[operation.id].success), response.text
    _ends_well(panel, operation, response.headers.get("Location"))


def _named(panel: Panel, value: Node) -> bytes:
    shown = orjson.dumps(value)
    return NAMED.sub(_service(panel).encode(), shown) if NAMED.search(shown) else shown


def _ends_well(panel: Panel, operation: Operation, location: str | None) -> None:
    if location:
        panel.work()
        expected = "cancelled" if operation.id.startswith("cancel_") else "succeeded"
        assert panel.get(location.removeprefix("/api")).json()["status"] == expected


def test_every_operation_of_the_document_is_asked_for() -> None:
    asked = {case.values[0] for case in CASES}
    assert {str(operation) for operation in set(operations()) - asked} == ELSEWHERE
