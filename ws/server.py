"""The websockets server: a loop in a thread of its own, at the address that the API's port hands sockets on to."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from threading import Thread

import uvloop
from websockets.asyncio.server import ServerConnection, serve

from domain.errors import Refusal
from domain.identity.authenticator import Authenticator
from domain.ports import Ports
from domain.settings import BadSetting
from ws import guard
from ws.handshake import Connection, Handshake
from ws.logs import Logs
from ws.protocol import LONGEST
from ws.session import Session
from ws.tail import Tail

HEARTBEAT = 20.0
_CLOSING = 2.0
_FLUSH_EVERY = 2.0
_BACKLOG = 4096
_LONGEST_PATH = 107  # of a Unix socket, in bytes
_log = logging.getLogger(__name__)
# The library tells of every visitor who knocks and leaves, with the keys in their URLs. Not one of the process's
# loggers, which any configuration of logging may wake.
_silent = logging.Logger("ws.connections", logging.CRITICAL + 1)


class Server:
    """Every socket is a `Session`; all of them share one reader of events and one guard of credentials."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._authenticator = Authenticator(ports)
        self._sessions: set[Session] = set()
        self._started: Future[None] = Future()
        self._stopping = asyncio.Event()
        self._loop = uvloop.new_event_loop()
        self._thread = Thread(target=self._run, name="sockets", daemon=True)

    def start(self) -> None:
        """Returns when it listens; raises BadSetting or Unavailable when it cannot."""
        self._thread.start()
        self._started.result()

    def stop(self) -> None:
        """Tell every client that the panel goes, and return when all have left."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            try:
                runner.run(self._serve())
            except Exception as fault:  # noqa: BLE001 - whoever starts it is told
                if self._started.done():
                    _log.exception("unforeseen")
                else:
                    self._started.set_exception(fault)

    async def _serve(self) -> None:
        self._tail, self._logs = Tail(self._ports, self._loop), Logs(self._ports, self._loop)
        handshake = Handshake(self._ports, self._authenticator)
        with _listening(self._ports.settings.socket_server) as listener:
            async with (
                self._helped(),
                serve(
                    self._handle,
                    sock=listener,
                    process_request=handshake.request,
                    process_response=handshake.response,
                    create_connection=Connection,
                    compression=None,
                    server_header=None,
                    max_size=LONGEST,
                    max_queue=4,
                    ping_interval=HEARTBEAT,
                    ping_timeout=HEARTBEAT,
                    close_timeout=_CLOSING,
                    logger=_silent,
                ),
            ):
                self._started.set_result(None)
                await self._stopping.wait()

    @asynccontextmanager
    async def _helped(self) -> AsyncIterator[None]:
        await asyncio.to_thread(self._tail.start)
        helpers = [
            asyncio.create_task(guard.watch(self._authenticator, self._sessions)),
            asyncio.create_task(self._flush()),
        ]
        try:
            yield
        finally:
            for helper in helpers:
                helper.cancel()
            self._logs.stop()
            await asyncio.to_thread(self._tail.stop)
            with suppress(Refusal):
                await asyncio.to_thread(self._authenticator.flush)

    async def _handle(self, connection: ServerConnection) -> None:
        assert isinstance(connection, Connection)  # noqa: S101 - the server makes no other
        session = Session(self._ports, connection, self._tail, self._logs)
        self._sessions.add(session)
        try:
            await session.run()
        except Exception:  # noqa: BLE001 - one socket's fault is not the others'
            _log.exception("unforeseen", extra={"request_id": connection.request_id})
            await connection.close(1011, "a fault of the panel")
        finally:
            self._sessions.discard(session)

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_EVERY)
            with suppress(Refusal):
                await asyncio.to_thread(self._authenticator.flush)


def _listening(address: Path | tuple[str, int]) -> socket.socket:
    try:
        if isinstance(address, Path):
            return _at_path(address)
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        return socket.create_server(address, family=family, backlog=_BACKLOG)
    except OSError as fault:
        place = address if isinstance(address, Path) else f"{address[0]}:{address[1]}"
        raise BadSetting(
            f"The socket server cannot listen at {place}: {fault.strerror or fault}; set PANEL_WS_ADDRESS"
        ) from fault


def _at_path(path: Path) -> socket.socket:
    """A socket file that nobody listens at is what a killed process left, and makes room."""
    if len(bytes(path)) > _LONGEST_PATH:
        raise BadSetting(f"{path} is too long for a socket: set PANEL_WS_ADDRESS to a shorter path, or to HOST:PORT")
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock,
        suppress(FileNotFoundError, ConnectionRefusedError),
    ):
        knock.connect(str(path))
        raise BadSetting(f"Another socket server listens at {path}: stop it, or set PANEL_WS_ADDRESS")
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    path.chmod(0o600)
    listener.listen(_BACKLOG)
    return listener
