"""The outermost layer: every response has its request ID and its rate-limit headers, errors included."""

import re

import pytest

from domain.identity.authenticator import Authenticator
from tests.calls import OPERATIONS, create_targets, error
from tests.conformance import CANARY, READ_DOCUMENT
from tests.panel import Panel

MADE_UP = re.compile(r"req_[0-9a-z]{26}")
GOOD = ["a", "trace-1", "A.b_C-9", "0" * 128]
BAD = ["", " ", "a b", "a/b", "é".encode(), b"\xff\xfe", "a" * 129, "<script>", "a;b", 'a"b', "a\tb", "a,b", b"a\x00b"]


def test_a_request_id_of_the_client_is_returned(panel: Panel) -> None:
    for given in GOOD:
        assert panel.get("/roles", headers={"X-Request-Id": given}).headers.get_list("x-request-id") == [given]


def test_an_invalid_request_id_is_replaced(panel: Panel) -> None:
    for given in BAD:
        answered = panel.get("/roles", headers={b"X-Request-Id": given if isinstance(given, bytes) else given.encode()})
        assert MADE_UP.fullmatch(answered.headers["x-request-id"]), given


def test_two_request_ids_are_replaced(panel: Panel) -> None:
    twice = [("X-Request-Id", "one"), ("X-Request-Id", "two"), ("Authorization", f"Bearer {panel.admin}")]
    answered = panel.portal.call(panel._send, "GET", "/api/roles", twice, {})  # type: ignore[arg-type]
    assert MADE_UP.fullmatch(answered.headers["x-request-id"])
    assert answered.headers.get_list("x-request-id") == [answered.headers["x-request-id"]]


def test_every_request_gets_a_different_id(panel: Panel) -> None:
    ids = {panel.get("/health", key=None).headers["x-request-id"] for _ in range(20)}
    assert len(ids) == 20


def test_every_kind_of_error_has_the_request_id(panel: Panel) -> None:
    marked = {"headers": {"X-Request-Id": "find-me"}}
    refused = [
        panel.get("/services?page=0", **marked),
        panel.get("/services", key=None, **marked),
        panel.get("/services", key="wrong", **marked),
        panel.post("/services", {"name": "x"}, key=panel.key("viewer"), **marked),
        panel.get("/services/svc_0", **marked),
        panel.get("/nowhere", **marked),
        panel.put("/services", {}, **marked),
        panel.post("/services", content=b"x", headers={**marked["headers"], "Content-Type": "text/plain"}),
        panel.post("/services", {"name": 1}, **marked),
    ]
    assert [one.status_code for one in refused] == [400, 401, 401, 403, 404, 404, 405, 415, 422]
    assert {one.json()["error"]["request_id"] for one in refused} == {"find-me"}
    assert {one.headers["x-request-id"] for one in refused} == {"find-me"}


def test_an_operation_stores_the_id_of_its_request(panel: Panel) -> None:
    service = panel.service()
    begun = panel.post(f"/services/{service['id']}/stop", headers={"X-Request-Id": "ci-4711"})
    assert panel.get(begun.headers["location"].removeprefix("/api")).json()["request_id"] == "ci-4711"
    begun = panel.post(f"/services/{service['id']}/start", headers={"X-Request-Id": "not good"})
    assert (
        panel.get(begun.headers["location"].removeprefix("/api")).json()["request_id"] == begun.headers["x-request-id"]
    )


def test_every_operation_returns_each_common_header_once(panel: Panel) -> None:
    """`Panel.check` tests that they are present."""
    made = create_targets(panel)
    for operation in sorted(OPERATIONS, key=lambda one: one.method == "DELETE"):
        answered = made.send(panel, operation)
        for name in ("x-request-id", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"):
            assert len(answered.headers.get_list(name)) == 1, f"{operation.operation_id}: {name}"
            assert name == "x-request-id" or answered.headers[name].isdigit()


@pytest.mark.parametrize(
    "path", ["/docs", "/docs/start.js", "/docs/nothing", "/", "", "/services/", "//", "/%ff", "/a\\b"]
)
def test_responses_outside_of_operations_have_the_common_headers(panel: Panel, path: str) -> None:
    assert panel.get(path, key=None).headers["x-ratelimit-limit"] == "1000000"


def test_unknown_methods_have_the_common_headers(panel: Panel) -> None:
    for method in ("OPTIONS", "TRACE", "PROPFIND", "FOO"):
        answered = panel.request(method, "/services")
        assert (answered.status_code, answered.headers["allow"]) == (405, "GET, HEAD, POST"), method
        assert "x-ratelimit-limit" in answered.headers


def test_an_exception_before_the_application_returns_500(
    panel: Panel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError(CANARY)

    monkeypatch.setattr(Authenticator, "by_api_key", broken)
    answered = panel.get("/services", headers={"X-Request-Id": "find-me"})
    assert (answered.status_code, error(answered)["code"]) == (500, "internal_error")
    assert [record.request_id for record in caplog.records] == ["find-me"]  # type: ignore[attr-defined]


def test_an_exception_in_the_rate_limiter_returns_500(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError(CANARY)

    monkeypatch.setattr(panel.ports.counter, "hit", broken)
    answered = panel.portal.call(panel._send, "GET", "/api/health", {"X-Request-Id": "find-me"}, {})
    assert (answered.status_code, error(answered)["code"]) == (500, "internal_error")
    assert CANARY not in answered.text


def test_a_path_that_differs_slightly_is_not_found(panel: Panel) -> None:
    made = create_targets(panel)
    for operation in OPERATIONS:
        path = made.path(operation)
        for almost in (path + "/", path.upper(), "/" + path, path + "//", path + "%2F", path + ";a=b"):
            answered = panel.request(operation.method, almost)
            assert answered.status_code in {400, 404, 405}, f"{operation.method} {almost}"
    assert made.send(panel, READ_DOCUMENT.operation("get_openapi")).status_code == 200
