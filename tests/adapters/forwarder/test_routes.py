"""Ports and route files."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from domain import errors
from domain.adapters.forwarder import Router, listeners
from domain.ports.router import Target

from .peers import NOWHERE, OTHER, SERVICE, Serve, connect, eventually, get, port_of


def test_a_port_of_another_program_is_not_shared(tmp_path: Path):
    trial = Router(tmp_path / "trial", "127.0.0.1", "127.0.0.1")
    port = port_of(trial.switch(SERVICE, "shop", []))
    with socket.create_server(("127.0.0.1", port), reuse_port=True):
        router = Router(tmp_path / "routes", "127.0.0.1", "127.0.0.1")
        assert port_of(router.switch(SERVICE, "shop", [])) > port


def test_the_port_of_another_panel_is_not_joined_at_a_restart(tmp_path: Path, web: Serve):
    ours, theirs = (Router(tmp_path / name, "127.0.0.1", "127.0.0.1") for name in ("ours", "theirs"))
    url = ours.switch(SERVICE, "shop", [web("ours").target])
    theirs.start()
    assert theirs.switch(SERVICE, "shop", [web("theirs").target]) == url
    ours.start()
    assert ours.problems()
    assert {get(url) for _ in range(20)} == {"theirs"}
    theirs.stop()
    eventually(lambda: ours._listeners.has(SERVICE))
    assert ours.problems() == []
    assert get(url) == "ours"
    ours.stop()


def test_services_published_at_the_same_moment_get_different_ports(forwarder: Router, tmp_path: Path):
    others = [Router(tmp_path / "routes", "127.0.0.1", "127.0.0.1") for _ in range(3)]
    elsewhere = Router(tmp_path / "elsewhere", "127.0.0.1", "127.0.0.1")
    elsewhere.start()
    routers = [forwarder, elsewhere, *others]
    with ThreadPoolExecutor(8) as pool:
        urls = list(pool.map(lambda n: routers[n % 5].switch(f"svc_{n}", "shop", []), range(40)))
    elsewhere.stop()
    of_the_folder = [url for number, url in enumerate(urls) if number % 5 != 1]
    assert len(set(of_the_folder)) == len(of_the_folder)
    listening = [url for number, url in enumerate(urls) if number % 5 < 2]
    assert len(set(listening)) == len(listening)


def test_a_port_is_kept_over_restarts(tmp_path: Path, web: Serve):
    urls = set()
    for name in "abc":
        router = Router(tmp_path, "127.0.0.1", "127.0.0.1")
        router.start()
        urls.add(router.switch(SERVICE, "shop", [web(name).target]))
        assert get(*urls) == name
        router.stop()
        with pytest.raises(ConnectionRefusedError):
            connect(*urls)
    assert len(urls) == 1


def test_a_port_that_is_in_use_is_reported_and_waited_for_not_replaced(
    tmp_path: Path, web: Serve, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(listeners, "FAILING_SECONDS", 0.2)
    router = Router(tmp_path, "127.0.0.1", "127.0.0.1")
    url = router.switch(SERVICE, "shop", [web("a").target])
    with capture_logs() as logs:
        with socket.create_server(("127.0.0.1", port_of(url))):
            assert f"Port {port_of(url)} of {SERVICE} cannot be opened" in router.problems()[0]
            router.start()
            assert f"Port {port_of(url)} of {SERVICE} cannot be opened" in router.problems()[0]
            with pytest.raises(errors.Unavailable, match=f"Port {port_of(url)}"):
                router.switch(SERVICE, "shop", [NOWHERE])
            eventually(lambda: logs)
            time.sleep(0.6)
        eventually(lambda: logs[-1]["event"] == "route_open", 3)
        assert router.problems() == []
        assert get(url) == "a"
        router.stop()
    assert [line["event"] for line in logs] == ["route_shut", "route_open"]
    assert logs[0]["service_id"] == SERVICE


def test_an_address_of_another_host_is_reported(tmp_path: Path):
    with pytest.raises(errors.Unavailable, match="PANEL_HOST"):
        Router(tmp_path, "192.0.2.1", "localhost").switch(SERVICE, "shop", [])


def test_a_route_file_says_what_it_holds_and_nothing_else_is_left(forwarder: Router, tmp_path: Path):
    url = forwarder.switch(SERVICE, "shop", [Target("10.0.0.1", 80)])
    files = sorted(path.name for path in (tmp_path / "routes").iterdir())
    assert files == [".lock", f".{SERVICE}.lock", f"{SERVICE}.json"]
    assert json.loads((tmp_path / "routes" / f"{SERVICE}.json").read_text()) == {
        "service_id": SERVICE,
        "name": "shop",
        "port": port_of(url),
        "targets": [{"host": "10.0.0.1", "port": 80}],
    }


def test_a_damaged_route_file_is_reported_once_and_keeps_the_last_valid_route(
    forwarder: Router, tmp_path: Path, web: Serve
):
    url = forwarder.switch(SERVICE, "shop", [web("a").target])
    with capture_logs() as logs:
        (tmp_path / "routes" / f"{SERVICE}.json").write_text('{"port": "x"')
        assert [get(url) for _ in range(3)] == ["a"] * 3
    assert [line["event"] for line in logs] == ["route_damaged"]
    assert "is damaged" in forwarder.problems()[0]
    with pytest.raises(errors.Unavailable, match="is damaged"):
        forwarder.targets(SERVICE)
    assert forwarder.switch(OTHER, "blog", []) != url


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path):
    router = Router(tmp_path / "routes", "127.0.0.1", "localhost")
    (tmp_path / "routes").rmdir()
    with pytest.raises(errors.Unavailable, match="cannot be changed"):
        router.switch(SERVICE, "shop", [])


def test_a_folder_that_disappears_is_reported_once_and_closes_no_listener(
    forwarder: Router, tmp_path: Path, web: Serve
):
    url = forwarder.switch(SERVICE, "shop", [web("a").target])
    with capture_logs() as logs:
        (tmp_path / "routes").rename(tmp_path / "elsewhere")
        eventually(lambda: logs)
        with pytest.raises(errors.Unavailable, match="cannot be read"):
            forwarder.routes()
        time.sleep(1.2)
        (tmp_path / "elsewhere").rename(tmp_path / "routes")
        assert get(url) == "a"
    assert [line["event"] for line in logs] == ["routes_unreadable"]
