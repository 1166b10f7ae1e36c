"""Who gets a socket and who does not: the same looks as at the door of HTTP."""

import asyncio
import json
import logging
import logging.config
import socket
from typing import Any
from unittest.mock import Mock, create_autospec

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from domain.identity.authenticator import Authenticator
from handlers.edge import refusals
from tests.conformance import CHECKS, STRICT_DOCUMENT
from tests.panel import Panel
from tests.ws.sockets import Sockets
from ws.handshake import Connection, Handshake
from ws.protocol import PATH

OPERATION = STRICT_DOCUMENT.operation("connect_websocket")
TENANT = "cust_a"


def _error(response: Response) -> dict[str, Any]:
    """The error of a refused handshake, held to the document."""
    headers = {name.lower(): value for name, value in response.headers.raw_items()}
    assert not CHECKS.check(OPERATION, response.status_code, headers, bytes(response.body))
    said = dict(json.loads(response.body)["error"])
    assert said.pop("request_id") == headers["x-request-id"]
    return said


def _session(panel: Panel, key: str = "") -> str:
    return str(panel.post("/auth/sessions", key=key).headers["set-cookie"]).partition(";")[0]


def _ticket(panel: Panel, **options: Any) -> str:
    return str(panel.post("/ws/tickets", **options).json()["ticket"])


# ── Ways in ────────────────────────────────────────────────────────────────────────────────────


def test_a_key_opens_a_socket_by_header_and_by_query(panel: Panel, sockets: Sockets) -> None:
    with sockets.open() as by_header, sockets.open(f"?api_key={panel.admin}", key=None) as by_query:
        assert by_header.hello == by_query.hello


def test_a_session_opens_a_socket_from_the_panels_own_page(panel: Panel, sockets: Sockets) -> None:
    with sockets.open(key=None, Cookie=_session(panel), Origin="http://testserver") as client:
        panel.service()
        assert client.until(type="service.status", status="running")


@pytest.mark.parametrize(
    "origin",
    ["", "null", "http://evil.example", "http://testserver:81", "http://testserver.evil.example", "testserver"],
)
def test_a_session_opens_none_from_elsewhere(panel: Panel, sockets: Sockets, origin: str) -> None:
    headers = {"Origin": origin} if origin else {}
    refused = sockets.refused(key=None, Cookie=_session(panel), **headers)
    assert (refused.status_code, _error(refused)["code"]) == (403, "cross_site")


def test_a_ticket_opens_one_socket_once(panel: Panel, sockets: Sockets) -> None:
    ticket = _ticket(panel)
    with sockets.open(f"?ticket={ticket}", key=None):
        assert sockets.refused(f"?ticket={ticket}", key=None).status_code == 401


def test_a_ticket_is_for_its_topics_alone(panel: Panel, sockets: Sockets) -> None:
    one, two = (f"service:{panel.service(name)['id']}" for name in ("one", "two"))
    with sockets.open(f"?ticket={_ticket(panel, json={'topics': [one]})}", key=None) as client:
        assert client.asked(action="subscribe", topics=[two])["error"]["code"] == "forbidden"
        assert client.asked(action="unsubscribe", topics=[one])["topics"] == [one]
        panel.post(f"/services/{two.removeprefix('service:')}/restart")
        panel.post(f"/services/{one.removeprefix('service:')}/restart")
        panel.work()
        told = client.until(type="operation.progress", status="succeeded")
    assert {message["data"]["service_id"] for message in told} == {one.removeprefix("service:")}


def test_a_ticket_is_for_the_page_that_asked_for_it(panel: Panel, sockets: Sockets) -> None:
    headers = {"Origin": "http://testserver"}
    assert sockets.refused(f"?ticket={_ticket(panel, headers=headers)}", key=None).status_code == 401
    elsewhere = sockets.refused(f"?ticket={_ticket(panel, headers=headers)}", key=None, Origin="http://evil.example")
    assert elsewhere.status_code == 401
    with sockets.open(f"?ticket={_ticket(panel, headers=headers)}", key=None, **headers):
        pass


def test_a_ticket_is_worth_what_its_key_is(panel: Panel, sockets: Sockets) -> None:
    key = panel.key("customer", TENANT)
    with sockets.open(f"?ticket={_ticket(panel, key=key)}", key=None) as client:
        panel.service("theirs")
        own = panel.service("own", customer_id=TENANT)
        assert {one["data"]["service_id"] for one in client.until(status="running", type="service.status")} == {
            own["id"]
        }
    ticket = _ticket(panel, key=key)
    panel.delete(f"/v1/api-keys/{panel.get('/auth/me', key=key).json()['id']}")
    assert sockets.refused(f"?ticket={ticket}", key=None).status_code == 401


# ── Refusals ───────────────────────────────────────────────────────────────────────────────────


def test_every_wrong_credential_gets_the_same_answer(panel: Panel, sockets: Sockets) -> None:
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
    said = []
    for query, headers in wrong:
        refused = sockets.refused(query, key=None, **headers)
        assert refused.status_code == 401, (query, headers)
        said.append(_error(refused))
    assert [one for one in said if one != said[0]] == []


def test_a_credential_that_is_given_twice_opens_nothing(panel: Panel, sockets: Sockets) -> None:
    for query in (f"?api_key={panel.admin}&api_key={panel.admin}", "?after=1&after=2"):
        assert sockets.refused(query, key=None if "key" in query else "").status_code == 400


@pytest.mark.parametrize("query", ["?after=x", "?after=", "?after=-1", "?after=1.5", "?after=9007199254740992", "?x=1"])
def test_parameters_that_are_none_are_refused_by_name(sockets: Sockets, query: str) -> None:
    refused = sockets.refused(query)
    assert refused.status_code == 400
    assert query[1:].partition("=")[0] in _error(refused)["message"]


def test_a_number_that_is_gone_is_410(panel: Panel, sockets: Sockets) -> None:
    from datetime import UTC, datetime

    panel.service()
    with panel.ports.store.begin() as work:
        work.events.remove_before(datetime.max.replace(tzinfo=UTC))
    refused = sockets.refused("?after=0")
    assert (refused.status_code, _error(refused)["code"]) == (410, "cursor_too_old")


def test_a_key_without_the_permission_gets_none(panel: Panel, sockets: Sockets) -> None:
    refused = sockets.refused(key=panel.key("viewer", denied_permissions=("events.read",)))
    assert (refused.status_code, _error(refused)["code"]) == (403, "forbidden")


def test_handshakes_are_counted_like_requests(panel: Panel, sockets: Sockets) -> None:
    key = panel.key("viewer", rate_limit_rpm=2)
    with sockets.open(key=key) as client, sockets.open(key=key):
        assert client.connection.response
        assert client.connection.response.headers["X-RateLimit-Remaining"] == "1"
        refused = sockets.refused(key=key)
    assert (refused.status_code, _error(refused)["code"]) == (429, "rate_limited")
    assert panel.get("/auth/me", key=key).status_code == 429


def test_the_database_away_is_said(panel: Panel, sockets: Sockets, monkeypatch: pytest.MonkeyPatch) -> None:
    from domain.errors import Unavailable

    def away(*_: object) -> None:
        raise Unavailable("The database does not answer", code="database_unavailable")

    monkeypatch.setattr(sockets.server._authenticator, "by_api_key", away)
    refused = sockets.refused()
    assert (refused.status_code, _error(refused)["code"]) == (503, "database_unavailable")


def test_what_nobody_foresaw_is_logged_and_said_without_detail(
    sockets: Sockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("secret detail")

    logged: list[Any] = []
    monkeypatch.setattr(refusals._log, "error", lambda *_, exc_info, extra: logged.append((str(exc_info), extra)))
    monkeypatch.setattr(sockets.server._authenticator, "by_api_key", broken)
    refused = sockets.refused()
    assert (refused.status_code, _error(refused)["code"]) == (500, "internal_error")
    assert b"secret detail" not in bytes(refused.body)
    assert logged == [("secret detail", {"request_id": refused.headers["x-request-id"]})]


def test_no_key_and_no_ticket_reaches_a_log(panel: Panel, sockets: Sockets, caplog: pytest.LogCaptureFixture) -> None:
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False})  # as any library of the process may do
    caplog.set_level(logging.DEBUG)
    ticket = _ticket(panel)
    with sockets.open(f"?api_key={panel.admin}", key=None), sockets.open(f"?ticket={ticket}", key=None):
        sockets.refused(f"?api_key={panel.admin}&x=1", key=None)
    logged = [record.getMessage() for record in caplog.records if record.name != "websockets.client"]  # the test's own
    assert not [line for line in logged if panel.admin in line or ticket in line]


# ── Not WebSocket ──────────────────────────────────────────────────────────────────────────────


def _raw(sockets: Sockets, head: str) -> bytes:
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(10)
        raw.connect(sockets.path)
        raw.sendall(head.replace("\n", "\r\n").encode())
        got = b""
        while more := raw.recv(65536):
            got += more
    return got


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


def test_another_path_is_not_found(panel: Panel, sockets: Sockets) -> None:
    asked = _head(panel).replace(PATH, "/api/services")
    got = _raw(sockets, asked)
    assert got.startswith(b"HTTP/1.1 404 ")
    assert b'"code":"not_found"' in got


@pytest.mark.parametrize("missing", ["Upgrade: websocket\n", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\n"])
def test_a_request_that_is_no_handshake_is_answered_in_the_one_shape(
    panel: Panel, sockets: Sockets, missing: str
) -> None:
    asked = _head(panel)
    got = _raw(sockets, asked.replace(missing, ""))
    assert got.startswith((b"HTTP/1.1 426 ", b"HTTP/1.1 400 "))
    head, body = got.split(b"\r\n\r\n", 1)
    assert json.loads(body)["error"]["code"] in ("upgrade_required", "bad_request")
    assert b"X-RateLimit-Limit" in head


@pytest.mark.parametrize(
    "garbage", ["\n\n", "x\n\n", "GET\n\n", "POST /api/ws HTTP/1.1\nHost: x\n\n", "\x00" * 100, "G" * 20000]
)
def test_garbage_is_cut_off_and_hurts_nobody(sockets: Sockets, garbage: str, caplog: pytest.LogCaptureFixture) -> None:
    with sockets.open():
        _raw(sockets, garbage + "\n\n")
        with sockets.open():
            pass
    assert "Traceback" not in caplog.text


def test_whoever_has_left_meanwhile_is_no_visitor_from_here(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its address is gone with it; taken for one of this machine, it could name any other as its own."""
    gone = create_autospec(Connection, instance=True)
    gone.transport = Mock(is_closing=lambda: True)
    gone.respond.side_effect = lambda status, text: Response(status, text, Headers())
    charged: list[str] = []
    monkeypatch.setattr(panel.ports.counter, "hit", lambda bucket, limit: charged.append(bucket))
    asked = Request(PATH, Headers({"X-Forwarded-For": "192.0.2.7"}))
    refused = asyncio.run(Handshake(panel.ports, Authenticator(panel.ports)).process_request(gone, asked))
    assert refused is not None
    assert (refused.status_code, charged) == (400, [])
