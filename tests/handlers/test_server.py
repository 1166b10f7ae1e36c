"""The whole application on a real port: what it does at start and end, and what only raw bytes show."""

import asyncio
import re
import socket
import time
from collections.abc import Iterator

import httpx
import pytest
import uvicorn

from handlers import server
from handlers.openapi31 import DocumentError
from handlers.server import MAX_BODY
from tests.calls import create_targets
from tests.conformance import CANARY
from tests.http_server import serve_http
from tests.panel import Panel


@pytest.fixture
def url(panel: Panel) -> Iterator[str]:
    with serve_http(panel.app, panel.ports) as base:
        yield base


def _raw(url: str, *sent: bytes, end: bool = False) -> bytes:
    """What comes back for these bytes, until the server closes or says nothing for a while."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as line:
        for part in sent:
            line.sendall(part)
        if end:
            line.shutdown(socket.SHUT_WR)
        line.settimeout(2)
        got = b""
        try:
            while part := line.recv(65536):
                got += part
        except TimeoutError:
            pass
        return got


def _statuses(got: bytes) -> list[int]:
    return [int(one) for one in re.findall(rb"^HTTP/1\.1 (\d{3})", got, re.MULTILINE)]


def test_the_panel_does_not_start_on_a_document_that_its_code_does_not_match(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("handlers.services.export_service")
    with pytest.raises(DocumentError, match="export_service"):
        server.create(panel.ports)


def test_uses_of_keys_are_stored_soon_and_at_shutdown(panel: Panel) -> None:
    key = panel.key("viewer")
    with serve_http(panel.app, panel.ports) as url:
        headers = {"Authorization": f"Bearer {key}"}
        key_id = httpx.get(f"{url}/api/auth/me", headers=headers).json()["id"]
        end = time.monotonic() + 20
        while panel.get(f"/v1/api-keys/{key_id}").json()["requestCount"] < 1 and time.monotonic() < end:
            time.sleep(0.1)
        assert panel.get(f"/v1/api-keys/{key_id}").json()["lastUsedIp"] == "127.0.0.1"
        httpx.get(f"{url}/api/auth/me", headers=headers)
    read = panel.get(f"/v1/api-keys/{key_id}").json()
    assert (read["requestCount"], read["lastUsedAt"] is not None) == (2, True)


def test_an_internal_error_is_logged_once_and_only_by_the_panel_on_a_real_server(
    panel: Panel, url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(CANARY)

    monkeypatch.setattr("domain.services.list_services", broken)
    answered = httpx.get(f"{url}/api/services", headers={"Authorization": f"Bearer {panel.admin}"})
    assert answered.status_code == 500
    assert CANARY not in answered.text
    assert [record.name for record in caplog.records if record.levelname == "ERROR"] == ["handlers.edge.refusals"]


def test_a_client_that_disconnects_while_sending_its_body_is_no_error(
    panel: Panel, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    head = f"POST /api/services HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {panel.admin}\r\n"
    _raw(url, (head + "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{").encode(), end=True)
    assert httpx.get(f"{url}/api/health").status_code == 200
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    assert panel.get("/services").json()["total"] == 0


def test_a_body_is_refused_without_being_read_to_its_end(panel: Panel, url: str) -> None:
    head = f"POST /api/services HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {panel.admin}\r\n"
    head += "Content-Type: application/json\r\n"
    for length in ("Content-Length: 99999999999", "Transfer-Encoding: chunked"):
        chunk = b"" if "Length" in length else b"%x\r\n%b\r\n" % (MAX_BODY + 1, b" " * (MAX_BODY + 1))
        got = _raw(url, f"{head}{length}\r\n\r\n".encode() + chunk)
        assert _statuses(got) == [413], length
        assert b"connection: close" in got.lower()


SMUGGLED = "GET /api/health HTTP/1.1\r\nHost: x\r\nX-Request-Id: smuggled\r\n\r\n"


def test_a_request_cannot_be_smuggled_in_the_body_of_another(panel: Panel, url: str) -> None:
    for framing in (
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 4\r\nContent-Length: 400\r\n",
        "Content-Length: 0x4\r\n",
        "Content-Length: -4\r\n",
        "Content-Length: +4\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
    ):
        head = f"POST /api/services/validate HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {panel.admin}\r\n"
        head += f"Content-Type: application/json\r\n{framing}\r\n"
        got = _raw(url, (head + "0\r\n\r\n" + SMUGGLED).encode())
        assert b"x-request-id: smuggled" not in got.lower() or _statuses(got)[0] in {400, 501}, framing


def test_a_line_break_in_a_path_or_header_does_not_add_a_header(panel: Panel, url: str) -> None:
    key = {"Authorization": f"Bearer {panel.admin}"}
    for path in ("/api/services/svc_1%0d%0aX-Evil:1", "/api/services?search=%0d%0aX-Evil:%201", "/api/%0d%0aX-Evil:1"):
        assert "x-evil" not in httpx.get(url + path, headers=key).headers
    got = _raw(url, b"GET /api/health HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\nX-Evil: 1\r\n\r\n")
    assert b"\r\nx-evil" not in got.lower()


def test_input_that_is_not_http_is_refused_without_a_traceback(url: str, caplog: pytest.LogCaptureFixture) -> None:
    for nonsense in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET\r\n\r\n", b"\x00" * 100 + b"\r\n\r\n"):
        got = _raw(url, nonsense, end=True)
        assert _statuses(got) in ([400], [])
        assert b"Traceback" not in got
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_a_websocket_without_a_websocket_server_is_closed_without_an_error(panel: Panel) -> None:
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/api/ws", "raw_path": b"/api/ws", "headers": [], "query_string": b""}
    asyncio.run(panel.app(scope, receive, send))
    assert [message["type"] for message in sent] == ["websocket.close"]


def test_head_leaves_the_connection_usable(panel: Panel, url: str) -> None:
    made = create_targets(panel)
    key = {"Authorization": f"Bearer {panel.admin}"}
    with httpx.Client(base_url=f"{url}/api", headers=key) as client:
        for path in ("/services", f"/services/{made.ids['service_id']}", "/docs", "/openapi.yaml", "/nowhere"):
            headed, got = client.head(path), client.get(path)
            assert headed.status_code == got.status_code
            assert headed.content == b""


def test_the_server_starts_only_if_its_lifespan_starts(panel: Panel) -> None:
    config = uvicorn.Config(panel.app, lifespan="on")
    config.load()
    assert config.lifespan_class.__name__ == "LifespanOn"
