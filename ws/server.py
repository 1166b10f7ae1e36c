"""The WebSocket server: an event loop in a thread, at the address that the API server proxies WebSockets to."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Thread

import uvloop
from websockets.asyncio.server import ServerConnection, serve

from domain.errors import Refusal
from domain.identity.authenticator import Authenticator
from domain.identity.connection_limits import ConnectionLimits
from domain.ports import Ports
from domain.settings import BadSetting
from ws import guard
from ws.connection import Connection
from ws.event_reader import EventReader
from ws.handshake import Handshake
from ws.logs import LogSubscriptions
from ws.protocol import MAX_MESSAGE_BYTES
from ws.session import Session

HEARTBEAT = 20.0  # seconds
_CLOSE_TIMEOUT = 2.0  # seconds
_FLUSH_INTERVAL = 2.0  # seconds
_BACKLOG = 4096
_MAX_PATH_BYTES = 107  # of a Unix socket
_log = logging.getLogger(__name__)
# The library logs failed handshakes with their URLs, which may contain keys. This logger is not registered with
# `logging`, so that no logging configuration can enable it.
_silent = logging.Logger("ws.connections", logging.CRITICAL + 1)


class Server:
    """Runs a `Session` for each connection. All sessions share one event reader and one check of credentials."""

    def __init__(self, ports: Ports, max_connections: int = 16_384) -> None:
        self._ports = ports
        self._limits = ConnectionLimits("the WebSocket server", max_connections, ports.settings.connections_per_address)
        self._authenticator = Authenticator(ports)
        self._sessions: set[Session] = set()
        self._started: Future[None] = Future()
        self._stopping = asyncio.Event()
        self._loop = uvloop.new_event_loop()
        self._thread = Thread(target=self._run, name="WebSocket server", daemon=True)

    def start(self) -> None:
        """Return when the server listens. Raise BadSetting or Unavailable if it cannot start."""
        self._thread.start()
        self._started.result()

    def stop(self) -> None:
        """Close all connections with code 1001 (going away), and wait for the server's end."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            try:
                runner.run(self._serve())
            except Exception as fault:  # noqa: BLE001 - `start` raises it
                if self._started.done():
                    _log.exception("the WebSocket server failed unexpectedly")
                else:
                    self._started.set_exception(fault)

    async def _serve(self) -> None:
        self._reader = EventReader(self._ports, self._loop)
        self._logs = LogSubscriptions(self._ports, self._loop)
        handshake = Handshake(self._ports, self._authenticator)
        with _create_listener(self._ports.settings.socket_server) as listener:
            async with (
                self._background_tasks(),
                serve(
                    self._handle,
                    sock=listener,
                    process_request=handshake.process_request,
                    process_response=handshake.process_response,
                    create_connection=partial(Connection, self._limits),  # type: ignore[arg-type]  # it is only called
                    compression=None,
                    server_header=None,
                    max_size=MAX_MESSAGE_BYTES,
                    max_queue=4,
                    ping_interval=HEARTBEAT,
                    ping_timeout=HEARTBEAT,
                    close_timeout=_CLOSE_TIMEOUT,
                    logger=_silent,
                ),
            ):
                self._started.set_result(None)
                await self._stopping.wait()

    @asynccontextmanager
    async def _background_tasks(self) -> AsyncIterator[None]:
        await asyncio.to_thread(self._reader.start)
        tasks = [
            asyncio.create_task(guard.watch(self._authenticator, self._sessions)),
            asyncio.create_task(self._flush()),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            self._logs.stop()
            await asyncio.to_thread(self._reader.stop)
            with suppress(Refusal):
                await asyncio.to_thread(self._authenticator.flush)

    async def _handle(self, connection: ServerConnection) -> None:
        assert isinstance(connection, Connection)  # noqa: S101 - the server makes no other
        session = Session(self._ports, connection, self._reader, self._logs)
        self._sessions.add(session)
        try:
            await session.run()
        except Exception:  # noqa: BLE001 - an error in one session must not affect others
            _log.exception("a WebSocket session failed unexpectedly", extra={"request_id": connection.request_id})
            await connection.close(1011, "a fault of the panel")
        finally:
            self._sessions.discard(session)

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_INTERVAL)
            with suppress(Refusal):
                await asyncio.to_thread(self._authenticator.flush)


def _create_listener(address: Path | tuple[str, int]) -> socket.socket:
    try:
        if isinstance(address, Path):
            return _create_unix_listener(address)
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        return socket.create_server(address, family=family, backlog=_BACKLOG)
    except OSError as fault:
        place = address if isinstance(address, Path) else f"{address[0]}:{address[1]}"
        raise BadSetting(
            f"The WebSocket server cannot listen at {place}: {fault.strerror or fault}; set PANEL_WS_ADDRESS"
        ) from fault


def _create_unix_listener(path: Path) -> socket.socket:
    """Listen at a path. Replace a socket file that no process listens at: a killed process does not remove its own."""
    if len(bytes(path)) > _MAX_PATH_BYTES:
        raise BadSetting(
            f"{path} is too long for a Unix socket: set PANEL_WS_ADDRESS to a shorter path, or to HOST:PORT"
        )
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe,
        suppress(FileNotFoundError, ConnectionRefusedError),
    ):
        probe.connect(str(path))
        raise BadSetting(f"Another WebSocket server listens at {path}: stop it, or set PANEL_WS_ADDRESS")
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    path.chmod(0o600)
    listener.listen(_BACKLOG)
    return listener
