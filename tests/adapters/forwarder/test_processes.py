"""Forwarders in several processes with one folder, and processes that are killed."""

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from domain.adapters.forwarder import Router

from .peers import (
    NOWHERE,
    SERVICE,
    Listen,
    Process,
    Serve,
    Start,
    connect,
    connection_count,
    echo,
    eventually,
    get,
    port_of,
    sink,
)


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Start]:
    started: list[Process] = []

    def start() -> Process:
        started.append(Process(tmp_path))
        return started[-1]

    yield start
    for one in started:
        if one.started.poll() is None:
            one.end()


@pytest.fixture
def writer(tmp_path: Path) -> Router:
    return Router(tmp_path, "127.0.0.1", "127.0.0.1")


def listeners(url: str) -> int:
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return sum(line.split()[1].endswith(f":{port_of(url):04X}") and line.split()[3] == "0A" for line in lines)


def test_a_killed_process_comes_back_on_the_same_port(writer: Router, process: Start, web: Serve):
    url = writer.switch(SERVICE, "shop", [web("a").target])
    for _ in range(3):
        forwarding = process()
        assert get(url) == "a"
        with connect(url):
            assert forwarding.end(kill=True) == -signal.SIGKILL
        with pytest.raises(ConnectionRefusedError):
            get(url)
    process()
    assert get(url) == "a"
    assert writer.switch(SERVICE, "shop", [web("b").target]) == url
    assert get(url) == "b"


def test_two_processes_forward_side_by_side_and_agree_at_once(writer: Router, process: Start, web: Serve):
    servers = {name: web(name) for name in "ab"}
    url = writer.switch(SERVICE, "shop", [servers["a"].target])
    first, second = process(), process()
    assert listeners(url) == 2
    for name in "ba" * 5:
        writer.switch(SERVICE, "shop", [servers[name].target])
        assert [get(url) for _ in range(10)] == [name] * 10
    first.end(kill=True)
    assert [get(url) for _ in range(10)] == ["a"] * 10
    assert second.end() == 0


def test_a_process_notices_routes_that_another_adds_and_removes(writer: Router, process: Start, web: Serve):
    process()
    url = writer.switch(SERVICE, "shop", [web("a").target])
    eventually(lambda: listeners(url) == 1, 5)
    assert get(url) == "a"
    writer.close(SERVICE)
    eventually(lambda: listeners(url) == 0, 5)


def test_a_process_drains_by_itself_when_another_switches(writer: Router, process: Start, raw: Listen):
    url = writer.switch(SERVICE, "shop", [raw(echo)])
    process()
    with connect(url) as idle, connect(url) as busy:
        idle.sendall(b"hello")
        assert idle.recv(100) == b"hello"
        writer.switch(SERVICE, "shop", [NOWHERE])
        start = time.monotonic()
        assert idle.recv(100) == b""
        assert time.monotonic() - start < 5
        del busy


def test_stopping_a_process_ends_a_drain_that_is_waited_for(tmp_path: Path, raw: Listen):
    router = Router(tmp_path, "127.0.0.1", "127.0.0.1")
    router.start()
    url = router.switch(SERVICE, "shop", [raw(sink)])
    with connect(url) as visitor, ThreadPoolExecutor(1) as pool:
        visitor.sendall(b"hello")
        eventually(lambda: connection_count(router) == 1)
        router.switch(SERVICE, "shop", [NOWHERE])
        drained = pool.submit(router.drain, SERVICE, 600)
        time.sleep(0.2)
        router.stop()
        drained.result(20)
