"""Errors of a request name what is wrong, in one format. Internal errors reveal nothing."""

import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import httpx
import pytest

from domain.adapters.sql.store import SqlStore
from domain.errors import Unavailable
from domain.identity.authenticator import Authenticator
from domain.model.role import Role
from handlers.edge import refusals
from handlers.openapi31.operations import Operation
from handlers.server import MAX_BODY
from tests.calls import (
    OPERATIONS,
    PUBLIC,
    UNKNOWN_IDS,
    Targets,
    body,
    create_targets,
    encode_query,
    error,
    invalid_values,
    json_options,
    operations_with_body,
    operations_with_checked_body,
    operations_with_parameter,
    schema,
    success,
    tables,
)
from tests.conformance import CANARY, READ_DOCUMENT
from tests.operation_data import operation_data
from tests.panel import Panel

JSON = {"Content-Type": "application/json"}
NOTHING = Targets()


def _status_and_code(answered: httpx.Response) -> tuple[int, str]:
    return answered.status_code, error(answered)["code"]


# ── Parameters ───────────────────────────────────────────────────────────────────────────────────


def test_an_unknown_query_parameter_is_refused_by_name(panel: Panel) -> None:
    for operation in OPERATIONS:
        for query in ("nonsense=1", "Dry_Run=true", "page%5B%5D=1", "_=1"):
            refused = NOTHING.send(panel, operation, query=query)
            assert _status_and_code(refused) == (400, "bad_request"), (
                f"{operation.operation_id}?{query}: {refused.text}"
            )
            assert query.partition("=")[0].replace("%5B%5D", "[]") in refused.json()["error"]["message"]


def test_a_repeated_query_parameter_is_refused_by_name(panel: Panel) -> None:
    for operation in OPERATIONS:
        for parameter in (given for given in operation.parameters if given.where == "query"):
            valid = _valid_query(operation, parameter.name)
            refused = NOTHING.send(panel, operation, query=f"{valid}&{valid}")
            assert _status_and_code(refused) == (400, "bad_request"), f"{operation.operation_id}: {valid} twice"
            assert refused.json()["error"]["message"] == f"{parameter.name}: must be given only once"


def _valid_query(operation: Operation, name: str) -> str:
    definition = schema(next(parameter for parameter in operation.parameters if parameter.name == name))
    texts = {
        "service_id": UNKNOWN_IDS["service_id"],
        "customer_id": "cust_1",
        "actor_id": "key_1",
        "resource_id": "svc_1",
    }
    times = "2026-01-01T00:00:00Z" if definition.get("format") == "date-time" else "a"
    by_type = {"integer": "1", "boolean": "true", "string": times}
    return encode_query(**{name: texts.get(name) or definition.get("enum", [by_type[definition["type"]]])[0]})


def test_a_wrong_query_parameter_is_refused_by_name(panel: Panel) -> None:
    for operation in OPERATIONS:
        for parameter in (given for given in operation.parameters if given.where == "query"):
            for text in invalid_values(parameter):
                query = encode_query(**{parameter.name: text}) if "%" not in text else f"{parameter.name}={text}"
                refused = NOTHING.send(panel, operation, query=query)
                assert refused.status_code == 400, f"{operation.operation_id}?{query}: {refused.text}"
                assert refused.json()["error"]["message"].startswith(f"{parameter.name}: "), refused.text


def test_all_wrong_parameters_are_reported_at_once(panel: Panel) -> None:
    refused = panel.get("/services?page=0&per_page=101&order=up&sort=x&nonsense=1&status=gone&page=0")
    message = refused.json()["error"]["message"]
    for name in ("page", "per_page", "order", "sort", "nonsense", "status"):
        assert f"{name}: " in message


WRONG_IDS = ["%00", "..%2F..", "%2e%2e", "x", "svc-1", "%ff", "%F0%9F%92%A5", "svc_%27%20OR%201=1", "SVC_1", "a" * 3000]


def test_an_invalid_id_in_a_path_is_refused_by_name(panel: Panel) -> None:
    for operation in OPERATIONS:
        for parameter in (given for given in operation.parameters if given.where == "path"):
            for wrong in WRONG_IDS[: 3 if parameter.name == "template_id" else None]:
                refused = Targets({**UNKNOWN_IDS, parameter.name: wrong}).send(panel, operation)
                assert _status_and_code(refused) == (400, "bad_request"), (
                    f"{operation.operation_id} {wrong}: {refused.text}"
                )
                assert refused.json()["error"]["message"].startswith(f"{parameter.name}: ")


WRONG_HEADERS = {
    "If-Match": ["x" * 600],
    "If-None-Match": ["x" * 600],
    "Idempotency-Key": ["a b", "é".encode(), "a/b", "a" * 256, "a,b", "'", ""],
    "Last-Event-ID": ["x", "-1", "1.5", "9" * 30],
}


def test_a_wrong_header_is_refused_by_name(panel: Panel) -> None:
    for name, values in WRONG_HEADERS.items():
        for operation in operations_with_parameter(name, "header"):
            for value in values:
                sent = value if isinstance(value, bytes) else value.encode()
                refused = NOTHING.send(panel, operation, headers={name.encode(): sent})
                assert _status_and_code(refused) == (400, "bad_request"), f"{operation.operation_id} {name}: {value!r}"
                assert refused.json()["error"]["message"].startswith(f"{name}: ")


def test_a_repeated_header_is_refused_by_name(panel: Panel) -> None:
    for name, good in {"If-Match": '"1"', "If-None-Match": '"1"', "Idempotency-Key": "k"}.items():
        for operation in operations_with_parameter(name, "header"):
            twice = [("Authorization", f"Bearer {panel.admin}"), (name, good), (name, good)]
            arguments = (operation.method, f"/api{NOTHING.path(operation)}", twice, {"json": body(operation, panel)})
            refused = panel.portal.call(panel._send, *arguments)  # type: ignore[arg-type]
            assert _status_and_code(refused) == (400, "bad_request"), operation.operation_id
            assert refused.json()["error"]["message"] == f"{name}: must be given only once"


# ── Bodies ───────────────────────────────────────────────────────────────────────────────────────

UNREADABLE = [
    b"{",
    b"nonsense",
    b"{} {}",
    b"{},",
    b"{}x",
    b"{'name': 1}",
    b'{"a": NaN}',
    b'{"a": Infinity}',
    b'{"a": -Infinity}',
    b'{"a": 1e999}',
    b'{"a": 01}',
    b'{"a": "\\ud800"}',
    b'{"a": "\\udc00\\ud800"}',
    b'{"a": "\xff"}',
    b'{"a": "\xed\xa0\x80"}',
    b"\xff\xfe{\x00}\x00",
    b"\xef\xbb\xbf{}",
    b'{"a": 1, "a": 2}',
    b'{"a": 1, "\\u0061": 2}',
    b'{"a": {"b": 1, "b": 2}}',
    b'{"a": ' + b"9" * 400 + b"}",
    b'{"a": -9223372036854775809}',
    b'{"a": ' + b"[" * 65 + b"]" * 65 + b"}",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"a": "\n"}',
    b"/* hello */ {}",
    b"\x00",
]


def test_a_body_that_cannot_be_read_is_a_bad_request(panel: Panel) -> None:
    for operation in operations_with_checked_body():
        for raw in UNREADABLE:
            refused = NOTHING.send(panel, operation, content=raw, headers=JSON)
            assert _status_and_code(refused) == (400, "bad_request"), (
                f"{operation.operation_id} {raw[:40]!r}: {refused.text}"
            )


def test_a_missing_required_body_is_a_bad_request(panel: Panel) -> None:
    made = create_targets(panel)
    for operation in operations_with_body():
        answered = made.send(panel, operation, content=b"")
        needed = operation.body is not None and operation.body.required
        assert (answered.status_code == 400) is needed, f"{operation.operation_id}: {answered.text}"


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "", "application/xml", "application/json; charset=latin-1", "json", "multipart/form-data", "*/*"],
)
def test_a_body_of_another_media_type_is_refused_with_the_accepted_types(panel: Panel, media_type: str) -> None:
    for operation in operations_with_body():
        refused = NOTHING.send(panel, operation, content=b"{}", headers={"Content-Type": media_type})
        assert _status_and_code(refused) == (415, "unsupported_media_type"), operation.operation_id
        assert "application/json" in refused.json()["error"]["details"]


def test_a_compressed_body_is_an_unsupported_media_type(panel: Panel) -> None:
    refused = panel.post("/services", content=b"x", headers={**JSON, "Content-Encoding": "gzip"})
    assert refused.status_code == 415


def test_json_is_accepted_with_parameters_of_its_media_type(panel: Panel) -> None:
    for media_type in ("application/json; charset=utf-8", "APPLICATION/JSON", 'application/json; charset="UTF-8"'):
        answered = panel.post("/services/validate", content=b'{"compose": "x"}', headers={"Content-Type": media_type})
        assert answered.status_code == 200


def _chunks(size: int) -> Iterator[bytes]:
    for _ in range(size // 65536 + 1):
        yield b" " * 65536


async def _send_slowly(size: int) -> Any:
    for chunk in _chunks(size):
        yield chunk


def test_a_body_that_is_too_large_is_refused_with_or_without_its_length(panel: Panel) -> None:
    limit = MAX_BODY
    for operation in operations_with_body():
        for content in (b" " * (limit + 1), _send_slowly(limit + 1)):
            refused = NOTHING.send(panel, operation, content=content, headers=JSON)
            assert _status_and_code(refused) == (413, "too_large"), operation.operation_id
            assert str(limit) in refused.json()["error"]["details"]


def test_the_largest_body_is_read(panel: Panel) -> None:
    exact = b'{"compose": ""}'.ljust(MAX_BODY)
    assert panel.post("/services/validate", content=exact, headers=JSON).status_code == 422


NOT_FOR_CALLERS = [
    "id",
    "created_at",
    "createdAt",
    "updated_at",
    "status",
    "revision",
    "url",
    "prefix",
    "digest",
    "key",
]


def test_fields_that_clients_cannot_set_are_refused_by_name(panel: Panel) -> None:
    made, bodies = create_targets(panel), json_options(panel)
    before = tables(panel)
    for operation in operations_with_checked_body():
        for name in (*NOT_FOR_CALLERS, "nonsense", "__proto__", "customer-id", " "):
            refused = made.send(panel, operation, json={**bodies[operation.operation_id]["json"], name: "x"})
            assert _status_and_code(refused) == (422, "validation_error"), (
                f"{operation.operation_id} {name}: {refused.text}"
            )
            assert name in refused.json()["error"]["fields"], f"{operation.operation_id} {name}: {refused.text}"
    assert tables(panel) == before


def test_a_service_cannot_be_given_to_another_customer(panel: Panel) -> None:
    key = panel.key("customer", "cust_a")
    new = {"name": "web", "deploy_method": "image", "image": "ai-admin-panel/hello:1", "customer_id": "cust_b"}
    asked = [
        panel.post("/services", new, key=key),
        panel.post("/templates/hello/deploy", {"name": "web", "customer_id": "cust_b"}, key=key),
        panel.post("/v1/api-keys", {"name": "x", "role": "customer", "customerId": "cust_b"}, key=key),
    ]
    assert [(one.status_code, list(one.json()["error"]["fields"])) for one in asked] == [
        (422, ["customer_id"]),
        (422, ["customer_id"]),
        (422, ["customerId"]),
    ]
    service = panel.service(key=key)
    moved = panel.patch(f"/services/{service['id']}", {"customer_id": "cust_b"}, key=key)
    assert list(moved.json()["error"]["fields"]) == ["customer_id"]


def test_both_spellings_of_a_field_are_refused(panel: Panel) -> None:
    twice = {"name": "x", "role": "viewer", "customerId": None, "customer_id": None}
    assert list(panel.post("/v1/api-keys", twice).json()["error"]["fields"]) == ["customer_id"]
    new = {"name": "web", "deploy_method": "image", "image": "a:1", "deployMethod": "image"}
    assert list(panel.post("/services", new).json()["error"]["fields"]) == ["deployMethod"]


def test_all_wrong_fields_are_reported_at_once_by_dotted_path(panel: Panel) -> None:
    refused = panel.post(
        "/services",
        {
            "name": "Not a name",
            "deploy_method": "image",
            "image": "",
            "port": 0,
            "variables": {"GOOD": 1},
            "labels": {"team": None},
            "healthcheck": {"path": "x", "interval": 0},
            "command": ["ok", 5],
            "nonsense": True,
        },
    )
    assert set(refused.json()["error"]["fields"]) == {
        "name",
        "image",
        "port",
        "variables.GOOD",
        "labels.team",
        "healthcheck.path",
        "healthcheck.interval",
        "command.1",
        "nonsense",
    }


@pytest.mark.parametrize("wrong", [None, [], "text", 5, True, [{}]])
def test_a_body_that_is_no_object_is_one_error(panel: Panel, wrong: object) -> None:
    for operation in operations_with_checked_body():
        if wrong is None and operation.body and not operation.body.required:
            continue  # the same as no body
        refused = NOTHING.send(panel, operation, content=json.dumps(wrong).encode(), headers=JSON)
        assert _status_and_code(refused) == (422, "validation_error"), f"{operation.operation_id}: {refused.text}"
        assert list(refused.json()["error"]["fields"]) == ["body"]


# ── Paths and methods ────────────────────────────────────────────────────────────────────────────

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"}


def test_an_unsupported_method_is_refused_with_the_allowed_ones(panel: Panel) -> None:
    by_path: dict[str, set[str]] = {}
    for operation in OPERATIONS:
        by_path.setdefault(operation.path, set()).add(operation.method)
    for path, methods in by_path.items():
        has = methods | ({"HEAD"} if "GET" in methods else set())
        for method in METHODS - has:
            refused = panel.request(method, path.format(**UNKNOWN_IDS))
            assert refused.status_code == 405, f"{method} {path}"
            assert refused.headers["allow"] == ", ".join(sorted(has)), f"{method} {path}"
            assert method == "HEAD" or error(refused)["code"] == "method_not_allowed"


def test_a_method_cannot_be_overridden(panel: Panel) -> None:
    made = create_targets(panel)
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        panel.get(made.path(READ_DOCUMENT.operation("get_service")), headers={name: "DELETE"})
        assert panel.post("/services/validate", {"compose": "x"}, headers={name: "GET"}).status_code == 200
    assert panel.get(f"/services/{made.ids['service_id']}").status_code == 200
    assert panel.get("/services?_method=DELETE").status_code == 400


def test_head_returns_the_headers_of_get_without_a_body(panel: Panel) -> None:
    made = create_targets(panel)
    own = {"x-request-id", "x-ratelimit-remaining", "x-ratelimit-reset", "set-cookie", "location"}  # logins are random
    for operation in (one for one in OPERATIONS if one.method == "GET"):
        for ids in (made, NOTHING):
            got, headed = ids.send(panel, operation), ids.send(panel, operation, method="HEAD")
            assert headed.content == b""
            assert headed.status_code == got.status_code, operation.operation_id
            assert _without(headed, own) == _without(got, own), operation.operation_id


def _without(response: httpx.Response, own: set[str]) -> dict[str, str]:
    headers = {name: value for name, value in response.headers.items() if name not in own}
    if response.status_code >= 400:  # the body has the request ID, whose length can differ
        headers.pop("content-length")
    return headers


def test_no_other_origin_is_allowed(panel: Panel) -> None:
    origin = {"Origin": "https://evil.example", "Access-Control-Request-Method": "DELETE"}
    for answered in (
        panel.request("OPTIONS", "/services", headers=origin),
        panel.get("/services", headers=origin),
        panel.get("/health", key=None, headers=origin),
    ):
        assert not [name for name in answered.headers if name.startswith("access-control")]


def test_hosts_and_forwarded_hosts_never_reach_a_response(panel: Panel) -> None:
    forged = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher"}
    created = panel.post(
        "/services", {"name": "web", "deploy_method": "image", "image": "ai-admin-panel/hello:1"}, headers=forged
    )
    assert created.headers["location"].startswith("/api/operations/op_")
    assert "evil.example" not in created.text + str(created.headers)


# ── Internal errors ───────────────────────────────────────────────────────────────────────────────


def _raise_in_rule(monkeypatch: pytest.MonkeyPatch, operation: Operation, fault: Exception) -> None:
    def broken(*_: object, **__: object) -> None:
        raise fault

    if operation.operation_id == "get_openapi":
        monkeypatch.setattr("handlers.system.DOCUMENT.answer", broken)
    else:
        monkeypatch.setattr(import_module(f"domain.{operation.tag}"), operation.operation_id, broken)


def test_an_exception_in_any_rule_is_hidden_and_logged_once_with_its_traceback(
    panel: Panel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made, bodies = create_targets(panel), json_options(panel)
    for operation in OPERATIONS:
        caplog.clear()
        _raise_in_rule(monkeypatch, operation, RuntimeError(f"SELECT {CANARY} FROM Traceback"))
        answered = made.send(panel, operation, **bodies[operation.operation_id])
        request_id = answered.headers["x-request-id"]
        assert (answered.status_code, error(answered)) == (
            500,
            {
                "code": "internal_error",
                "message": "Internal error",
                "details": f"Search the panel's log for {request_id}",
            },
        ), operation.operation_id
        (record,) = [one for one in caplog.records if one.levelname == "ERROR"]
        assert (record.name, record.request_id) == ("handlers.edge.refusals", request_id)  # type: ignore[attr-defined]
        assert record.exc_info is not None
        assert CANARY in str(record.exc_info[1])


def test_an_internal_error_is_not_stored_for_an_idempotency_key(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    operation, key = READ_DOCUMENT.operation("create_service"), {"Idempotency-Key": "k"}
    new = body(operation, panel)
    with monkeypatch.context() as broken:
        _raise_in_rule(broken, operation, RuntimeError("once"))
        assert panel.post("/services", new, headers=key).status_code == 500
    assert panel.post("/services", new, headers=key).status_code == 201


def _raise_unavailable(*_: object, **__: object) -> None:
    raise Unavailable("The database does not answer", code="database_unavailable")


def test_every_authenticated_operation_returns_503_without_the_database(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, bodies = create_targets(panel), json_options(panel)
    for name in ("begin", "read", "run_once", "ping"):
        monkeypatch.setattr(SqlStore, name, _raise_unavailable)
    for operation in OPERATIONS:
        answered = made.send(panel, operation, with_worker=False, **bodies[operation.operation_id])
        if operation.operation_id == "get_openapi" or (operation.tag == "auth" and operation.operation_id in PUBLIC):
            assert answered.status_code < 500, operation.operation_id
        else:
            assert _status_and_code(answered) == (503, "database_unavailable"), operation.operation_id


AT_THE_ENGINE = {
    "create_registry",
    "exec_in_service",
    "get_service_logs",
    "list_service_containers",
    "update_registry",
}


def test_a_database_that_fails_after_authentication_returns_503(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    made, bodies = create_targets(panel), json_options(panel)
    known = Authenticator(panel.ports).by_api_key(panel.admin, "", "")
    assert known.role is Role.ADMIN
    monkeypatch.setattr(Authenticator, "by_api_key", lambda *_: known)
    for name in ("begin", "read", "run_once", "ping"):
        monkeypatch.setattr(SqlStore, name, _raise_unavailable)
    for operation in OPERATIONS:
        answered = made.send(panel, operation, with_worker=False, **bodies[operation.operation_id])
        if not operation_data(operation.operation_id).reads_database:
            assert answered.status_code == success(operation), f"{operation.operation_id}: {answered.text}"
        elif operation.operation_id == "connect_websocket":
            assert _status_and_code(answered) == (426, "upgrade_required")
        else:
            assert _status_and_code(answered) == (503, "database_unavailable"), operation.operation_id


def test_requests_are_accepted_while_the_engine_is_unavailable(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    made, options = create_targets(panel), json_options(panel)
    panel.ports.runtime.away = True  # type: ignore[attr-defined]
    monkeypatch.setattr("handlers.waiting.wait_for_creation.__defaults__", (0.1,))
    for operation in (one for one in OPERATIONS if one.method != "DELETE"):
        answered = made.send(panel, operation, with_worker=False, **options[operation.operation_id])
        if operation.operation_id in AT_THE_ENGINE:
            assert answered.status_code == 503, operation.operation_id
        else:
            assert answered.status_code < 500, operation.operation_id
    assert panel.get("/health?probe=ready").status_code == 503


def test_every_kind_of_refusal_has_one_status_and_every_code_is_in_the_catalogue() -> None:
    from domain import errors as kinds

    known = {kind for kind in vars(kinds).values() if isinstance(kind, type) and issubclass(kind, kinds.Refusal)}
    assert set(refusals.CODES) == known - {kinds.Refusal}
    catalogue = READ_DOCUMENT.raw["components"]["schemas"]["ErrorCode"]["x-extensible-enum"]
    assert {kind.default for kind in refusals.CODES} <= set(catalogue)
