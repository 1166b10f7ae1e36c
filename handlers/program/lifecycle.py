"""What runs as long as a process: the API, the WebSocket server, the worker; and how signals stop it."""

import asyncio
import errno
import gc
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

import uvicorn

from domain.ports import Ports
from domain.settings import BadSetting
from handlers import server
from handlers.program import websocket_proxy
from handlers.program.file_limit import raise_file_limit
from handlers.program.worker import Worker
from ws.server import Server as Sockets

_ASKED_TO_END = (signal.SIGTERM, signal.SIGINT)
_PATIENCE = 5  # seconds for running requests when the process is stopped


@contextmanager
def endable() -> Iterator[None]:
    """Exit on SIGTERM and SIGINT and close all context managers; uvicorn passes the signal on when it stops."""

    def end(_number: int, _frame: object) -> NoReturn:
        for number in _ASKED_TO_END:
            signal.signal(number, signal.SIG_DFL)
        sys.exit(0)

    before = {number: signal.signal(number, end) for number in _ASKED_TO_END}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def reserved(ports: Ports) -> Iterator[socket.socket]:
    """Open the API's port, before any other part starts. Raise BadSetting if it cannot be opened."""
    host, port = ports.settings.host, ports.settings.port
    try:
        door = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as fault:
        if fault.errno == errno.EADDRINUSE:
            advice = "another program has it (`ss -ltnp` shows which); stop that one, or set PANEL_PORT"
        else:
            advice = (
                f"{str(fault.strerror).partition(' (')[0]}; set PANEL_HOST and PANEL_PORT to what this machine may use"
            )
        raise BadSetting(f"Port {port} of {host} cannot be opened: {advice}") from fault
    with door:
        yield door


class _Uvicorn(uvicorn.Server):
    """Calls a function before it closes connections, so that WebSockets can be closed properly."""

    def __init__(self, config: uvicorn.Config, goodbye: Callable[[], None]) -> None:
        super().__init__(config)
        self._goodbye = goodbye

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await asyncio.to_thread(self._goodbye)
        await super().shutdown(sockets)


def listen(ports: Ports, door: socket.socket, goodbye: Callable[[], None] = lambda: None) -> None:
    """Respond to requests until the process is stopped; `goodbye` is called before connections are closed."""
    config = uvicorn.Config(
        server.create(ports),
        lifespan="on",
        ws=websocket_proxy.proxy_protocol(ports),  # type: ignore[arg-type]  # uvicorn accepts any function that returns a Protocol
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=_PATIENCE,
    )
    gc.freeze()  # objects built so far stay: collecting them would delay requests by 100 ms
    _Uvicorn(config, goodbye).run([door])


@contextmanager
def sockets(ports: Ports) -> Iterator[Sockets]:
    """Run the WebSocket server."""
    raise_file_limit()
    running = Sockets(ports)
    running.start()
    try:
        yield running
    finally:
        running.stop()


@contextmanager
def working(ports: Ports) -> Iterator[None]:
    """Run the worker and the router; operations that run at the end are returned to the queue."""
    running = Worker(ports)
    raise_file_limit()
    ports.router.start()
    running.start()
    try:
        yield
    finally:
        running.stop()
        ports.router.stop()
