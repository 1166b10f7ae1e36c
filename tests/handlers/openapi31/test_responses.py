"""Responses are compared with the document, by tests and before they are sent."""

from collections.abc import Callable, Iterator

import pytest

from handlers.openapi31 import Answer, Document, ResponseChecks

from .conftest import Client

Headers = dict[str, str]


@pytest.fixture(scope="session")
def problems_of(document: Document) -> Callable[..., list[str]]:
    checks = ResponseChecks(document)
    return lambda operation_id, *response: checks.check(document.operation(operation_id), *response)


JSON = {"Content-Type": "application/json"}
LISTED = {**JSON, "X-Total": "1"}
VALID: list[tuple[str, int, dict[str, str], bytes | None]] = [
    ("list_pets", 200, LISTED, b'[{"name": "Rex"}]'),
    ("list_pets", 200, {**LISTED, "Content-Type": "application/json; charset=utf-8", "X-Other": "a"}, b"[]"),
    ("list_pets", 200, LISTED, None),
    ("list_pets", 404, JSON, b'{"kind": "a"}'),
    ("create_pet", 418, JSON, b'{"kind": "a"}'),
    ("get_pet", 304, {}, b""),
    ("change_pet", 204, {}, b""),
    ("follow_events", 200, {"content-type": "text/event-stream"}, b"data: 1\n\n"),
]
WRONG: list[tuple[str, int, dict[str, str], bytes | None, list[str]]] = [
    ("list_pets", 201, LISTED, b"[]", ["list_pets: status 201 is not documented"]),
    ("list_pets", 200, JSON, b"[]", ["list_pets 200: header x-total is missing"]),
    ("list_pets", 200, {**JSON, "x-total": "many"}, b"[]", ["list_pets 200: header x-total must be an integer"]),
    ("list_pets", 200, {**LISTED, "X-Next": "a b"}, b"[]", ["list_pets 200: header x-next must be a URL or a path"]),
    (
        "list_pets",
        200,
        LISTED,
        b'[{"age": 1}, 2]',
        ["list_pets 200: 0.name is required", "list_pets 200: 1 must be an object"],
    ),
    ("list_pets", 200, LISTED, b'[{"name": "a", "secret": "b"}]', ["list_pets 200: 0.secret is write-only"]),
    ("list_pets", 200, LISTED, b"[", ["list_pets 200: the body is not JSON"]),
    ("list_pets", 200, LISTED, b"", ["list_pets 200: the body is not JSON"]),
    ("list_pets", 200, {"X-Total": "1"}, b"[]", ["list_pets 200: media type none is not documented"]),
    ("create_pet", 500, {"Content-Type": "text/html"}, b"", ["create_pet 500: media type text/html is not documented"]),
    ("create_pet", 500, JSON, b"{}", ["create_pet 500: kind is required"]),
    ("change_pet", 204, JSON, b"{}", ["change_pet 204: a body is not documented"]),
]


@pytest.mark.parametrize(("operation_id", "status", "headers", "body"), VALID)
def test_a_documented_response_passes(
    problems_of: Callable[..., list[str]], operation_id: str, status: int, headers: Headers, body: bytes
) -> None:
    assert problems_of(operation_id, status, headers, body) == []


@pytest.mark.parametrize(("operation_id", "status", "headers", "body", "problems"), WRONG)
def test_every_other_response_is_reported(
    problems_of: Callable[..., list[str]],
    operation_id: str,
    status: int,
    headers: Headers,
    body: bytes,
    problems: list[str],
) -> None:
    assert sorted(problems_of(operation_id, status, headers, body)) == sorted(problems)


def test_a_wrong_response_is_not_sent(serve: Callable[..., Client]) -> None:
    answers = iter(
        [Answer(200, [{}], {"X-Total": "1"}), Answer(203, []), Answer(200, [{"name": "a"}], {"X-Total": "1"})]
    )
    ask = serve({"list_pets": lambda: next(answers)}, validate_responses=True)
    assert ask("GET", "/shop/pets").json() == {"kind": "BadResponse", "problems": ["list_pets 200: 0.name is required"]}
    assert ask("GET", "/shop/pets").json()["problems"] == ["list_pets: status 203 is not documented"]
    assert ask("GET", "/shop/pets").json() == [{"name": "a"}]


def test_streams_and_head_are_checked_by_their_headers(serve: Callable[..., Client]) -> None:
    def events() -> Iterator[bytes]:
        yield b"1"
        yield b"2"

    handlers = {
        "follow_events": lambda: Answer(200, events(), media_type="text/event-stream"),
        "list_pets": lambda: Answer(200, [{"name": "a"}], {"X-Total": "1"}),
    }
    ask = serve(handlers, validate_responses=True)
    assert ask("GET", "/shop/events").content == b"12"
    assert ask("HEAD", "/shop/pets").status_code == 200


def test_a_json_stream_is_checked_as_a_whole(serve: Callable[..., Client]) -> None:
    parts = [b'[{"name": ', b'"a"}]']
    ask = serve({"list_pets": lambda: Answer(200, iter(parts), {"X-Total": "1"})}, validate_responses=True)
    assert ask("GET", "/shop/pets").json() == [{"name": "a"}]
