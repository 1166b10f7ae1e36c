"""One HTTP connection of uvicorn, with bounds on the size of its heads, on time, and on pipelined requests."""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from domain.identity import networks
from domain.identity.connection_limits import ConnectionLimits
from domain.ports import Ports
from handlers.edge.refusals import ErrorResponse, envelope
from handlers.program import raw_response

MAX_HEAD = 32 * 1024  # bytes
HEAD_SECONDS = 10.0  # from the opening of a connection, or from the last response, to a complete head
BODY_SECONDS = 60.0
STALL_SECONDS = 60.0  # for a client that reads nothing of its response
_MAX_PIPELINED = 16
_FORWARDED_FOR = b"x-forwarded-for"
_CLOSING = "the connection is closed"


def http_protocol(ports: Ports, limits: ConnectionLimits) -> Callable[..., asyncio.Protocol]:
    """Return what uvicorn takes as its `http` class."""

    def make(**options: Any) -> asyncio.Protocol:  # noqa: ANN401 - uvicorn's own
        return HttpProtocol(ports, limits, options)

    return make


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's connection. Its methods are called for the transport's and the parser's events, and once a second."""

    def __init__(self, ports: Ports, limits: ConnectionLimits, options: dict[str, Any]) -> None:
        super().__init__(**options)
        self._ports = ports
        self._limits = limits
        self._peer = ""
        self._since = self.loop.time()  # when it began to wait for a head, or when the last head was complete
        self._stalled_since: float | None = None
        self._head_bytes: int | None = None  # of a head that is incomplete; None between heads
        self._heads_begun = 0  # in the data that are parsed
        self._refused = False
        self._running: RequestResponseCycle | None = None

    # ── Events of the connection ───────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Count the connection, and refuse it if there are too many."""
        super().connection_made(transport)
        self._peer = self.client[0] if self.client else networks.LOOPBACK
        if not self._limits.add(self, self._peer):
            self._refuse(_too_many_connections)
            raw_response.close(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._limits.remove(self)
        self._disconnect()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse the data, unless the connection is refused; refuse it if its head becomes too large."""
        if self._refused:
            return
        self._heads_begun = 0
        before = self._head_bytes
        super().data_received(data)
        if self._head_bytes is not None and self._heads_begun < 2:  # else most of the data are other requests
            self._head_bytes = (before or 0) + len(data)  # the parser holds back a field until it is complete
            if self._head_bytes > MAX_HEAD:
                self._refuse(_head_too_large)

    def pause_writing(self) -> None:
        """Note since when the client does not read."""
        super().pause_writing()
        self._stalled_since = self.loop.time()

    def resume_writing(self) -> None:
        """Note that the client reads."""
        super().resume_writing()
        self._stalled_since = None

    # ── Events of the parser ───────────────────────────────────────────────────────────────────

    def on_message_begin(self) -> None:
        """Begin a head."""
        super().on_message_begin()
        self._head_bytes = 0
        self._heads_begun += 1

    def on_headers_complete(self) -> None:
        """Start the request, unless its head is too large, or too many requests wait for their turn."""
        self._head_bytes = None
        if self._refused:
            return
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > MAX_HEAD:
            self._refuse(_head_too_large)
        elif len(self.pipeline) >= _MAX_PIPELINED:
            self._refuse(_too_many_requests)
        else:
            self._since = self.loop.time()
            self._limits.work(self)
            self._set_client_address()
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Pass a part of the body on."""
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Pass the end of the body on."""
        if not self._refused:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request, or start the one that has been received."""
        self._since = self.loop.time()
        if not self.pipeline:
            self._limits.wait(self)
        super().on_response_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle  # uvicorn knows the last request of a pipeline only
        super()._start_asgi_task(cycle, app)

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over to the WebSocket proxy."""
        if not self._refused:
            super().handle_websocket_upgrade()
            self._limits.replace(self, self.transport.get_protocol())  # type: ignore[arg-type]  # a ClientSide

    # ── Bounds ─────────────────────────────────────────────────────────────────────────────────

    def check_time(self, now: float) -> None:
        """Close the connection if its head, its body or the reading of its response takes too long."""
        if self._stalled_since is not None and now - self._stalled_since > STALL_SECONDS:
            self.close_idle()
        elif self.cycle is None or self.cycle.response_complete:
            if now - self._since > HEAD_SECONDS:
                self._close_waiting()
        elif self.cycle.more_body and now - self._since > BODY_SECONDS:
            self._refuse(_body_too_slow)

    def close_idle(self) -> None:
        """Close the connection at once."""
        self._refused = True
        self._disconnect()
        self.transport.abort()

    def _close_waiting(self) -> None:
        if self._head_bytes is None:
            raw_response.close(self.transport)
        else:
            self._refuse(_head_too_slow)

    def _refuse(self, error: Callable[[str], ErrorResponse]) -> None:
        """Answer and close. A response that has begun is cut: nothing can be added to it."""
        self._refused = True
        running = self._disconnect()
        if running and (running.response_started or not running.more_body):
            self.transport.abort()
        else:
            raw_response.send_error(self._ports, self.transport, self._peer, error)

    def _disconnect(self) -> RequestResponseCycle | None:
        """Return the request that is answered now, after telling its application that the client is gone."""
        running, self._running = self._running, None
        if running is None or running.response_complete:
            return None
        running.disconnected = True
        running.message_event.set()
        return running

    def _set_client_address(self) -> None:
        """Replace the address of a proxy on this machine by the one that it forwards."""
        forwarded = [value.decode("latin-1") for name, value in self.headers if name == _FORWARDED_FOR]
        if forwarded:
            self.scope["client"] = (networks.client_address(self._peer, forwarded), 0)


def _head_too_large(request_id: str) -> ErrorResponse:
    details = f"The limit is {MAX_HEAD} bytes"
    return ErrorResponse(
        431, envelope("too_large", "The head of the request is too large", request_id, details=details)
    )


def _head_too_slow(request_id: str) -> ErrorResponse:
    return _timeout(request_id, "The head of the request is incomplete", HEAD_SECONDS)


def _body_too_slow(request_id: str) -> ErrorResponse:
    return _timeout(request_id, "The body of the request is incomplete", BODY_SECONDS)


def _timeout(request_id: str, message: str, seconds: float) -> ErrorResponse:
    details = f"Send it within {seconds:.0f} seconds"
    return ErrorResponse(408, envelope("request_timeout", message, request_id, details=details))


def _too_many_connections(request_id: str) -> ErrorResponse:
    return _too_many(request_id, "Too many connections are open", "Use the connections that are open")


def _too_many_requests(request_id: str) -> ErrorResponse:
    details = f"Wait for a response after {_MAX_PIPELINED} requests"
    return _too_many(request_id, "Too many requests wait on this connection", details)


def _too_many(request_id: str, message: str, details: str) -> ErrorResponse:
    body = envelope("rate_limited", message, request_id, details=details)
    return ErrorResponse(429, body, {"Retry-After": "10"})
