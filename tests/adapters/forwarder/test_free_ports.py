"""Ports of the host that services reserve, and ports of routes, do not meet."""

import socket
from contextlib import closing
from pathlib import Path

import pytest

from domain.adapters.forwarder import Router
from domain.adapters.forwarder.port_leases import ServicePorts, find_free
from domain.ports.router import RouteFailed


def _range_of(size: int) -> range:
    """Return ports at which nothing listens."""
    for first in range(21_000, 32_000, size):
        ports = range(first, first + size)
        try:
            for port in ports:
                find_free("127.0.0.1", range(port, port + 1), (), "tcp")
                find_free("127.0.0.1", range(port, port + 1), (), "udp")
        except RouteFailed:
            continue
        return ports
    raise AssertionError("no free range")


@pytest.mark.parametrize(("protocol", "kind"), [("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM)])
def test_a_free_port_is_neither_reserved_nor_in_use(tmp_path: Path, protocol: str, kind: socket.SocketKind):
    ports = _range_of(3)
    router = Router(tmp_path, "127.0.0.1", "127.0.0.1", ports=ServicePorts(ports))
    with closing(socket.socket(socket.AF_INET, kind)) as other:
        other.bind(("127.0.0.1", ports[2]))
        assert router.find_free_port(protocol, ()) == ports[1]
        assert router.find_free_port(protocol, {ports[1]}) == ports[0]
        with pytest.raises(RouteFailed, match="Widen PANEL_SERVICE_PORTS"):
            router.find_free_port(protocol, {ports[0], ports[1]})


def test_routes_and_reservations_leave_each_other_their_ports(tmp_path: Path):
    ports = _range_of(2)
    router = Router(tmp_path, "127.0.0.1", "127.0.0.1", ports=ServicePorts(ports, lambda: {ports[0]}))
    assert router.switch("svc_1", "shop", []) == f"http://127.0.0.1:{ports[1]}"
    with pytest.raises(RouteFailed):
        router.find_free_port("tcp", {ports[0]})
    assert router.find_free_port("udp", {ports[0]}) == ports[1], "a route is TCP"
