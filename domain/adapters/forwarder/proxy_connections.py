"""A client's connection joined with one to a target. Data, ends and backpressure are passed on both ways."""

import asyncio
import re
from asyncio import AbstractEventLoop, Task, Transport
from typing import Protocol, cast

from domain.adapters.forwarder.port_leases import keep_alive
from domain.ports.router import Target

CONNECT_SECONDS = 3.0
IDLE_SECONDS = 0.25
LINGER_SECONDS = 1.0
FLUSH_SECONDS = 300.0

_REQUEST = re.compile(rb"(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) \S{1,16384} HTTP/1\.[01]\r\n")


class Owner(Protocol):
    """The listener that accepted the connection and knows its targets."""

    @property
    def loop(self) -> AbstractEventLoop: ...
    @property
    def connections(self) -> "set[ProxyConnection]": ...
    def targets(self) -> tuple[Target, ...]: ...
    def choose(self, refused: set[Target]) -> Target | None: ...


class ProxyConnection(asyncio.Protocol):
    """The client's side, which holds the state of both sides."""

    transport: Transport

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._upstream: _Upstream | None = None
        self._dialling: Task[None] | None = None
        self._pending = b""
        self._http: bool | None = None  # unknown until the first bytes
        self._answered = False
        self._waiting = False  # the last data was the client's, and the response is not complete
        self._slow = False
        self._ended = False
        self.target: Target | None = None
        self.finished = False
        self.half_open = False
        self.last_active = owner.loop.time()

    # Events of the client

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("Transport", transport)
        self._owner.connections.add(self)
        self.move()

    def data_received(self, data: bytes) -> None:
        if self.finished:
            return
        self.last_active = self._owner.loop.time()
        if self._move_for(data) or self._upstream is None or self._dialling:
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
        self._slow = True
        if self._upstream:
            self._upstream.transport.pause_reading()

    def resume_writing(self) -> None:
        self._slow = False
        self.last_active = self._owner.loop.time()
        if self._upstream:
            self._upstream.read_on()

    def connection_lost(self, _exc: Exception | None) -> None:
        self.finished = True
        self._owner.connections.discard(self)
        self._disconnect_upstream()

    # Events of the target

    def joined(self, upstream: "_Upstream") -> None:
        self._upstream = upstream

    def receive(self, data: bytes) -> None:
        self._answered = True
        self._waiting = False
        self.last_active = self._owner.loop.time()
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
        _close(self._owner.loop, self.transport)

    def read_on(self) -> None:
        # Reading again after the end is undefined in libuv.
        if not self._ended:
            self.transport.resume_reading()

    # Called by the listener after a switch

    @property
    def unused(self) -> bool:
        """Whether neither side has sent anything."""
        return self._http is None and not self._answered and not self._ended

    def idle(self) -> bool:
        quiet = self._owner.loop.time() - self.last_active >= IDLE_SECONDS
        return quiet and not (self._waiting or self._dialling or self.transport.get_write_buffer_size())

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
            _close(self._owner.loop, self.transport)
        elif not self.transport.is_closing():
            self.transport.write_eof()
            self.transport.resume_reading()
            self._owner.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def _move_for(self, data: bytes) -> bool:
        """Move to a current target if this is a new request, so that keep-alive connections survive a switch.

        A request line after data of the target means that the response was complete. Connections with pipelined
        requests stay, because responses are outstanding.
        """
        unused = self.unused
        if unused:
            self._http = _REQUEST.match(data) is not None
        if self._waiting or self._dialling:
            return False
        targets = self._owner.targets()
        if self.target in targets or not targets:
            return False
        moves = unused or bool(self._http and _REQUEST.match(data))
        if moves:
            self.move()
        return moves

    async def _dial(self) -> None:
        refused: set[Target] = set()
        while target := self._owner.choose(refused):
            self.target = target
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await self._owner.loop.create_connection(lambda: _Upstream(self), target.host, target.port)
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
        if self._slow:
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
            _close(self._owner.loop, upstream.transport)


class _Upstream(asyncio.Protocol):
    """The target's side. Once it is detached from its connection, data that it sends is dropped."""

    transport: Transport

    def __init__(self, connection: ProxyConnection) -> None:
        self._connection: ProxyConnection | None = connection
        self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("Transport", transport)
        keep_alive(self.transport.get_extra_info("socket"))
        if self._connection:
            self._connection.joined(self)

    def data_received(self, data: bytes) -> None:
        if self._connection:
            self._connection.receive(data)

    def eof_received(self) -> bool:
        self._ended = True
        if self._connection:
            self._connection.target_ended()
        return self._connection is not None

    def pause_writing(self) -> None:
        if self._connection:
            self._connection.transport.pause_reading()

    def resume_writing(self) -> None:
        if self._connection:
            self._connection.read_on()

    def connection_lost(self, _exc: Exception | None) -> None:
        connection, self._connection = self._connection, None
        if connection:
            connection.close()

    def detach(self) -> None:
        self._connection = None

    def read_on(self) -> None:
        if not self._ended:
            self.transport.resume_reading()

    def write(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)

    def write_end(self) -> None:
        if self._ended and self._connection:
            self._connection.close()
        elif not self.transport.is_closing():
            self.transport.write_eof()


def _close(loop: AbstractEventLoop, transport: Transport) -> None:
    """Send what is buffered, but do not wait forever for a peer that does not read."""
    transport.close()
    if transport.get_write_buffer_size():
        loop.call_later(FLUSH_SECONDS, transport.abort)
