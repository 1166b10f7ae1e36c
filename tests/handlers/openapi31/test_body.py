"""Bodies: valid ones, and every kind of invalid one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from handlers.openapi31 import Limits
from handlers.openapi31.body import parse_json
from handlers.openapi31.errors import BadBody

from .conftest import GOOD, Client, Json

JSON = {**GOOD, "Content-Type": "application/json"}

UNREADABLE = [
    (b"{", "not valid JSON"),
    (b'{"name": "a"} x', "not valid JSON"),
    (b'{"name": NaN}', "not valid JSON"),
    (b'{"name": Infinity}', "not valid JSON"),
    (b'{"name": -Infinity}', "not valid JSON"),
    (b'{"name": 1e999}', "not valid JSON"),
    (b'{"name": "\xff"}', "not valid JSON"),
    (b'{"name": "\xed\xa0\x80"}', "not valid JSON"),
    (b'{"name": "\\ud800"}', "not valid JSON"),
    (b'\xef\xbb\xbf{"name": "a"}', "not valid JSON"),
    ('{"name": "a"}'.encode("utf-16"), "not valid JSON"),
    (b"[" * 5000 + b"]" * 5000, "not valid JSON"),
    (b"[" * 65 + b"]" * 65, "more than 64 levels"),
    (b'{"a":' * 65 + b"1" + b"}" * 65, "more than 64 levels"),
    (b'{"name": "a", "name": "b"}', "gives 'name' twice"),
    (b'{"name": "a", "n\\u0061me": "b"}', "gives 'name' twice"),
    (b'{"x:": "\\u003a", "a": 1, "a": 2}', "gives 'a' twice"),
    (b'{"x": "\\u003A", "a": 1, "a": 2}', "gives 'a' twice"),
    (b'[{"deep": {"a": 1, "b": [], "a": 1}}]', "gives 'a' twice"),
    (b'{"age": 9223372036854775808}', "64 bits"),
    (b'{"age": 18446744073709551616}', "64 bits"),
    (b'{"age": -9223372036854775809}', "64 bits"),
    (b'{"age": ' + b"9" * 300 + b"}", "64 bits"),
]
READABLE: list[tuple[bytes, Any]] = [
    (b'{"age": 9223372036854775807}', {"age": 9223372036854775807}),
    (b'{"age": -9223372036854775808}', {"age": -9223372036854775808}),
    (b'{"id": "12345678901234567890"}', {"id": "12345678901234567890"}),
    (b'{"a": ":", "b:": "\\u003a"}', {"a": ":", "b:": ":"}),
    (b'{"a": {"x": 1}, "b": {"x": 1}}', {"a": {"x": 1}, "b": {"x": 1}}),
    (b'["\\ud83d\\ude00", "\\u0000"]', ["\U0001f600", "\0"]),
    (b"[[],[],[]," * 40 + b"1" + b"]" * 40, None),
    (b"[" * 64 + b"]" * 64, None),
    (b"0.12345678901234567890123", 0.12345678901234568),
    (b'{"a": [1.0, -2.50, 1e2, 1e300], "b": "1.0"}', {"a": [1, -2.5, 100, 1e300], "b": "1.0"}),
]


@pytest.mark.parametrize(("raw", "message"), UNREADABLE, ids=range(len(UNREADABLE)))
def test_a_body_that_is_not_strict_json_is_a_400(ask: Client, raw: bytes, message: str) -> None:
    refused = ask("POST", "/shop/pets", content=raw, headers=JSON)
    assert (refused.status_code, refused.json()["kind"]) == (400, "BadBody")
    assert message in refused.json()["message"]


@pytest.mark.parametrize(("raw", "value"), READABLE, ids=range(len(READABLE)))
def test_unusual_valid_json_is_accepted(raw: bytes, value: Json) -> None:
    assert parse_json(raw, 64) == value or value is None


def test_a_message_never_repeats_the_body() -> None:
    with pytest.raises(BadBody) as refused:
        parse_json(b'{"password": "hunter2" oops}', 64)
    assert "hunter2" not in refused.value.message


def test_errors_in_nested_fields_have_dotted_paths(ask: Client) -> None:
    body = {"name": "", "age": -1, "owner": {"emial": "a"}, "litter": [{"name": "ok"}, {"age": "x"}]}
    refused = ask("POST", "/shop/pets", json=body, headers=GOOD)
    assert refused.status_code == 422
    assert refused.json()["fields"] == {
        "name": "must have at least 1 character",
        "age": "must be at least 0",
        "owner.email": "is required",
        "owner.emial": "is not a known field",
        "litter.1.name": "is required",
        "litter.1.age": "must be an integer",
    }


def test_parameters_are_refused_before_the_body(ask: Client) -> None:
    refused = ask("POST", "/shop/pets", json={}, headers={**GOOD, "Idempotency-Key": "far too long"})
    assert refused.json()["faults"] == [["header", "Idempotency-Key", "must have at most 8 characters"]]


def test_a_body_reaches_the_handler(ask: Client) -> None:
    given = ask("POST", "/shop/pets", json={"name": "Rex"}, headers={**GOOD, "Idempotency-Key": "k"}).json()
    assert given.pop("caller")
    assert given == {"body": {"name": "Rex"}, "idempotency_key": "k"}


@pytest.mark.parametrize("headers", [JSON, GOOD])
def test_a_required_body_that_is_absent_is_a_400(ask: Client, headers: dict[str, str]) -> None:
    refused = ask("POST", "/shop/pets", headers=headers)
    assert (refused.status_code, refused.json()["message"]) == (400, "A body is required")


@pytest.mark.parametrize("headers", [JSON, GOOD])
def test_an_optional_body_that_is_absent_is_none(ask: Client, headers: dict[str, str]) -> None:
    assert ask("POST", "/shop/pets/check", headers=headers).json()["body"] is None


def test_a_property_may_have_its_former_name(ask: Client) -> None:
    renamed = ask("PATCH", "/shop/pets/rex", json={"moniker": "Rex"}, headers=GOOD)
    assert renamed.json()["body"] == {"name": "Rex"}
    for body in ({"moniker": "Rex", "name": "Max"}, {"moniker": None, "name": None}):
        refused = ask("PATCH", "/shop/pets/rex", json=body, headers=GOOD)
        assert refused.json()["fields"] == {"moniker": "is not a known field"}
    assert ask("PATCH", "/shop/pets/rex", json=["moniker"], headers=GOOD).status_code == 422


def test_null_is_as_good_as_no_body_if_the_body_is_optional(ask: Client) -> None:
    for raw in (b"null", b" null\n"):
        assert ask("POST", "/shop/pets/check", content=raw, headers=JSON).json()["body"] is None
        assert ask("POST", "/shop/pets", content=raw, headers={**JSON, **GOOD}).status_code == 422


MEDIA_TYPES = [
    ("application/json", 200),
    ("APPLICATION/JSON", 200),
    ("application/json; charset=utf-8", 200),
    ('application/json;charset="UTF-8"', 200),
    ("application/json; charset=utf-16", 415),
    ("application/json; charset=bogus", 415),
    ("application/merge-patch+json", 200),
    ("application/problem+json", 415),
    ("application/x-www-form-urlencoded", 415),
    ("text/plain", 415),
    ("nonsense", 415),
    (None, 415),
]


@pytest.mark.parametrize(("media_type", "status"), MEDIA_TYPES)
def test_only_documented_media_types_are_accepted(ask: Client, media_type: str | None, status: int) -> None:
    headers = GOOD if media_type is None else {**GOOD, "Content-Type": media_type}
    answered = ask("PATCH", "/shop/pets/rex", content=b'{"name": null}', headers=headers)
    assert answered.status_code == status
    if status == 415:
        assert answered.json()["accepted"] == ["application/merge-patch+json", "application/json"]


def test_a_compressed_body_is_a_415(ask: Client) -> None:
    assert ask("POST", "/shop/pets", content=b"x", headers={**JSON, "Content-Encoding": "gzip"}).status_code == 415


def test_bodies_that_are_not_json_stay_bytes(serve: Callable[..., Client]) -> None:
    seen: list[Any] = []

    def check_pet(body: Json) -> Json:
        seen.append(body)

    serve({"check_pet": check_pet})(
        "POST", "/shop/pets/check", content=b"a\xff", headers={"Content-Type": "text/plain"}
    )
    assert seen == [b"a\xff"]


async def in_chunks(size: int, read: list[int]) -> AsyncIterator[bytes]:
    for number in range(size):
        read.append(number)
        yield b" "


def test_a_body_longer_than_the_limit_is_a_413(serve: Callable[..., Client]) -> None:
    ask = serve(limits=Limits(size=20))
    refused = ask("POST", "/shop/pets", content=b" " * 21, headers=JSON)
    assert (refused.status_code, refused.json()["limit"], refused.headers["Connection"]) == (413, 20, "close")
    assert ask("POST", "/shop/pets", content=b'{"name": "12345678"}', headers=JSON).status_code == 200


def test_a_body_in_chunks_is_refused_as_soon_as_it_is_too_long(serve: Callable[..., Client]) -> None:
    read: list[int] = []
    refused = serve(limits=Limits(size=20))("POST", "/shop/pets", content=in_chunks(1000, read), headers=JSON)
    assert refused.status_code == 413
    assert len(read) == 21


def test_a_body_in_chunks_is_put_together(ask: Client) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for part in (b'{"na', b'me": ', b'"Rex"}'):
            yield part

    assert ask("POST", "/shop/pets", content=chunks(), headers=JSON).json()["body"] == {"name": "Rex"}


def test_empty_chunks_are_an_absent_body(ask: Client) -> None:
    async def nothing() -> AsyncIterator[bytes]:
        yield b""

    assert ask("POST", "/shop/pets/check", content=nothing(), headers=JSON).json()["body"] is None


def test_a_content_length_that_is_no_number_is_a_400(ask: Client) -> None:
    assert ask("POST", "/shop/pets", content=b"{}", headers={**JSON, "Content-Length": "two"}).status_code == 400


def test_a_client_that_disconnects_while_sending_gets_no_response(ask: Client) -> None:
    sent: list[Any] = []
    messages = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    headers = [
        (b"content-type", b"application/json"),
        (b"transfer-encoding", b"chunked"),
        (b"authorization", b"Bearer good"),
    ]
    scope = {"type": "http", "method": "POST", "path": "/shop/pets", "query_string": b"", "headers": headers}

    async def receive() -> Json:
        return messages.pop(0)

    async def send(message: Json) -> None:
        sent.append(message)

    asyncio.run(ask.app(scope, receive, send))
    assert sent == []


@pytest.mark.parametrize("raw", [b"3.0", b"30e-1", b"[3.00]", b'{"a": 3E0}'])
def test_a_number_without_a_fraction_arrives_as_an_integer(raw: bytes) -> None:
    found = parse_json(raw, 64)
    found = next(iter(found.values() if isinstance(found, dict) else found if isinstance(found, list) else [found]))
    assert (found, type(found)) == (3, int)
