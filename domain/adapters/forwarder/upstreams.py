"""The target's side of a proxied connection."""

import asyncio
from asyncio import AbstractEventLoop, Transport
from typing import Protocol, cast

from domain.adapters.forwarder.port_leases import keep_alive

FLUSH_SECONDS = 300.0


class Client(Protocol):
    """The client's side."""

    transport: Transport

    def joined(self, upstream: "Upstream") -> None: ...
    def receive(self, data: bytes) -> None: ...
    def target_ended(self) -> None: ...
    def read_on(self) -> None: ...
    def close(self) -> None: ...


class Upstream(asyncio.Protocol):
    """The target's side. Once it is detached from its connection, data that it sends is dropped."""

    transport: Transport

    def __init__(self, connection: Client) -> None:
        self._connection: Client | None = connection
        self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("Transport", transport)
        keep_alive(self.transport.get_extra_info("socket"))
        if self._connection:
            self._connection.joined(self)

    def data_received(self, data: bytes) -> None:
        if self._connection:
            self._connection.receive(data)

    def eof_received(self) -> bool:
        self.ended = True
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
        if not self.ended:
            self.transport.resume_reading()

    def write(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)

    def write_end(self) -> None:
        if self.ended and self._connection:
            self._connection.close()
        elif not self.transport.is_closing():
            self.transport.write_eof()


def close_flushed(loop: AbstractEventLoop, transport: Transport) -> None:
    """Send what is buffered, but do not wait forever for a peer that does not read."""
    transport.close()
    if transport.get_write_buffer_size():
        loop.call_later(FLUSH_SECONDS, transport.abort)
