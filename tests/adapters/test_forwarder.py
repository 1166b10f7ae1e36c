"""Routers: what the twin and the embedded forwarder both keep, and then real connections through the forwarder."""

import asyncio
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from urllib.parse import urlsplit

import pytest
from structlog.testing import capture_logs

from domain import errors, ports
from domain.adapters import twins
from domain.adapters.forwarder import Router, doors
from domain.ports import Target

SERVICE = "svc_01jd0000000000000000000000"
OTHER = "svc_01jd0000000000000000000001"
NOWHERE = Target("127.0.0.1", 1)


# ── What every router keeps ──────────────────────────────────────────────────────────────────────


@pytest.fixture
def forwarder(tmp_path: Path) -> Iterator[Router]:
    router = Router(tmp_path / "routes", "127.0.0.1", "127.0.0.1")
    router.start()
    yield router
    router.stop()


@pytest.fixture(params=["twin", "forwarder", "not started"])
def router(request: pytest.FixtureRequest, tmp_path: Path) -> ports.Router:
    if request.param == "twin":
        return twins.Router()
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


def test_a_base_domain_makes_the_url_a_name(tmp_path: Path):
    for router in (twins.Router("host", "apps.example.com"), Router(tmp_path, "127.0.0.1", "host", "apps.example.com")):
        assert router.switch(SERVICE, "shop", [NOWHERE]) == "https://shop.apps.example.com"


def test_an_ipv6_public_host_stands_in_brackets(tmp_path: Path):
    assert Router(tmp_path, "::1", "::1").switch(SERVICE, "shop", []).startswith("http://[::1]:")


# ── Servers and clients ──────────────────────────────────────────────────────────────────────────


class WebServer(ThreadingHTTPServer):
    """Answers its name; `/slow` after 0.4 s. `die()` ends it and its connections at once, as a killed container."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, name: str) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.name = name
        self.open: set[socket.socket] = set()
        self.thread = Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    @property
    def target(self) -> Target:
        return Target("127.0.0.1", self.server_address[1])

    def die(self) -> None:
        self.shutdown()
        self.server_close()
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.thread.join()


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: WebServer

    def setup(self) -> None:
        super().setup()
        self.server.open.add(self.connection)

    def finish(self) -> None:
        self.server.open.discard(self.connection)
        super().finish()

    def do_GET(self) -> None:  # noqa: N802
        if self.path == "/slow":
            time.sleep(0.4)
        answer = self.server.name.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002


@pytest.fixture
def web() -> Iterator[Callable[[str], WebServer]]:
    started: list[WebServer] = []

    def start(name: str) -> WebServer:
        started.append(WebServer(name))
        return started[-1]

    yield start
    for server in started:
        if server.thread.is_alive():
            server.die()


@pytest.fixture
def raw() -> Iterator[Callable[[Callable[[socket.socket], object]], Target]]:
    """Starts a server that hands each connection to a function of the test."""
    with ThreadPoolExecutor(16) as pool, contextlib.ExitStack() as listeners:

        def serve(listener: socket.socket, talk: Callable[[socket.socket], object]) -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection = listener.accept()[0]
                    pool.submit(run, connection, talk)

        def run(connection: socket.socket, talk: Callable[[socket.socket], object]) -> None:
            with connection:
                connection.settimeout(20)
                talk(connection)

        def start(talk: Callable[[socket.socket], object]) -> Target:
            listener = socket.create_server(("127.0.0.1", 0))
            listeners.callback(listener.close)
            listeners.callback(listener.shutdown, socket.SHUT_RDWR)
            pool.submit(serve, listener, talk)
            return Target("127.0.0.1", listener.getsockname()[1])

        yield start


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port
    return port


def connect(url: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port_of(url)), timeout=20)


def get(url: str, path: str = "/") -> str:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port_of(url), timeout=20)
    with contextlib.closing(connection):
        connection.request("GET", path)
        return connection.getresponse().read().decode()


def read_all(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(1 << 20), b""))


def eventually(condition: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


def echo(connection: socket.socket) -> None:
    while data := connection.recv(65536):
        connection.sendall(data)


def sink(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def visits(router: Router, service_id: str = SERVICE) -> int:
    return len(router._doors._doors[service_id].visits)


# ── Forwarding ───────────────────────────────────────────────────────────────────────────────────


def test_visitors_reach_all_targets_in_turn(forwarder: Router, web: Callable[[str], WebServer]):
    url = forwarder.switch(SERVICE, "shop", [web(name).target for name in "abc"])
    assert sorted(get(url) for _ in range(9)) == list("aaabbbccc")


def test_a_target_that_refuses_is_passed_over(forwarder: Router, web: Callable[[str], WebServer]):
    url = forwarder.switch(SERVICE, "shop", [NOWHERE, web("a").target, NOWHERE])
    assert [get(url) for _ in range(6)] == ["a"] * 6


@pytest.mark.parametrize("targets", [[], [NOWHERE], [NOWHERE, Target("127.0.0.1", 2)]])
def test_visitors_are_let_go_at_once_when_no_target_takes_them(forwarder: Router, targets: list[Target]):
    url = forwarder.switch(SERVICE, "shop", targets)
    start = time.monotonic()
    with connect(url) as visitor:
        visitor.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert read_all(visitor) == b""
    assert time.monotonic() - start < 5
    eventually(lambda: visits(forwarder) == 0)


def test_the_visitors_end_is_passed_on_and_the_answer_still_comes(forwarder: Router, raw):
    url = forwarder.switch(SERVICE, "shop", [raw(lambda target: target.sendall(read_all(target).upper()))])
    with connect(url) as visitor:
        visitor.sendall(b"quiet" * 100_000)
        visitor.shutdown(socket.SHUT_WR)
        assert read_all(visitor) == b"QUIET" * 100_000
    eventually(lambda: visits(forwarder) == 0)


def test_the_targets_end_is_passed_on_and_the_visitor_is_still_heard(forwarder: Router, raw):
    heard: Future[bytes] = Future()

    def greet(target: socket.socket) -> None:
        target.sendall(b"hello")
        target.shutdown(socket.SHUT_WR)
        heard.set_result(read_all(target))

    url = forwarder.switch(SERVICE, "shop", [raw(greet)])
    with connect(url) as visitor:
        assert read_all(visitor) == b"hello"
        visitor.sendall(b"word" * 100_000)
    assert heard.result(20) == b"word" * 100_000
    eventually(lambda: visits(forwarder) == 0)


def test_a_visitor_who_sends_and_ends_before_the_target_is_reached_loses_nothing(forwarder: Router, raw):
    url = forwarder.switch(SERVICE, "shop", [raw(lambda target: target.sendall(read_all(target)))])
    for _ in range(50):
        with connect(url) as visitor:
            visitor.sendall(b"x" * 1000)
            visitor.shutdown(socket.SHUT_WR)
            assert read_all(visitor) == b"x" * 1000


def test_a_connection_with_one_end_gone_and_the_other_silent_is_let_go(
    forwarder: Router, raw, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(doors, "HALF_OPEN_SECONDS", 0.2)
    hold = Event()
    url = forwarder.switch(SERVICE, "shop", [raw(lambda _: hold.wait(20))])
    with connect(url) as ending, connect(url):
        ending.shutdown(socket.SHUT_WR)
        eventually(lambda: visits(forwarder) == 1)
        time.sleep(0.6)
        assert visits(forwarder) == 1
    hold.set()


def test_a_slow_reader_slows_the_target_and_takes_no_memory(forwarder: Router, raw):
    size, block, sent = 200_000_000, b"x" * 100_000, [0]

    def pour(target: socket.socket) -> None:
        while sent[0] < size:
            target.sendall(block)
            sent[0] += len(block)

    url = forwarder.switch(SERVICE, "shop", [raw(pour)])
    with connect(url) as visitor:
        visitor.settimeout(30)
        before, most, received, view = memory(), 0, 0, memoryview(bytearray(1 << 18))
        time.sleep(1)
        assert sent[0] < 30_000_000
        while count := visitor.recv_into(view):
            received += count
            most = max(most, memory())
    assert received == size
    assert most - before < 20_000_000


def memory() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_slow_target_slows_the_visitor(forwarder: Router, raw):
    go, total = Event(), Future[int]()

    def sip(target: socket.socket) -> None:
        go.wait(20)
        total.set_result(len(read_all(target)))

    url = forwarder.switch(SERVICE, "shop", [raw(sip)])
    with connect(url) as visitor:
        visitor.settimeout(1)
        with pytest.raises(TimeoutError):
            visitor.sendall(b"x" * 60_000_000)
        go.set()
    assert 0 < total.result(20) < 60_000_000


def test_a_thousand_visitors_at_once_are_served_and_leave_nothing_behind(forwarder: Router):
    async def talk() -> int:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write((await reader.readline()).upper())
            await reader.read()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024)
        target = Target("127.0.0.1", server.sockets[0].getsockname()[1])
        url = await asyncio.to_thread(forwarder.switch, SERVICE, "shop", [target])
        pairs = [await asyncio.open_connection("127.0.0.1", port_of(url)) for _ in range(1000)]
        for number, (_, writer) in enumerate(pairs):
            writer.write(b"visitor %d\n" % number)
        answers = [await reader.readline() for reader, _ in pairs]
        assert answers == [b"VISITOR %d\n" % number for number in range(1000)]
        together = visits(forwarder)
        for _, writer in pairs:
            writer.close()
            await writer.wait_closed()
        server.close()
        return together

    files = len(os.listdir("/proc/self/fd"))
    assert asyncio.run(talk()) == 1000
    eventually(lambda: visits(forwarder) == 0)
    assert forwarder._loop
    tasks = asyncio.all_tasks(forwarder._loop)
    assert len(tasks) <= 1  # the one that looks for changes
    eventually(lambda: len(os.listdir("/proc/self/fd")) <= files + 3)


def test_visitors_who_leave_while_a_target_is_being_reached_leave_nothing_behind(forwarder: Router):
    silent = socket.create_server(("127.0.0.1", 0), backlog=0)
    with silent, contextlib.ExitStack() as full:
        target = Target("127.0.0.1", silent.getsockname()[1])
        for _ in range(4):  # the backlog is full from here on, and connecting takes for ever
            filler = full.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", target.port))
        url = forwarder.switch(SERVICE, "shop", [target])
        for _ in range(20):
            connect(url).close()
        with connect(url):
            eventually(lambda: visits(forwarder) >= 1)
    forwarder.close(SERVICE)
    assert forwarder._loop
    eventually(lambda: forwarder._loop and len(asyncio.all_tasks(forwarder._loop)) <= 1)


# ── Switching ────────────────────────────────────────────────────────────────────────────────────


class Visitor(Thread):
    """Asks all the time, and keeps what it was answered and what failed."""

    def __init__(self, url: str, *, keep_alive: bool, path: str = "/") -> None:
        super().__init__()
        self.url, self.keep_alive, self.path = url, keep_alive, path
        self.stopped = Event()
        self.answers: list[str] = []
        self.failures: list[str] = []
        self.connections = 0
        self.start()

    def run(self) -> None:
        connection = self.fresh()
        while not self.stopped.is_set():
            try:
                connection.request("GET", self.path)
                self.answers.append(connection.getresponse().read().decode())
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
                connection = self.fresh()
            if not self.keep_alive:
                connection.close()
                connection = self.fresh()
            self.stopped.wait(0.002)
        connection.close()

    def fresh(self) -> http.client.HTTPConnection:
        self.connections += 1
        return http.client.HTTPConnection("127.0.0.1", port_of(self.url), timeout=20)


def test_fifty_switches_fail_no_request_while_each_old_target_is_killed(
    forwarder: Router, web: Callable[[str], WebServer]
):
    server = web("0")
    url = forwarder.switch(SERVICE, "shop", [server.target])
    visitors = [
        Visitor(url, keep_alive=False),
        Visitor(url, keep_alive=True),
        Visitor(url, keep_alive=True, path="/slow"),
    ]
    for number in range(1, 51):
        old, server = server, web(str(number))
        forwarder.switch(SERVICE, "shop", [server.target])
        forwarder.drain(SERVICE, 10)
        old.die()
    assert get(url) == "50"
    for visitor in visitors:
        visitor.stopped.set()
        visitor.join()
    assert [visitor.failures for visitor in visitors] == [[], [], []]
    for visitor in visitors:
        assert [int(answer) for answer in visitor.answers] == sorted(int(answer) for answer in visitor.answers)
        assert len(set(visitor.answers)) > 15
    assert visitors[1].connections == 1


def test_every_connection_after_a_switch_goes_to_the_new_target(forwarder: Router, web: Callable[[str], WebServer]):
    servers = [web("a"), web("b")]
    url = forwarder.switch(SERVICE, "shop", [servers[0].target])
    for number in range(200):
        forwarder.switch(SERVICE, "shop", [servers[number % 2].target])
        assert get(url) == "ab"[number % 2]


def test_a_request_under_way_is_finished_by_the_old_target(forwarder: Router, web: Callable[[str], WebServer]):
    old, new = web("old"), web("new")
    url = forwarder.switch(SERVICE, "shop", [old.target])
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(get, url, "/slow")
        eventually(lambda: old.open)
        time.sleep(0.05)
        forwarder.switch(SERVICE, "shop", [new.target])
        forwarder.drain(SERVICE, 10)
        old.die()
        assert answer.result(20) == "old"


def test_an_idle_connection_ends_with_a_fin_soon_after_the_switch(forwarder: Router, raw):
    url = forwarder.switch(SERVICE, "shop", [raw(echo)])
    with connect(url) as visitor:
        visitor.sendall(b"hello")
        assert visitor.recv(100) == b"hello"
        forwarder.switch(SERVICE, "shop", [raw(echo)])
        start = time.monotonic()
        forwarder.drain(SERVICE, 30)
        assert time.monotonic() - start < 10
        assert visitor.recv(100) == b""
        assert visitor.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    eventually(lambda: visits(forwarder) == 0)


def test_a_connection_that_is_owed_an_answer_is_cut_when_the_time_is_over(forwarder: Router, raw):
    url = forwarder.switch(SERVICE, "shop", [raw(sink)])
    with connect(url) as visitor:
        visitor.sendall(b"hello")
        time.sleep(0.1)
        forwarder.switch(SERVICE, "shop", [raw(sink)])
        start = time.monotonic()
        forwarder.drain(SERVICE, 1)
        assert 0.9 < time.monotonic() - start < 10
        assert visitor.recv(100) == b""


def test_a_download_with_a_slow_reader_is_not_taken_for_idle(forwarder: Router, raw):
    size = 20_000_000
    url = forwarder.switch(SERVICE, "shop", [raw(lambda target: target.sendall(b"x" * size))])
    with connect(url) as visitor, ThreadPoolExecutor(1) as pool:
        visitor.recv(1)
        forwarder.switch(SERVICE, "shop", [NOWHERE])
        drained = pool.submit(forwarder.drain, SERVICE, 30)
        time.sleep(0.8)
        assert not drained.done()
        assert len(read_all(visitor)) == size - 1
        drained.result(20)


def test_a_visitor_who_has_said_nothing_yet_is_moved_over(forwarder: Router, web: Callable[[str], WebServer]):
    old, new = web("old"), web("new")
    url = forwarder.switch(SERVICE, "shop", [old.target])
    visitor = http.client.HTTPConnection("127.0.0.1", port_of(url), timeout=20)
    with contextlib.closing(visitor):
        visitor.connect()
        eventually(lambda: old.open)
        forwarder.switch(SERVICE, "shop", [new.target])
        forwarder.drain(SERVICE, 10)
        old.die()
        time.sleep(0.4)
        visitor.request("GET", "/")
        assert visitor.getresponse().read() == b"new"


def test_a_conversation_that_is_not_http_stays_with_its_target(forwarder: Router, raw):
    answer_old = raw(lambda target: [target.sendall(b"old") for _ in iter(lambda: target.recv(100), b"")])
    answer_new = raw(lambda target: [target.sendall(b"new") for _ in iter(lambda: target.recv(100), b"")])
    url = forwarder.switch(SERVICE, "shop", [answer_old])
    with connect(url) as visitor:
        for _ in range(3):
            visitor.sendall(b"LOGIN me\r\n")
            assert visitor.recv(100) == b"old"
            forwarder.switch(SERVICE, "shop", [answer_new])
        # Not even words that look like a request move it.
        visitor.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert visitor.recv(100) == b"old"


def test_a_server_that_speaks_first_keeps_its_visitor(forwarder: Router, raw):
    def greet(target: socket.socket) -> None:
        target.sendall(b"220 old\r\n")
        echo(target)

    url = forwarder.switch(SERVICE, "shop", [raw(greet)])
    with connect(url) as visitor:
        assert visitor.recv(100) == b"220 old\r\n"
        forwarder.switch(SERVICE, "shop", [NOWHERE])
        visitor.sendall(b"EHLO x\r\n")
        assert visitor.recv(100) == b"EHLO x\r\n"


def test_closing_a_route_ends_its_connections_and_frees_the_port(forwarder: Router, raw):
    url = forwarder.switch(SERVICE, "shop", [raw(echo)])
    with connect(url) as visitor:
        visitor.sendall(b"hello")
        assert visitor.recv(100) == b"hello"
        with ThreadPoolExecutor(1) as pool:
            closed = pool.submit(forwarder.close, SERVICE)
            assert visitor.recv(100) == b""
            visitor.close()
            closed.result(20)
    with pytest.raises(ConnectionRefusedError):
        connect(url)
    assert forwarder.switch(OTHER, "blog", []) == url


# ── Ports ────────────────────────────────────────────────────────────────────────────────────────


def test_a_port_that_somebody_else_shares_is_not_joined(tmp_path: Path):
    trial = Router(tmp_path / "trial", "127.0.0.1", "127.0.0.1")
    port = port_of(trial.switch(SERVICE, "shop", []))
    with socket.create_server(("127.0.0.1", port), reuse_port=True):
        router = Router(tmp_path / "routes", "127.0.0.1", "127.0.0.1")
        assert port_of(router.switch(SERVICE, "shop", [])) > port


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


def test_a_port_is_kept_over_restarts(tmp_path: Path, web: Callable[[str], WebServer]):
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


def test_a_port_taken_meanwhile_is_waited_for_and_told_not_exchanged(
    tmp_path: Path, web: Callable[[str], WebServer], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(doors, "SHUT_SECONDS", 0.2)
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
        eventually(lambda: not router.problems(), 3)
        assert get(url) == "a"
        router.stop()
    assert [line["event"] for line in logs] == ["route_shut", "route_open"]
    assert logs[0]["service_id"] == SERVICE


def test_an_address_that_is_not_this_hosts_is_told(tmp_path: Path):
    with pytest.raises(errors.Unavailable, match="PANEL_HOST"):
        Router(tmp_path, "192.0.2.1", "localhost").switch(SERVICE, "shop", [])


# ── Route files ──────────────────────────────────────────────────────────────────────────────────


def test_a_route_file_says_what_it_holds_and_nothing_else_is_left(forwarder: Router, tmp_path: Path):
    url = forwarder.switch(SERVICE, "shop", [Target("10.0.0.1", 80)])
    files = sorted(path.name for path in (tmp_path / "routes").iterdir())
    assert files == [".lock", f"{SERVICE}.json"]
    assert json.loads((tmp_path / "routes" / f"{SERVICE}.json").read_text()) == {
        "service_id": SERVICE,
        "name": "shop",
        "port": port_of(url),
        "targets": [{"host": "10.0.0.1", "port": 80}],
    }


def test_a_damaged_route_file_leaves_the_last_good_route_and_is_told_once(
    forwarder: Router, tmp_path: Path, web: Callable[[str], WebServer]
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


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path):
    router = Router(tmp_path / "routes", "127.0.0.1", "localhost")
    (tmp_path / "routes").rmdir()
    with pytest.raises(errors.Unavailable, match="cannot be changed"):
        router.switch(SERVICE, "shop", [])


# ── Several processes ────────────────────────────────────────────────────────────────────────────

PROCESS = """
import sys, time
from pathlib import Path
from domain.adapters.forwarder import Router
router = Router(Path(sys.argv[1]), "127.0.0.1", "127.0.0.1")
router.start()
print("started", flush=True)
sys.stdin.read()
router.stop()
"""


class Process:
    """A process that forwards."""

    def __init__(self, folder: Path) -> None:
        root = str(Path(__file__).parents[2])
        self.started = subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": root},
        )
        assert self.started.stdout
        assert self.started.stdout.readline() == b"started\n"

    def end(self, *, kill: bool = False) -> int:
        if kill:
            self.started.send_signal(signal.SIGKILL)
        self.started.communicate(timeout=20)
        return self.started.returncode


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Callable[[], Process]]:
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


def test_a_killed_process_comes_back_on_the_same_port(
    writer: Router, process: Callable[[], Process], web: Callable[[str], WebServer]
):
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


def test_two_processes_forward_side_by_side_and_agree_at_once(
    writer: Router, process: Callable[[], Process], web: Callable[[str], WebServer]
):
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


def test_a_process_notices_routes_that_another_makes_and_withdraws(
    writer: Router, process: Callable[[], Process], web: Callable[[str], WebServer]
):
    process()
    url = writer.switch(SERVICE, "shop", [web("a").target])
    eventually(lambda: listeners(url) == 1, 1.5)
    assert get(url) == "a"
    writer.close(SERVICE)
    eventually(lambda: listeners(url) == 0, 1.5)


def test_a_process_drains_by_itself_when_another_switches(writer: Router, process: Callable[[], Process], raw):
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


def test_a_stopped_process_answers_whoever_waits_for_a_drain(tmp_path: Path, raw):
    router = Router(tmp_path, "127.0.0.1", "127.0.0.1")
    router.start()
    url = router.switch(SERVICE, "shop", [raw(sink)])
    with connect(url) as visitor, ThreadPoolExecutor(1) as pool:
        visitor.sendall(b"hello")
        eventually(lambda: visits(router) == 1)
        router.switch(SERVICE, "shop", [NOWHERE])
        drained = pool.submit(router.drain, SERVICE, 600)
        time.sleep(0.2)
        router.stop()
        drained.result(20)
