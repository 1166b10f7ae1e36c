"""Ports of the host at the real engine."""

import socket
from contextlib import closing

import httpx
import pytest

from domain.adapters.docker.container_config import published_address
from domain.model.project import Port
from domain.ports.runtime import EngineRefused
from tests.engine import Images
from tests.runtime_setup import RuntimeSetup


def free_port(kind: socket.SocketKind) -> int:
    with closing(socket.socket(socket.AF_INET, kind)) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.mark.engine
def test_tcp_and_udp_ports_of_a_container_are_opened_at_the_host(real: RuntimeSetup, images: Images):
    tcp, udp = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_DGRAM)
    published = {Port(8080): tcp, Port(53, "udp"): udp}
    name = real.start("web", published=published)
    real.wait_answering(name, 8080, "/index.html")
    assert httpx.get(f"http://127.0.0.1:{tcp}/index.html", trust_env=False).status_code == 200
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as client, pytest.raises(OSError, match="in use"):
        client.bind(("127.0.0.1", udp))
    bindings = images.client.inspect_container(name)["HostConfig"]["PortBindings"]
    assert {each["HostIp"] for binding in bindings.values() for each in binding} == {"127.0.0.1"}


@pytest.mark.engine
def test_a_port_of_the_host_leads_to_one_container_at_a_time(real: RuntimeSetup):
    published = {Port(8080): free_port(socket.SOCK_STREAM)}
    first = real.start("first", published=published)
    second = real.create("second", published=published)
    with pytest.raises(EngineRefused):
        real.runtime.start(second)
    real.runtime.stop(first, 0)
    real.runtime.start(second)


def test_ports_are_published_where_the_panel_listens():
    assert published_address("127.0.0.1") == "127.0.0.1"
    assert published_address("localhost") in ("127.0.0.1", "::1")
    assert {published_address(host) for host in ("", "0.0.0.0", "::")} == {""}
