"""A visitor's connection and the one to a target, joined: bytes, ends and slowness travel both ways."""

import asyncio
import re
from asyncio import AbstractEventLoop, Task, Transport
from typing import Protocol, cast

from domain.adapters.forwarder.sockets import keep_alive
from domain.ports.router import Target

CONNECT_SECONDS = 3.0
IDLE_SECONDS = 0.25
LINGER_SECONDS = 1.0
FLUSH_SECONDS = 300.0

_REQUEST = re.compile(rb"(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) \S{1,16384} HTTP/1\.[01]\r\n")


class Host(Protocol):
    """Who lets visitors in and knows where to."""

    @property
    def loop(self) -> AbstractEventLoop: ...
    @property
    def visits(self) -> "set[Visit]": ...
    def targets(self) -> tuple[Target, ...]: ...
    def choose(self, refused: set[Target]) -> Target | None: ...


class Visit(asyncio.Protocol):
    """The visitor's side, which holds the state of both."""

    transport: Transport

    def __init__(self, host: Host) -> None:
        self._host = host
        self._upstream: _Upstream | None = None
        self._dialling: Task[None] | None = None
        self._held = b""
        self._http: bool | None = None  # unknown until the first bytes
        self._answered = False
        self._waiting = False  # the last bytes were the visitor's, and an answer is owed
        self._slow = False
        self._ended = False
        self.target: Target | None = None
        self.finished = False
        self.half_open = False
        self.moved = host.loop.time()

    # What the visitor does

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("Transport", transport)
        self._host.visits.add(self)
        self.move()

    def data_received(self, data: bytes) -> None:
        if self.finished:
            return
        self.moved = self._host.loop.time()
        if self._moves_on(data) or self._upstream is None or self._dialling:
            # The loop may read once although the transport was paused when it was made.
            self._held += data
            self.transport.pause_reading()
        else:
            self._waiting = True
            self._upstream.write(data)

    def eof_received(self) -> bool:
        self._ended = self.half_open = True
        self.moved = self._host.loop.time()
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
        self.moved = self._host.loop.time()
        if self._upstream:
            self._upstream.read_on()

    def connection_lost(self, _exc: Exception | None) -> None:
        self.finished = True
        self._host.visits.discard(self)
        self._leave()

    # What the target does

    def joined(self, upstream: "_Upstream") -> None:
        self._upstream = upstream

    def receive(self, data: bytes) -> None:
        self._answered = True
        self._waiting = False
        self.moved = self._host.loop.time()
        if not self.transport.is_closing():
            self.transport.write(data)

    def target_ended(self) -> None:
        self.half_open = True
        self.moved = self._host.loop.time()
        if self._ended:
            self.close()
        elif not self.transport.is_closing():
            self.transport.write_eof()

    def close(self) -> None:
        """End it when everything is delivered."""
        self.finished = True
        self._leave()
        _close(self._host.loop, self.transport)

    def read_on(self) -> None:
        # Reading again after the end is undefined in libuv.
        if not self._ended:
            self.transport.resume_reading()

    # What a switch asks

    @property
    def fresh(self) -> bool:
        """Nothing was said yet, by nobody."""
        return self._http is None and not self._answered and not self._ended

    def idle(self) -> bool:
        quiet = self._host.loop.time() - self.moved >= IDLE_SECONDS
        return quiet and not (self._waiting or self._dialling or self.transport.get_write_buffer_size())

    def move(self) -> None:
        """Change over to a current target; the visitor does not notice."""
        self._leave()
        self.transport.pause_reading()
        self._dialling = self._host.loop.create_task(self._dial())

    def finish(self) -> None:
        """End it with a FIN: the visitor reads all that was sent, where closing on unread bytes would be a reset."""
        self.finished = True
        self._leave()
        if self._ended:
            _close(self._host.loop, self.transport)
        elif not self.transport.is_closing():
            self.transport.write_eof()
            self.transport.resume_reading()
            self._host.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def _moves_on(self, data: bytes) -> bool:
        """Take a new request on a connection to an earlier target to a current one: keep-alive survives a switch.

        A request line where the other side spoke last means that its answer was complete. Visitors who send requests
        ahead of answers stay: something is still owed to them.
        """
        fresh = self.fresh
        if fresh:
            self._http = _REQUEST.match(data) is not None
        if self._waiting or self._dialling:
            return False
        targets = self._host.targets()
        if self.target in targets or not targets:
            return False
        moves = fresh or bool(self._http and _REQUEST.match(data))
        if moves:
            self.move()
        return moves

    async def _dial(self) -> None:
        refused: set[Target] = set()
        while target := self._host.choose(refused):
            self.target = target
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await self._host.loop.create_connection(lambda: _Upstream(self), target.host, target.port)
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
        self.moved = self._host.loop.time()
        if self._slow:
            self._upstream.transport.pause_reading()
        self.read_on()
        if self._held:
            held, self._held = self._held, b""
            self._waiting = True
            self._upstream.write(held)
        if self._ended:
            self._upstream.write_end()

    def _leave(self) -> None:
        if self._dialling:
            self._dialling.cancel()
            self._dialling = None
        if self._upstream:
            upstream, self._upstream = self._upstream, None
            upstream.leave()
            _close(self._host.loop, upstream.transport)


class _Upstream(asyncio.Protocol):
    """The target's side; without a visit it was left, and what it still says is dropped."""

    transport: Transport

    def __init__(self, visit: Visit) -> None:
        self._visit: Visit | None = visit
        self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("Transport", transport)
        keep_alive(self.transport.get_extra_info("socket"))
        if self._visit:
            self._visit.joined(self)

    def data_received(self, data: bytes) -> None:
        if self._visit:
            self._visit.receive(data)

    def eof_received(self) -> bool:
        self._ended = True
        if self._visit:
            self._visit.target_ended()
        return self._visit is not None

    def pause_writing(self) -> None:
        if self._visit:
            self._visit.transport.pause_reading()

    def resume_writing(self) -> None:
        if self._visit:
            self._visit.read_on()

    def connection_lost(self, _exc: Exception | None) -> None:
        visit, self._visit = self._visit, None
        if visit:
            visit.close()

    def leave(self) -> None:
        self._visit = None

    def read_on(self) -> None:
        if not self._ended:
            self.transport.resume_reading()

    def write(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)

    def write_end(self) -> None:
        if self._ended and self._visit:
            self._visit.close()
        elif not self.transport.is_closing():
            self.transport.write_eof()


def _close(loop: AbstractEventLoop, transport: Transport) -> None:
    """Deliver what is buffered, but do not wait for ever for a peer who does not read."""
    transport.close()
    if transport.get_write_buffer_size():
        loop.call_later(FLUSH_SECONDS, transport.abort)
