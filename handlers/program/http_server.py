"""The API server: uvicorn with the panel's bounds, checks once a second, and a function to call at its end."""

import asyncio
import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from domain.identity.connection_limits import ConnectionLimits
from domain.ports import Ports
from handlers.program.file_limit import max_connections
from handlers.program.http_protocol import http_protocol
from handlers.program.websocket_proxy import proxy_protocol

GRACE_SECONDS = 5  # for running requests when the process is stopped
_FILES_PER_CONNECTION = 3  # a WebSocket has one, and two to the WebSocket server in the same process
_MAX_BACKLOG = 2048
_TICKS_PER_CHECK = 10  # uvicorn's ticks are 0.1 seconds apart


class HttpServer(uvicorn.Server):
    """Serves an application. Calls `before_close` before it closes connections, so that clients are told to leave."""

    def __init__(
        self,
        app: ASGIApp,
        ports: Ports,
        before_close: Callable[[], None] = lambda: None,
        *,
        grace_seconds: int = GRACE_SECONDS,
    ) -> None:
        self._before_close = before_close
        in_all = max_connections(_FILES_PER_CONNECTION)
        self.limits = ConnectionLimits("the API", in_all, ports.settings.connections_per_address)
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="on",
                http=http_protocol(ports, self.limits),  # type: ignore[arg-type]  # uvicorn accepts any function that returns a Protocol
                ws=proxy_protocol(ports, self.limits),  # type: ignore[arg-type]  # as http
                access_log=False,
                log_config=None,
                server_header=False,
                proxy_headers=False,  # the protocol reads them, with the function that WebSockets use
                backlog=min(_MAX_BACKLOG, in_all),  # they are accepted all at once, before any can be refused
                timeout_graceful_shutdown=grace_seconds,
            )
        )

    async def on_tick(self, counter: int) -> bool:
        """Check the time that each connection takes, once a second."""
        if counter % _TICKS_PER_CHECK == 0:
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                connection.check_time(now)  # type: ignore[union-attr]  # the panel's own protocols
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close all connections."""
        await asyncio.to_thread(self._before_close)
        await super().shutdown(sockets)
