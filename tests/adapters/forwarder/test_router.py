"""The contract of the port, tested on the in-memory router and the forwarder."""

import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from domain import ports
from domain.adapters import memory
from domain.adapters.forwarder import Router
from domain.ports.router import Target

from .peers import NOWHERE, OTHER, SERVICE


@pytest.fixture(params=["memory", "forwarder", "not started"])
def router(request: pytest.FixtureRequest, tmp_path: Path) -> ports.Router:
    if request.param == "memory":
        return memory.Router()
    if request.param == "not started":
        return Router(tmp_path, "127.0.0.1", "localhost")
    started: Router = request.getfixturevalue("forwarder")
    return started


def test_a_url_stays_the_same_over_switches(router: ports.Router):
    url = router.switch(SERVICE, "shop", [Target("10.0.0.1", 80)])
    assert urlsplit(url).port in range(49152, 65536)
    assert router.switch(SERVICE, "shop", [Target("10.0.0.2", 80)]) == url
    assert router.switch(SERVICE, "renamed", []) == url


def test_services_have_urls_of_their_own(router: ports.Router):
    urls = {router.switch(service_id, "same", [NOWHERE]) for service_id in (SERVICE, OTHER)}
    assert len(urls) == 2


def test_targets_are_those_of_the_last_switch(router: ports.Router):
    assert router.targets(SERVICE) == ()
    router.switch(SERVICE, "shop", [Target("10.0.0.1", 80), Target("10.0.0.2", 80)])
    assert router.targets(SERVICE) == (Target("10.0.0.1", 80), Target("10.0.0.2", 80))
    router.switch(SERVICE, "shop", [])
    assert router.targets(SERVICE) == ()
    assert router.routes() == {SERVICE}


def test_a_closed_route_is_gone_and_closing_it_again_is_success(router: ports.Router):
    router.switch(SERVICE, "shop", [NOWHERE])
    router.switch(OTHER, "blog", [NOWHERE])
    router.close(SERVICE)
    router.close(SERVICE)
    assert router.routes() == {OTHER}
    assert router.targets(SERVICE) == ()


def test_draining_where_nobody_is_connected_takes_no_time(router: ports.Router):
    router.switch(SERVICE, "shop", [NOWHERE])
    start = time.monotonic()
    router.drain(SERVICE, 30)
    router.drain(OTHER, 30)
    assert time.monotonic() - start < 10


def test_a_router_can_be_started_and_stopped_repeatedly(router: ports.Router):
    url = router.switch(SERVICE, "shop", [NOWHERE])
    for _ in range(2):
        router.stop()
        router.stop()
        router.start()
        assert router.problems() == []
    assert (router.routes(), router.targets(SERVICE)) == ({SERVICE}, (NOWHERE,))
    assert router.switch(SERVICE, "shop", []) == url
    router.stop()


def test_a_base_domain_makes_the_url_a_name(tmp_path: Path):
    for router in (
        memory.Router("host", "apps.example.com"),
        Router(tmp_path, "127.0.0.1", "host", "apps.example.com"),
    ):
        assert router.switch(SERVICE, "shop", [NOWHERE]) == "https://shop.apps.example.com"


def test_an_ipv6_public_host_stands_in_brackets(tmp_path: Path):
    assert Router(tmp_path, "::1", "::1").switch(SERVICE, "shop", []).startswith("http://[::1]:")
