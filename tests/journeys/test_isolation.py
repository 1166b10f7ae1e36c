"""A tenant's container cannot reach the panel, its parts, or other tenants."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit

import pytest
from docker import DockerClient
from docker.models.containers import Container

from tests.engine import Images
from tests.process import Process


class _GreetingHandler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"welcome")

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def _run_public_server() -> Iterator[int]:
    """Run a server at every address of this host, and return its port."""
    with HTTPServer(("0.0.0.0", 0), _GreetingHandler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def inside(process: Process, images: Images, engine: DockerClient) -> Container:
    """The container of a tenant's service."""
    service = process.create_running(name="tenant", deploy_method="image", image=images.reference("web:1"), port=8080)
    [container] = engine.containers.list(filters={"label": f"panel.service={service['id']}"})
    return container


def _host_address(container: Container) -> str:
    """Return this host's address in the container's network."""
    [network] = container.attrs["NetworkSettings"]["Networks"].values()
    return str(network["Gateway"])


def _fetch(container: Container, host: str, port: int | None) -> str:
    """Send an HTTP request from the container; return the response, or "" without one."""
    script = rf"printf 'GET / HTTP/1.0\r\n\r\n' | nc -w 2 {host} {port} 2>/dev/null"
    return bytes(container.exec_run(["sh", "-c", script]).output).decode()


def test_a_container_reaches_neither_the_panel_nor_other_services(
    process: Process, images: Images, inside: Container
) -> None:
    other = process.create_running(name="other", deploy_method="image", image=images.reference("web:1"), port=8080)
    ports = {"the API": process.port, "the other service": urlsplit(other["url"]).port}
    with _run_public_server() as port:
        assert _fetch(inside, _host_address(inside), port).endswith("welcome"), "the container reaches an open port"
    for name, closed in ports.items():
        assert _fetch(inside, _host_address(inside), closed) == "", name
        assert _fetch(inside, "127.0.0.1", closed) == "", name


def test_a_container_holds_no_socket_and_no_setting_of_the_panel_or_the_engine(
    process: Process, inside: Container
) -> None:
    output = bytes(inside.exec_run(["sh", "-c", "cat /proc/1/environ /proc/mounts /proc/net/unix; ls -R /tmp"]).output)
    assert b"PATH=" in output
    assert b"proc" in output
    for hidden in ("PANEL_", "docker.sock", "panel.db", "ws.sock", "secrets.key", str(process.folder), process.key):
        assert hidden.encode() not in output, hidden


def test_a_container_reaches_no_other_tenant_by_name_or_address(
    process: Process, images: Images, engine: DockerClient, inside: Container
) -> None:
    other = process.create_running(name="other", deploy_method="image", image=images.reference("web:1"), port=8080)
    [neighbour] = engine.containers.list(filters={"label": f"panel.service={other['id']}"})
    [network] = neighbour.attrs["NetworkSettings"]["Networks"].values()
    assert images.reference("web:1") in _fetch(neighbour, network["IPAddress"], 8080)
    for host in (network["IPAddress"], neighbour.name, neighbour.short_id, socket.gethostname()):
        assert _fetch(inside, host, 8080) == "", host
