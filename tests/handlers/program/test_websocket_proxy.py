"""WebSockets at the API's port: proxied to the WebSocket server, or rejected with the panel's error format."""

import json
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from handlers.program.websocket_proxy import with_client_address
from tests import conformance
from tests.http_server import serve_http
from tests.panel import Panel
from tests.process import Process, until
from tests.ws.sockets import serving, with_sockets
from ws.server import Server

HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


@pytest.fixture
def panel(tmp_path: Path) -> Iterator[Panel]:
    """A new panel for each test."""
    with with_sockets(tmp_path) as panel:
        yield panel


@pytest.fixture
def sockets(panel: Panel) -> Iterator[Server]:
    """A running WebSocket server."""
    with serving(panel) as server:
        yield server


@pytest.fixture
def port(panel: Panel) -> Iterator[int]:
    """The API's port."""
    with serve_http(panel.app, panel.ports) as url:
        yield int(url.rpartition(":")[2])


def test_a_websocket_works_in_both_directions_at_the_apis_port(panel: Panel, sockets: Server, port: int) -> None:
    headers = {"Authorization": f"Bearer {panel.admin}"}
    with connect(f"ws://127.0.0.1:{port}/api/ws", additional_headers=headers) as client:
        assert json.loads(client.recv(10))["type"] == "hello"
        service = panel.service()
        assert json.loads(client.recv(10))["data"]["service_id"] == service["id"]
        client.send(json.dumps({"action": "subscribe", "topics": [f"service:{service['id']}"], "after": 0}))
        while json.loads(client.recv(10))["type"] != "subscribed":
            pass


def test_large_messages_arrive_unchanged(panel: Panel, sockets: Server, port: int) -> None:
    for number in range(10):
        panel.service(f"web-{number}")
    stored = panel.get("/events?limit=1000").json()["data"]
    headers = {"Authorization": f"Bearer {panel.admin}"}
    with connect(f"ws://127.0.0.1:{port}/api/ws?after=0", additional_headers=headers) as client:
        client.recv(10)
        assert [json.loads(client.recv(10)) for _ in stored] == stored


def test_a_client_that_disconnects_ends_its_session(panel: Panel, sockets: Server, port: int) -> None:
    headers = {"Authorization": f"Bearer {panel.admin}"}
    with connect(f"ws://127.0.0.1:{port}/api/ws", additional_headers=headers) as client:
        client.recv(10)
        client.socket.shutdown(socket.SHUT_RDWR)
        until(lambda: not sockets._sessions, 10, "the session has ended")


def test_clients_get_a_close_code_when_the_websocket_server_stops(panel: Panel, sockets: Server, port: int) -> None:
    headers = {"Authorization": f"Bearer {panel.admin}"}
    with connect(f"ws://127.0.0.1:{port}/api/ws", additional_headers=headers) as client:
        client.recv(10)
        sockets.stop()
        with pytest.raises(ConnectionClosed, match="1001"):
            client.recv(10)


def test_a_missing_websocket_server_returns_503_with_the_next_step(panel: Panel, port: int) -> None:
    response = httpx.get(
        f"http://127.0.0.1:{port}/api/ws", headers={**HANDSHAKE, "Authorization": f"Bearer {panel.admin}"}
    )
    assert response.status_code == 503
    conformance.check_response("GET", response)
    assert "ai-admin-panel ws" in response.json()["error"]["details"]


def test_only_get_requests_can_be_upgraded(panel: Panel, sockets: Server, port: int) -> None:
    response = httpx.post(f"http://127.0.0.1:{port}/api/services", headers=HANDSHAKE, json={})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "bad_request")
    assert response.headers["x-request-id"] == response.json()["error"]["request_id"]


@pytest.mark.parametrize("headers", [HANDSHAKE, {}], ids=["handshake", "request"])
@pytest.mark.parametrize("body", [b"x", b"x" * 100_000])
def test_a_get_with_a_body_at_the_websocket_path_is_answered(
    panel: Panel, sockets: Server, port: int, headers: dict[str, str], body: bytes
) -> None:
    response = httpx.request(
        "GET",
        f"http://127.0.0.1:{port}/api/ws",
        headers={**headers, "Authorization": f"Bearer {panel.admin}", "Content-Type": "text/plain"},
        content=body,
    )
    assert response.status_code == (400 if headers else 426)
    conformance.check_response("GET", response)


def test_an_upgrade_at_another_path_is_not_found(panel: Panel, sockets: Server, port: int) -> None:
    headers = {**HANDSHAKE, "Authorization": f"Bearer {panel.admin}"}
    response = httpx.get(f"http://127.0.0.1:{port}/api/services", headers=headers)
    assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")


def test_the_client_address_from_a_local_proxy_is_used(panel: Panel, sockets: Server, port: int) -> None:
    """WebSockets follow uvicorn's rule for requests: only a proxy on this machine may set the address."""
    key = panel.key("viewer", allowed_ips=("192.0.2.7",))
    headers = {**HANDSHAKE, "Authorization": f"Bearer {key}"}
    for address, status in (
        ("192.0.2.7", None),
        ("192.0.2.7:4711", None),
        ("192.0.2.8:4711", 401),
        ("192.0.2.8", 401),
        ("192.0.2.7, 192.0.2.8", 401),
        ("", 401),
    ):
        forwarded = {"X-Forwarded-For": address} if address else {}
        assert httpx.get(
            f"http://127.0.0.1:{port}/api/auth/me", headers={"Authorization": headers["Authorization"], **forwarded}
        ).status_code == (status or 200)
        if status:
            assert httpx.get(f"http://127.0.0.1:{port}/api/ws", headers={**headers, **forwarded}).status_code == status
            continue
        with connect(
            f"ws://127.0.0.1:{port}/api/ws", additional_headers={"Authorization": headers["Authorization"], **forwarded}
        ) as client:
            assert client.recv(10)


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.5", [], "203.0.113.5"),
        ("203.0.113.5", ["192.0.2.7"], "203.0.113.5"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["192.0.2.7"], "192.0.2.7"),
        ("::1", ["10.0.0.1, 192.0.2.7", "127.0.0.1"], "192.0.2.7"),
        ("127.0.0.1", ["127.0.0.1"], "127.0.0.1"),
        ("127.0.0.1", ["192.0.2.7:4711, 127.0.0.1:4712"], "192.0.2.7"),
        ("127.0.0.1", ["[2001:db8::7]:4711"], "2001:db8::7"),
    ],
)
def test_the_forwarded_head_has_exactly_one_trusted_address(peer: str, forwarded: list[str], address: str) -> None:
    lines = [
        "GET /api/ws HTTP/1.1",
        "host: panel",
        *(f"X-Forwarded-For: {value}" for value in forwarded),
        "cookie: a=b",
        "",
        "",
    ]
    first, *headers = with_client_address("\r\n".join(lines).encode(), peer).decode().split("\r\n")
    assert first == lines[0]
    assert headers == ["host: panel", "cookie: a=b", f"x-forwarded-for: {address}", "", ""]


def test_serve_closes_websockets_with_a_close_code(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="panel-ws") as short:
        settings = {"PANEL_RUNTIME": "memory", "PANEL_WS_ADDRESS": f"{short}/ws.sock"}
        process = Process(tmp_path, "", settings=settings)
        process.start()
        headers = {"Authorization": f"Bearer {process.key}"}
        try:
            with connect(f"ws://127.0.0.1:{process.port}/api/ws", additional_headers=headers) as client:
                client.recv(10)
                process.stop()
                with pytest.raises(ConnectionClosed, match="1001"):
                    client.recv(10)
        finally:
            process.kill()
        assert "Traceback" not in process.log()
