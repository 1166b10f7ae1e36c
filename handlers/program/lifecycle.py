"""Run the API, the WebSocket server and the worker until a signal stops the process."""

import errno
import gc
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from domain.ports import Ports
from domain.settings import BadSetting
from handlers import server
from handlers.program.file_limit import max_connections
from handlers.program.http_server import HttpServer
from handlers.program.worker import Worker
from handlers.streams import OpenStreams
from ws.server import Server as SocketServer

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def exit_on_signals() -> Iterator[None]:
    """Exit on SIGTERM and SIGINT and close all context managers; uvicorn passes the signal on when it stops."""

    def exit_process(_number: int, _frame: object) -> NoReturn:
        for number in _STOP_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        sys.exit(0)

    before = {number: signal.signal(number, exit_process) for number in _STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def open_api_socket(ports: Ports) -> Iterator[socket.socket]:
    """Open the API's port, before other parts start. Raise BadSetting if it cannot be opened."""
    host, port = ports.settings.host, ports.settings.port
    try:
        api_socket = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as fault:
        if fault.errno == errno.EADDRINUSE:
            advice = "another program uses it (`ss -ltnp` shows which); stop that program, or set PANEL_PORT"
        else:
            advice = (
                f"{str(fault.strerror).partition(' (')[0]}; set PANEL_HOST and PANEL_PORT to an address of this machine"
            )
        raise BadSetting(f"Port {port} of {host} cannot be opened: {advice}") from fault
    with api_socket:
        yield api_socket


def serve_api(ports: Ports, api_socket: socket.socket, before_close: Callable[[], None] = lambda: None) -> None:
    """Respond to requests until the process is stopped; `before_close` is called before connections are closed."""
    open_streams = OpenStreams(ports.settings)

    def end_connections() -> None:
        open_streams.stop()
        before_close()

    http_server = HttpServer(server.create(ports, open_streams), ports, end_connections)
    gc.freeze()  # objects built so far stay: collecting them would delay requests by 100 ms
    http_server.run([api_socket])


@contextmanager
def run_socket_server(ports: Ports) -> Iterator[SocketServer]:
    """Run the WebSocket server."""
    socket_server = SocketServer(ports, max_connections(1))
    socket_server.start()
    try:
        yield socket_server
    finally:
        socket_server.stop()


@contextmanager
def run_worker(ports: Ports) -> Iterator[None]:
    """Run the worker and the router; operations that run at the end are returned to the queue."""
    worker = Worker(ports)
    ports.router.start()
    worker.start()
    try:
        yield
    finally:
        worker.stop()
        ports.router.stop()
