"""Handshakes of WebSocket connections get the same checks as HTTP requests."""

import asyncio
import json
import logging
import logging.config
import socket
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import Mock, create_autospec

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus
from websockets.http11 import Request, Response

from domain.identity import tokens
from domain.identity.authenticator import Authenticator
from handlers.edge import refusals
from tests.conformance import CHECKS, STRICT_DOCUMENT
from tests.locks import write_lock
from tests.panel import Panel, start_panel
from tests.process import until
from tests.ws.sockets import Sockets, serving
from ws.connection import Connection
from ws.handshake import Handshake
from ws.protocol import PATH

OPERATION = STRICT_DOCUMENT.operation("connect_websocket")
TENANT = "cust_a"


def _error(response: Response) -> dict[str, Any]:
    """Return the error of a rejected handshake, validated against the document."""
    headers = {name.lower(): value for name, value in response.headers.raw_items()}
    assert not CHECKS.check(OPERATION, response.status_code, headers, bytes(response.body))
    error = dict(json.loads(response.body)["error"])
    assert error.pop("request_id") == headers["x-request-id"]
    return error


def _session(panel: Panel, key: str = "") -> str:
    return str(panel.post("/auth/sessions", key=key).headers["set-cookie"]).partition(";")[0]


def _ticket(panel: Panel, **options: Any) -> str:
    return str(panel.post("/ws/tickets", **options).json()["ticket"])


# ── Accepted ───────────────────────────────────────────────────────────────────────────────────


def test_a_key_in_the_header_or_the_query_opens_a_connection(panel: Panel, sockets: Sockets) -> None:
    with sockets.open() as by_header, sockets.open(f"?api_key={panel.admin}", key=None) as by_query:
        assert by_header.hello == by_query.hello


def test_a_session_opens_a_connection_from_the_panels_origin(panel: Panel, sockets: Sockets) -> None:
    with sockets.open(key=None, Cookie=_session(panel), Origin="http://testserver") as client:
        panel.service()
        assert client.until(type="service.status", status="running")


@pytest.mark.parametrize(
    "origin",
    ["", "null", "http://evil.example", "http://testserver:81", "http://testserver.evil.example", "testserver"],
)
def test_a_session_opens_no_connection_from_another_origin(panel: Panel, sockets: Sockets, origin: str) -> None:
    headers = {"Origin": origin} if origin else {}
    rejection = sockets.rejection(key=None, Cookie=_session(panel), **headers)
    assert (rejection.status_code, _error(rejection)["code"]) == (403, "cross_site")


def test_a_ticket_opens_a_single_connection(panel: Panel, sockets: Sockets) -> None:
    ticket = _ticket(panel)
    with sockets.open(f"?ticket={ticket}", key=None):
        assert sockets.rejection(f"?ticket={ticket}", key=None).status_code == 401


def test_unknown_tickets_are_refused_without_the_write_lock_and_delay_no_other_client(
    panel: Panel, sockets: Sockets
) -> None:
    query = f"?ticket={tokens.new_ticket()}"
    with write_lock(panel), ThreadPoolExecutor(8) as clients:
        start = time.monotonic()
        refused = [clients.submit(sockets.rejection, query, key=None) for _ in range(8)]
        with sockets.open():
            assert {rejection.result().status_code for rejection in refused} == {401}
        assert time.monotonic() - start < 5


def test_a_ticket_is_limited_to_its_topics(panel: Panel, sockets: Sockets) -> None:
    one, two = (f"service:{panel.service(name)['id']}" for name in ("one", "two"))
    with sockets.open(f"?ticket={_ticket(panel, json={'topics': [one]})}", key=None) as client:
        assert client.request(action="subscribe", topics=[two])["error"]["code"] == "forbidden"
        assert client.request(action="unsubscribe", topics=[one])["topics"] == [one]
        panel.post(f"/services/{two.removeprefix('service:')}/restart")
        panel.post(f"/services/{one.removeprefix('service:')}/restart")
        panel.work()
        messages = client.until(type="operation.progress", status="succeeded")
    assert {message["data"]["service_id"] for message in messages} == {one.removeprefix("service:")}


def test_a_ticket_is_limited_to_the_origin_that_created_it(panel: Panel, sockets: Sockets) -> None:
    headers = {"Origin": "http://testserver"}
    assert sockets.rejection(f"?ticket={_ticket(panel, headers=headers)}", key=None).status_code == 401
    elsewhere = sockets.rejection(f"?ticket={_ticket(panel, headers=headers)}", key=None, Origin="http://evil.example")
    assert elsewhere.status_code == 401
    with sockets.open(f"?ticket={_ticket(panel, headers=headers)}", key=None, **headers):
        pass


def test_a_ticket_has_the_access_of_its_key_and_ends_with_it(panel: Panel, sockets: Sockets) -> None:
    key = panel.key("customer", TENANT)
    with sockets.open(f"?ticket={_ticket(panel, key=key)}", key=None) as client:
        panel.service("theirs")
        own = panel.service("own", customer_id=TENANT)
        messages = client.until(status="running", type="service.status")
        assert {message["data"]["service_id"] for message in messages} == {own["id"]}
    ticket = _ticket(panel, key=key)
    panel.delete(f"/v1/api-keys/{panel.get('/auth/me', key=key).json()['id']}")
    assert sockets.rejection(f"?ticket={ticket}", key=None).status_code == 401


# ── Rejected ───────────────────────────────────────────────────────────────────────────────────


def test_all_wrong_credentials_get_the_same_response(panel: Panel, sockets: Sockets) -> None:
    wrong: list[tuple[str, dict[str, str]]] = [
        ("", {}),
        ("", {"Authorization": "Bearer wrong"}),
        ("", {"Authorization": f"Basic {panel.admin}"}),
        ("", {"Authorization": f"Bearer {panel.admin}x", "Cookie": _session(panel), "Origin": "http://testserver"}),
        ("", {"Cookie": "session=made-up", "Origin": "http://testserver"}),
        ("", {"Cookie": f"{_session(panel)}; session=other", "Origin": "http://testserver"}),
        ("?api_key=wrong", {}),
        ("?api_key=", {}),
        ("?ticket=wrong", {}),
        (f"?ticket={panel.admin}", {}),
        (f"?api_key={_ticket(panel)}", {}),
    ]
    errors = []
    for query, headers in wrong:
        rejection = sockets.rejection(query, key=None, **headers)
        assert rejection.status_code == 401, (query, headers)
        errors.append(_error(rejection))
    assert [error for error in errors if error != errors[0]] == []


def test_a_repeated_query_parameter_is_rejected(panel: Panel, sockets: Sockets) -> None:
    for query in (f"?api_key={panel.admin}&api_key={panel.admin}", "?after=1&after=2"):
        assert sockets.rejection(query, key=None if "key" in query else "").status_code == 400


@pytest.mark.parametrize("query", ["?after=x", "?after=", "?after=-1", "?after=1.5", "?after=9007199254740992", "?x=1"])
def test_an_invalid_query_parameter_is_rejected_by_name(sockets: Sockets, query: str) -> None:
    rejection = sockets.rejection(query)
    assert rejection.status_code == 400
    assert query[1:].partition("=")[0] in _error(rejection)["message"]


def test_a_removed_sequence_number_returns_410(panel: Panel, sockets: Sockets) -> None:
    from datetime import UTC, datetime

    panel.service()
    with panel.ports.store.begin() as work:
        work.events.remove_before(datetime.max.replace(tzinfo=UTC))
    rejection = sockets.rejection("?after=0")
    assert (rejection.status_code, _error(rejection)["code"]) == (410, "cursor_too_old")


def test_a_sequence_number_that_the_panel_never_gave_returns_410(panel: Panel, sockets: Sockets) -> None:
    latest = panel.get("/events").json()["latest"]
    rejection = sockets.rejection(f"?after={latest + 1}")
    assert (rejection.status_code, _error(rejection)["code"]) == (410, "cursor_unknown")


def test_a_key_without_the_permission_is_rejected(panel: Panel, sockets: Sockets) -> None:
    rejection = sockets.rejection(key=panel.key("viewer", denied_permissions=("events.read",)))
    assert (rejection.status_code, _error(rejection)["code"]) == (403, "forbidden")


def test_handshakes_count_towards_the_rate_limit(panel: Panel, sockets: Sockets) -> None:
    key = panel.key("viewer", rate_limit_rpm=2)
    with sockets.open(key=key) as client, sockets.open(key=key):
        assert client.connection.response
        assert client.connection.response.headers["X-RateLimit-Remaining"] == "1"
        rejection = sockets.rejection(key=key)
    assert (rejection.status_code, _error(rejection)["code"]) == (429, "rate_limited")
    assert panel.get("/auth/me", key=key).status_code == 429


def test_a_database_outage_returns_503(panel: Panel, sockets: Sockets, monkeypatch: pytest.MonkeyPatch) -> None:
    from domain.errors import Unavailable

    def fail(*_: object) -> None:
        raise Unavailable("The database does not answer", code="database_unavailable")

    monkeypatch.setattr(sockets.server._authenticator, "by_api_key", fail)
    rejection = sockets.rejection()
    assert (rejection.status_code, _error(rejection)["code"]) == (503, "database_unavailable")


def test_an_unexpected_error_is_logged_and_returned_without_details(
    sockets: Sockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("secret detail")

    logged: list[Any] = []
    monkeypatch.setattr(refusals._log, "error", lambda *_, exc_info, extra: logged.append((str(exc_info), extra)))
    monkeypatch.setattr(sockets.server._authenticator, "by_api_key", fail)
    rejection = sockets.rejection()
    assert (rejection.status_code, _error(rejection)["code"]) == (500, "internal_error")
    assert b"secret detail" not in bytes(rejection.body)
    assert logged == [("secret detail", {"request_id": rejection.headers["x-request-id"]})]


def test_keys_and_tickets_are_not_logged(panel: Panel, sockets: Sockets, caplog: pytest.LogCaptureFixture) -> None:
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False})  # as a library of the process may do
    caplog.set_level(logging.DEBUG)
    ticket = _ticket(panel)
    with sockets.open(f"?api_key={panel.admin}", key=None), sockets.open(f"?ticket={ticket}", key=None):
        sockets.rejection(f"?api_key={panel.admin}&x=1", key=None)
    records = [record for record in caplog.records if record.name != "websockets.client"]  # the test's own client
    logged = [record.getMessage() for record in records]
    assert not [line for line in logged if panel.admin in line or ticket in line]


# ── Not WebSocket ──────────────────────────────────────────────────────────────────────────────


def _exchange(sockets: Sockets, head: str) -> bytes:
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(10)
        raw.connect(sockets.path)
        raw.sendall(head.replace("\n", "\r\n").encode())
        received = b""
        while chunk := raw.recv(65536):
            received += chunk
    return received


def _head(panel: Panel) -> str:
    lines = (
        f"GET {PATH} HTTP/1.1",
        "Host: x",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Version: 13",
        f"Authorization: Bearer {panel.admin}",
    )
    return "\n".join([*lines, "", ""])


def test_another_path_returns_404(panel: Panel, sockets: Sockets) -> None:
    response = _exchange(sockets, _head(panel).replace(PATH, "/api/services"))
    assert response.startswith(b"HTTP/1.1 404 ")
    assert b'"code":"not_found"' in response


@pytest.mark.parametrize("missing", ["Upgrade: websocket\n", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\n"])
def test_a_request_that_is_not_a_handshake_gets_an_error_in_the_panels_format(
    panel: Panel, sockets: Sockets, missing: str
) -> None:
    response = _exchange(sockets, _head(panel).replace(missing, ""))
    assert response.startswith((b"HTTP/1.1 426 ", b"HTTP/1.1 400 "))
    head, body = response.split(b"\r\n\r\n", 1)
    assert json.loads(body)["error"]["code"] in ("upgrade_required", "bad_request")
    assert b"X-RateLimit-Limit" in head


@pytest.mark.parametrize(
    "garbage", ["\n\n", "x\n\n", "GET\n\n", "POST /api/ws HTTP/1.1\nHost: x\n\n", "\x00" * 100, "G" * 20000]
)
def test_garbage_closes_its_connection_and_no_other(
    sockets: Sockets, garbage: str, caplog: pytest.LogCaptureFixture
) -> None:
    with sockets.open():
        _exchange(sockets, garbage + "\n\n")
        with sockets.open():
            pass
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    ("added", "status", "code"),
    [
        ("Content-Length: 5\n", 400, "bad_request"),
        ("Transfer-Encoding: chunked\n", 400, "bad_request"),
        ("A: b\n" * 6000, 431, "too_large"),
        (f"A: {'b' * 40_000}\n", 431, "too_large"),
    ],
)
def test_a_head_that_is_too_large_or_announces_a_body_is_answered(
    panel: Panel, sockets: Sockets, added: str, status: int, code: str
) -> None:
    head, _, body = _exchange(sockets, f"{_head(panel)[:-1]}{added}\nhello").partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert json.loads(body)["error"]["code"] == code


def test_the_websockets_of_a_key_are_limited(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="panel-ws") as short, ExitStack() as stack:
        panel = stack.enter_context(start_panel(tmp_path, ws_address=f"{short}/ws.sock", streams_per_key=3))
        sockets = Sockets(panel, stack.enter_context(serving(panel)))
        key = panel.key("viewer")
        for _ in range(2):
            stack.enter_context(sockets.open(key=key))
        with sockets.open(key=key):
            rejection = sockets.rejection(key=key)
            assert (rejection.status_code, _error(rejection)["code"]) == (429, "rate_limited")
            with sockets.open():
                pass
        until(lambda: not _is_rejected(sockets, key), 10, "a closed connection is not counted")


def _is_rejected(sockets: Sockets, key: str) -> bool:
    try:
        with sockets.open(key=key):
            return False
    except InvalidStatus:
        return True


def test_a_client_that_disconnected_is_not_charged_to_a_loopback_address(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its address is unknown. If it were treated as loopback, `X-Forwarded-For` could set any other address."""
    connection = create_autospec(Connection, instance=True)
    connection.transport = Mock(is_closing=lambda: True)
    connection.respond.side_effect = lambda status, text: Response(status, text, Headers())
    charged: list[str] = []
    monkeypatch.setattr(panel.ports.counter, "hit", lambda bucket, limit: charged.append(bucket))
    handshake = Request(PATH, Headers({"X-Forwarded-For": "192.0.2.7"}))
    rejection = asyncio.run(Handshake(panel.ports, Authenticator(panel.ports)).process_request(connection, handshake))
    assert rejection is not None
    assert (rejection.status_code, charged) == (400, [])
