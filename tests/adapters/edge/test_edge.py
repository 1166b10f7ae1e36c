"""The edge: what its port promises, in memory and on the real Caddy."""

from dataclasses import replace

import pytest

from domain.adapters import caddy as brand
from domain.adapters import memory
from domain.ports.edge import Edge, EdgeRoute
from domain.ports.router import Target
from tests.caddy import Caddy, caddy  # noqa: F401

ROUTE = EdgeRoute("dom_1", "shop.example.com", "/", Target("127.0.0.1", 9))
OTHER = EdgeRoute("dom_2", "*.example.com", "/api", Target("::1", 9), force_https=False)


@pytest.fixture(params=["memory", pytest.param("caddy", marks=pytest.mark.caddy)])
def edge(request: pytest.FixtureRequest) -> Edge:
    """An edge without routes."""
    if request.param == "memory":
        return memory.Edge()
    server: Caddy = request.getfixturevalue("caddy")
    return brand.Edge(server.admin)


def test_routes_that_are_in_place_change_nothing(edge: Edge) -> None:
    assert edge.apply([ROUTE, OTHER])
    assert not edge.apply([ROUTE, OTHER])


@pytest.mark.parametrize(
    "changes", [{"host": "b.example.com"}, {"path": "/b"}, {"force_https": False}, {"redirect_to": "c.example.com"}]
)
def test_a_changed_route_is_applied(edge: Edge, changes: dict[str, object]) -> None:
    edge.apply([ROUTE])
    assert edge.apply([replace(ROUTE, **changes)])  # type: ignore[arg-type]


def test_routes_that_are_left_out_are_removed(edge: Edge) -> None:
    edge.apply([ROUTE, OTHER])
    assert edge.apply([OTHER])
    assert edge.apply([])
    assert not edge.apply([])
