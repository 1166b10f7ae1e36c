"""A connection of the websockets library, with the result of its handshake, and with bounds on what clients cause."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.protocol import State

from domain.errors import BadRequest, Refusal
from domain.identity import networks
from domain.identity.access import Caller
from domain.identity.connection_limits import ConnectionLimits
from handlers.edge import request_id
from handlers.edge.refusals import Close, ErrorResponse, envelope, error_response
from ws import refusals

MAX_HEAD = 32 * 1024  # bytes
LINGER_SECONDS = 10.0  # for a slow client to read what was sent before the close frame
_HEAD_END = b"\r\n\r\n"
_BODY_HEADERS = frozenset({b"content-length", b"transfer-encoding"})


@dataclass(frozen=True)
class HandshakeResult:
    """The caller of a connection, and what it receives.

    `after` is the number of the last event that the client has; None: send only new events. `topics` are those of the
    ticket; None: everything that the caller can see.
    """

    caller: Caller
    after: int | None = None
    topics: frozenset[str] | None = None


class Connection(ServerConnection):
    """A connection, the result of its handshake, and the headers that the handshake's response gets."""

    accepted: HandshakeResult
    added_headers: Mapping[str, str] = {}
    request_id = ""

    def __init__(self, limits: ConnectionLimits, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - the library's
        super().__init__(*arguments, **options)
        self._limits = limits
        self._head = b""
        self._is_refused = False
        self._on_lost: Callable[[], None] | None = None

    @property
    def peer(self) -> str:
        """The address of the peer. On the Unix socket, which has no addresses, the peer is the panel itself."""
        address = self.remote_address
        return str(address[0]) if isinstance(address, tuple) else networks.LOOPBACK

    def on_lost(self, call: Callable[[], None]) -> None:
        """Call a function when the connection is lost, or now if it is."""
        if self.protocol.state is State.CLOSED:
            call()
        else:
            self._on_lost = call

    def end(self, code: Close, reason: str) -> None:
        """Send a close frame behind everything that was sent, and cut the connection if the client does not read it.

        `close` would wait for a sender that waits for the client, and so would never reach a slow client.
        """
        if self.protocol.state is State.OPEN:
            self.protocol.send_close(code, reason)
            self.send_data()
        self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def close_idle(self) -> None:
        """Close the connection for a new one, since too many are open."""
        self.transport.abort()

    # ── Events of the transport ────────────────────────────────────────────────────────────────

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - the library's
        """Count the connection, and cut it if there are too many."""
        super().connection_made(transport)
        if not self._limits.add(self, self.peer):
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._limits.remove(self)
        super().connection_lost(exc)
        if self._on_lost:
            self._on_lost()

    def data_received(self, data: bytes) -> None:
        """Pass on the head of the handshake when it is complete, and then all data."""
        if self._is_refused:
            return
        if self.request is None and self.protocol.state is State.CONNECTING:
            self._head += data
            if _HEAD_END not in self._head and len(self._head) <= MAX_HEAD:
                return
            if error := _refusal(self._head):
                self._refuse(error)
                return
            self._limits.work(self)
            data, self._head = self._head, b""
        super().data_received(data)

    def pause_writing(self) -> None:
        """Read nothing from a client that does not read: each ping would be answered in memory."""
        super().pause_writing()
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Read again, unless the session has enough commands to handle."""
        super().resume_writing()
        if not (self.transport.is_closing() or self.recv_messages.paused):
            self.transport.resume_reading()

    def _refuse(self, error: ErrorResponse) -> None:
        """Answer and close, but read on for a while: unread data would reset the connection too early."""
        self._is_refused = True
        self.transport.write(refusals.response(error).serialize())
        self.transport.write_eof()
        self.loop.call_later(1, self.transport.abort)


def _refusal(head: bytes) -> ErrorResponse | None:
    """Return why a head cannot be a handshake; the library answers neither of these."""
    new_id = request_id.request_id(())
    if head.find(_HEAD_END, 0, MAX_HEAD) < 0:
        details = f"The limit is {MAX_HEAD} bytes"
        body = envelope("too_large", "The head of the request is too large", new_id, details=details)
        return ErrorResponse(431, body, {request_id.HEADER: new_id})
    lines = head.partition(_HEAD_END)[0].split(b"\r\n")
    refusal: Refusal | None = None
    if not lines[0].startswith(b"GET ") or not lines[0].endswith(b" HTTP/1.1"):
        refusal = BadRequest("A WebSocket handshake must be a GET", details="Send GET /api/ws HTTP/1.1")
    elif any(line.partition(b":")[0].strip().lower() in _BODY_HEADERS for line in lines[1:]):
        refusal = BadRequest("A WebSocket handshake has no body", details="Leave out the body")
    if refusal is None:
        return None
    error = error_response(refusal, new_id)
    return replace(error, headers={**error.headers, request_id.HEADER: new_id})
