"""What a program in a tenant's container can see of the panel, of its parts and of other tenants: nothing."""

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


class _Greeting(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"welcome")

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def _open_to_all() -> Iterator[int]:
    """A server at every address of this host, as a careless owner would start one; its port."""
    with HTTPServer(("0.0.0.0", 0), _Greeting) as server:
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
    service = process.deployed(name="tenant", deploy_method="image", image=images.reference("web:1"), port=8080)
    [container] = engine.containers.list(filters={"label": f"panel.service={service['id']}"})
    return container


def _host(container: Container) -> str:
    """This host, as the container sees it."""
    [network] = container.attrs["NetworkSettings"]["Networks"].values()
    return str(network["Gateway"])


def _fetched(container: Container, host: str, port: int | None) -> str:
    """What an HTTP server there says to the container; nothing when it is not reached."""
    script = rf"printf 'GET / HTTP/1.0\r\n\r\n' | nc -w 2 {host} {port} 2>/dev/null"
    return bytes(container.exec_run(["sh", "-c", script]).output).decode()


def test_neither_the_panel_nor_what_it_publishes_for_others_is_reached_from_a_container(
    process: Process, images: Images, inside: Container
) -> None:
    other = process.deployed(name="other", deploy_method="image", image=images.reference("web:1"), port=8080)
    ports = {"the API": process.port, "the other service": urlsplit(other["url"]).port}
    with _open_to_all() as port:
        assert _fetched(inside, _host(inside), port).endswith("welcome"), "it could reach a port that is open to it"
    for name, closed in ports.items():
        assert _fetched(inside, _host(inside), closed) == "", name
        assert _fetched(inside, "127.0.0.1", closed) == "", name


def test_a_container_holds_no_socket_and_no_setting_of_the_panel_or_the_engine(
    process: Process, inside: Container
) -> None:
    found = bytes(inside.exec_run(["sh", "-c", "cat /proc/1/environ /proc/mounts /proc/net/unix; ls -R /tmp"]).output)
    assert b"PATH=" in found
    assert b"proc" in found
    for hidden in ("PANEL_", "docker.sock", "panel.db", "ws.sock", "secrets.key", str(process.folder), process.key):
        assert hidden.encode() not in found, hidden


def test_names_of_the_host_and_of_other_tenants_lead_nowhere(
    process: Process, images: Images, engine: DockerClient, inside: Container
) -> None:
    other = process.deployed(name="other", deploy_method="image", image=images.reference("web:1"), port=8080)
    [neighbour] = engine.containers.list(filters={"label": f"panel.service={other['id']}"})
    [network] = neighbour.attrs["NetworkSettings"]["Networks"].values()
    assert images.reference("web:1") in _fetched(neighbour, network["IPAddress"], 8080)
    for host in (network["IPAddress"], neighbour.name, neighbour.short_id, socket.gethostname()):
        assert _fetched(inside, host, 8080) == "", host
