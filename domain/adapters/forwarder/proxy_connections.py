"""A client's connection joined with one to a target. Data, ends and backpressure are passed on both ways."""

import asyncio
from asyncio import AbstractEventLoop, Task, Transport
from typing import Protocol, cast

from domain.adapters.forwarder.http_exchange import HttpExchange, may_begin_request
from domain.adapters.forwarder.upstreams import Upstream, close_flushed
from domain.identity.connection_limits import ConnectionLimits
from domain.ports.router import Target

CONNECT_SECONDS = 3.0
IDLE_SECONDS = 0.25
LINGER_SECONDS = 1.0
SILENT_SECONDS = 60.0  # for the first data of either side
HEAD_SECONDS = 30.0
BODY_SECONDS = 60.0  # between two parts of a body
KEEP_ALIVE_SECONDS = 120.0
HALF_OPEN_SECONDS = 300.0
STALL_SECONDS = 300.0  # for a peer that reads nothing
_HEAD_TOO_LARGE = b"431 Request Header Fields Too Large"
_TOO_SLOW = b"408 Request Timeout"


class Owner(Protocol):
    """The listener that accepted the connection and knows its targets."""

    @property
    def loop(self) -> AbstractEventLoop: ...
    @property
    def connections(self) -> "set[ProxyConnection]": ...
    @property
    def limits(self) -> ConnectionLimits: ...
    def targets(self) -> tuple[Target, ...]: ...
    def choose(self, refused: set[Target]) -> Target | None: ...


class ProxyConnection(asyncio.Protocol):
    """The client's side, which holds the state of both sides."""

    transport: Transport

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._upstream: Upstream | None = None
        self._dialling: Task[None] | None = None
        self._pending = b""
        self._exchange: HttpExchange | None = None  # unknown until the first bytes
        self._answered = False
        self._waiting = False  # the last data was the client's; used if the connection is not HTTP
        self._slow_since: float | None = None
        self._ended = False
        self.target: Target | None = None
        self.finished = False
        self.half_open = False
        self.last_active = owner.loop.time()

    # Events of the client

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("Transport", transport)
        peer = transport.get_extra_info("peername")
        if not self._owner.limits.add(self, peer[0] if peer else ""):
            self.close_idle()
            return
        self._owner.connections.add(self)
        self.move()

    def data_received(self, data: bytes) -> None:
        if self.finished:
            return
        self.last_active = self._owner.loop.time()
        moves = self._move_for_request()
        if not self._follow_request(data):
            return
        if moves or self._upstream is None or self._dialling:
            # The loop may read once, although the transport was paused when it was created.
            self._pending += data
            self.transport.pause_reading()
        else:
            self._waiting = True
            self._upstream.write(data)

    def eof_received(self) -> bool:
        self._ended = self.half_open = True
        self.last_active = self._owner.loop.time()
        if self.finished:
            self.transport.close()
        elif self._upstream and not self._dialling:
            self._upstream.write_end()
        return True

    def pause_writing(self) -> None:
        self._slow_since = self._owner.loop.time()
        if self._upstream:
            self._upstream.transport.pause_reading()

    def resume_writing(self) -> None:
        self._slow_since = None
        self.last_active = self._owner.loop.time()
        if self._upstream:
            self._upstream.read_on()

    def connection_lost(self, _exc: Exception | None) -> None:
        self.finished = True
        self._owner.connections.discard(self)
        self._owner.limits.remove(self)
        self._disconnect_upstream()

    # Events of the target

    def joined(self, upstream: Upstream) -> None:
        self._upstream = upstream

    def receive(self, data: bytes) -> None:
        self._answered = True
        self._waiting = False
        self.last_active = self._owner.loop.time()
        if self._exchange:
            self._exchange.receive_response(data)
            if self._exchange.is_between:
                self._owner.limits.wait(self)
        else:
            self._owner.limits.work(self)
        if not self.transport.is_closing():
            self.transport.write(data)

    def target_ended(self) -> None:
        self.half_open = True
        self.last_active = self._owner.loop.time()
        if self._ended:
            self.close()
        elif not self.transport.is_closing():
            self.transport.write_eof()

    def close(self) -> None:
        """Close the connection when all data has been sent."""
        self.finished = True
        self._disconnect_upstream()
        close_flushed(self._owner.loop, self.transport)

    def close_idle(self) -> None:
        """Close the connection for a new one, since too many are open."""
        self.finished = True
        self._disconnect_upstream()
        self.transport.abort()

    def read_on(self) -> None:
        # Reading again after the end is undefined in libuv.
        if not self._ended:
            self.transport.resume_reading()

    # Called by the listener after a switch

    @property
    def movable(self) -> bool:
        """Whether another target can serve the next data: nothing was sent yet, or all requests are complete."""
        return not self._ended and (self._unused or self._is_between)

    @property
    def _unused(self) -> bool:
        return self._exchange is None and not (self._answered or self._waiting or self._pending)

    @property
    def _is_between(self) -> bool:
        return self._exchange is not None and self._exchange.is_between and not self._dialling

    def idle(self) -> bool:
        """Whether nothing is lost if the connection ends: it is between two requests, or quiet if it is not HTTP."""
        if self._dialling or self.transport.get_write_buffer_size():
            return False
        if self._exchange and self._exchange.is_followed:
            return self._exchange.is_between or bool(self._upstream and self._upstream.ended)
        return not self._waiting and self._owner.loop.time() - self.last_active >= IDLE_SECONDS

    def check_time(self, now: float) -> None:
        """Close the connection if its next step takes too long."""
        quiet = now - self.last_active
        if self.half_open and quiet > HALF_OPEN_SECONDS:
            self.transport.abort()
        elif self._slow_since is not None:
            if now - self._slow_since > STALL_SECONDS:
                self.transport.abort()
        elif self._unused and quiet > SILENT_SECONDS:
            self.close()
        elif self._exchange and not self._dialling:
            self._check_exchange(self._exchange, quiet)

    def _check_exchange(self, exchange: HttpExchange, quiet: float) -> None:
        if exchange.is_between:
            if quiet > KEEP_ALIVE_SECONDS:
                self.finish()
        elif exchange.in_request and quiet > (HEAD_SECONDS if exchange.in_head else BODY_SECONDS):
            self._refuse(_TOO_SLOW)

    def move(self) -> None:
        """Connect to a current target instead; the client does not notice."""
        self._disconnect_upstream()
        self.transport.pause_reading()
        self._dialling = self._owner.loop.create_task(self._dial())

    def finish(self) -> None:
        """End the connection with a FIN, so that the client can read all data; closing could reset it."""
        self.finished = True
        self._disconnect_upstream()
        if self._ended:
            close_flushed(self._owner.loop, self.transport)
        elif not self.transport.is_closing():
            self.transport.write_eof()
            self.transport.resume_reading()
            self._owner.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def _move_for_request(self) -> bool:
        """Move to a current target if the next data begin a request: keep-alive connections survive a switch."""
        if not self.movable:
            return False
        targets = self._owner.targets()
        if self.target in targets or not targets:
            return False
        self.move()
        return True

    def _follow_request(self, data: bytes) -> bool:
        """Follow data of the client, if it is HTTP. Return False if the head is too large and the connection ends."""
        if self._exchange is None and self._unused and may_begin_request(data):
            self._exchange = HttpExchange()
        self._owner.limits.work(self)
        if self._exchange is None:
            self._waiting = True
            return True
        self._exchange.receive_request(data)
        if self._exchange.is_head_too_large:
            self._refuse(_HEAD_TOO_LARGE)
            return False
        return True

    def _refuse(self, status: bytes) -> None:
        """Answer instead of the target, unless a response has begun, and close."""
        if self._exchange and not self._exchange.has_response_begun and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % status)
        self.finish()

    async def _dial(self) -> None:
        refused: set[Target] = set()
        while target := self._owner.choose(refused):
            self.target = target
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await self._owner.loop.create_connection(lambda: Upstream(self), target.host, target.port)
            except OSError:
                refused.add(target)
                continue
            self._connected()
            return
        self._dialling = None
        self.finish()

    def _connected(self) -> None:
        self._dialling = None
        if self._upstream is None:
            return
        self.last_active = self._owner.loop.time()
        if self._slow_since is not None:
            self._upstream.transport.pause_reading()
        self.read_on()
        if self._pending:
            pending, self._pending = self._pending, b""
            self._waiting = True
            self._upstream.write(pending)
        if self._ended:
            self._upstream.write_end()

    def _disconnect_upstream(self) -> None:
        if self._dialling:
            self._dialling.cancel()
            self._dialling = None
        if self._upstream:
            upstream, self._upstream = self._upstream, None
            upstream.detach()
            close_flushed(self._owner.loop, upstream.transport)
