"""WebSockets at the API's port: joined with the socket server unread, or answered in the one shape."""

import json
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from handlers.program.websocket_proxy import proxy_protocol, with_client_address
from tests import conformance
from tests.listening import listening
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
    """A panel of its own for every test."""
    with with_sockets(tmp_path) as panel:
        yield panel


@pytest.fixture
def sockets(panel: Panel) -> Iterator[Server]:
    """A started socket server."""
    with serving(panel) as server:
        yield server


@pytest.fixture
def port(panel: Panel) -> Iterator[int]:
    """The API's port."""
    with listening(panel.app, proxy_protocol(panel.ports)) as url:
        yield int(url.rpartition(":")[2])


def test_a_socket_passes_the_apis_port_in_both_directions(panel: Panel, sockets: Server, port: int) -> None:
    headers = {"Authorization": f"Bearer {panel.admin}"}
    with connect(f"ws://127.0.0.1:{port}/api/ws", additional_headers=headers) as client:
        assert json.loads(client.recv(10))["type"] == "hello"
        service = panel.service()
        assert json.loads(client.recv(10))["data"]["service_id"] == service["id"]
        client.send(json.dumps({"action": "subscribe", "topics": [f"service:{service['id']}"], "after": 0}))
        while json.loads(client.recv(10))["type"] != "subscribed":
            pass


def test_many_bytes_arrive_as_they_were_sent(panel: Panel, sockets: Server, port: int) -> None:
    for number in range(10):
        panel.service(f"web-{number}")
    stored = panel.get("/events?limit=1000").json()["data"]
    headers = {"Authorization": f"Bearer {panel.admin}"}
    with connect(f"ws://127.0.0.1:{port}/api/ws?after=0", additional_headers=headers) as client:
        client.recv(10)
        assert [json.loads(client.recv(10)) for _ in stored] == stored


def test_a_client_that_leaves_leaves_at_the_socket_server_too(panel: Panel, sockets: Server, port: int) -> None:
    headers = {"Authorization": f"Bearer {panel.admin}"}
    with connect(f"ws://127.0.0.1:{port}/api/ws", additional_headers=headers) as client:
        client.recv(10)
        client.socket.shutdown(socket.SHUT_RDWR)
        until(lambda: not sockets._sessions, 10, "its session is gone")


def test_when_the_socket_server_goes_its_clients_are_told(panel: Panel, sockets: Server, port: int) -> None:
    headers = {"Authorization": f"Bearer {panel.admin}"}
    with connect(f"ws://127.0.0.1:{port}/api/ws", additional_headers=headers) as client:
        client.recv(10)
        sockets.stop()
        with pytest.raises(ConnectionClosed, match="1001"):
            client.recv(10)


def test_without_a_socket_server_the_answer_says_so(panel: Panel, port: int) -> None:
    answered = httpx.get(
        f"http://127.0.0.1:{port}/api/ws", headers={**HANDSHAKE, "Authorization": f"Bearer {panel.admin}"}
    )
    assert answered.status_code == 503
    conformance.keep("GET", answered)
    assert "ai-admin-panel ws" in answered.json()["error"]["details"]


def test_what_is_no_get_cannot_become_a_socket(panel: Panel, sockets: Server, port: int) -> None:
    answered = httpx.post(f"http://127.0.0.1:{port}/api/services", headers=HANDSHAKE, json={})
    assert (answered.status_code, answered.json()["error"]["code"]) == (400, "bad_request")
    assert answered.headers["x-request-id"] == answered.json()["error"]["request_id"]


def test_a_path_without_sockets_is_not_found(panel: Panel, sockets: Server, port: int) -> None:
    headers = {**HANDSHAKE, "Authorization": f"Bearer {panel.admin}"}
    answered = httpx.get(f"http://127.0.0.1:{port}/api/services", headers=headers)
    assert (answered.status_code, answered.json()["error"]["code"]) == (404, "not_found")


def test_the_address_that_a_proxy_here_tells_counts(panel: Panel, sockets: Server, port: int) -> None:
    """As for every other request: uvicorn believes a proxy on this machine too."""
    key = panel.key("viewer", allowed_ips=("192.0.2.7",))
    headers = {**HANDSHAKE, "Authorization": f"Bearer {key}"}
    for told, status in (("192.0.2.7", None), ("192.0.2.8", 401), ("192.0.2.7, 192.0.2.8", 401), ("", 401)):
        forwarded = {"X-Forwarded-For": told} if told else {}
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
    ("peer", "told", "address"),
    [
        ("203.0.113.5", [], "203.0.113.5"),
        ("203.0.113.5", ["192.0.2.7"], "203.0.113.5"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["192.0.2.7"], "192.0.2.7"),
        ("::1", ["10.0.0.1, 192.0.2.7", "127.0.0.1"], "192.0.2.7"),
        ("127.0.0.1", ["127.0.0.1"], "127.0.0.1"),
    ],
)
def test_the_head_goes_on_with_the_one_address_that_is_believed(peer: str, told: list[str], address: str) -> None:
    lines = ["GET /api/ws HTTP/1.1", "host: panel", *(f"X-Forwarded-For: {one}" for one in told), "cookie: a=b", "", ""]
    first, *headers = with_client_address("\r\n".join(lines).encode(), peer).decode().split("\r\n")
    assert first == lines[0]
    assert headers == ["host: panel", "cookie: a=b", f"x-forwarded-for: {address}", "", ""]


def test_the_whole_program_says_goodbye_at_its_sockets(tmp_path: Path) -> None:
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
