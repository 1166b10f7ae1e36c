"""New events for all event streams of the API: one reader, one check of credentials, no work without events."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass

from domain import events
from domain.errors import Refusal
from domain.identity.access import Caller, keeps_access
from domain.identity.authenticator import Authenticator
from domain.ports import Ports
from handlers.edge.event_tail import EventMessage, EventTail
from handlers.edge.threads import AUTHENTICATION, READS

_log = logging.getLogger(__name__)
_HEARTBEAT = 15.0  # seconds without an event
_CHECK_INTERVAL = 1.0  # seconds between two checks of credentials
_COMMENT = b": listening\r\n\r\n"


@dataclass(eq=False)
class _Stream:
    """An open stream. `ended`: the caller may do less than when it began."""

    caller: Caller
    topic: str | None
    cursor: int
    ended: bool = False

    def wants(self, message: EventMessage) -> bool:
        """Return whether the event is new to the client, matches its topic, and may be seen by the caller."""
        return (
            message.event.sequence > self.cursor
            and (self.topic is None or self.topic in message.topics)
            and events.may_see(self.caller, message.event)
        )


class _Tail(EventTail):
    """Wakes all streams when there are new events."""

    def __init__(self, ports: Ports, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(ports, loop)
        self._changed = asyncio.Event()

    def deliver(self, before: int, messages: list[EventMessage]) -> None:
        """Wake the streams, which read the messages from memory."""
        del before, messages
        self.wake()

    def wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait(self, seconds: float) -> bool:
        """Return True when there are new events, or False after some seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                return await self._changed.wait()
        return False


class EventFeed:
    """Starts with the first stream of an event loop and stops when `stop` is called, at the end of the loop."""

    def __init__(self, ports: Ports, authenticator: Authenticator) -> None:
        self._ports = ports
        self._authenticator = authenticator
        self._starting: asyncio.Task[_Tail] | None = None
        self._checking: asyncio.Task[None] | None = None
        self._streams: set[_Stream] = set()

    async def follow(self, caller: Caller, topic: str | None, after: int) -> AsyncIterator[bytes]:
        """Yield the events after a number, and comments while there are none. A Refusal ends the stream."""
        stream = _Stream(caller, topic, after)
        self._streams.add(stream)
        try:
            with suppress(Refusal):
                tail = await self._tail()
                yield _COMMENT
                while not stream.ended:
                    if stream.cursor >= tail.newest:
                        chunk = b"" if await tail.wait(_HEARTBEAT) else _COMMENT
                    else:
                        chunk = await _next_chunk(tail, stream)
                    if chunk:
                        yield chunk
        finally:
            self._streams.discard(stream)

    async def stop(self) -> None:
        """Stop reading."""
        starting, checking, self._starting, self._checking = self._starting, self._checking, None, None
        if checking:
            checking.cancel()
        if starting:
            with suppress(Refusal):
                tail = await starting
                await READS.run(tail.stop)

    async def _tail(self) -> _Tail:
        """Return the reader of this loop, after starting it if needed. Raise Unavailable if the database is away."""
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
        try:
            return await asyncio.shield(self._starting)
        except Refusal:
            self._starting = None
            raise

    async def _start(self) -> _Tail:
        tail = _Tail(self._ports, asyncio.get_running_loop())
        await READS.run(tail.start)
        self._checking = asyncio.create_task(self._check_credentials(tail.wake))
        return tail

    async def _check_credentials(self, wake: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(_CHECK_INTERVAL)
            try:
                with suppress(Refusal):  # the reader logs that the database cannot be reached
                    if await self._end_invalid():
                        wake()
            except Exception:  # noqa: BLE001 - one failed check must not end the checks
                _log.exception("the check of credentials failed unexpectedly")

    async def _end_invalid(self) -> bool:
        """Mark the streams of callers that may do less as ended. Return whether there are any."""
        streams = list(self._streams)
        if not streams:
            return False
        callers = [stream.caller for stream in streams]
        current = await AUTHENTICATION.run(lambda: self._authenticator.revalidate_many(callers))
        for stream, caller in zip(streams, current, strict=True):
            if caller is not None and keeps_access(stream.caller, caller):
                stream.caller = caller
            else:
                stream.ended = True
        return any(stream.ended for stream in streams)


async def _next_chunk(tail: _Tail, stream: _Stream) -> bytes:
    messages = await tail.after(stream.cursor)
    chunk = b"".join(_encode(message) for message in messages if stream.wants(message))
    stream.cursor = max(stream.cursor, messages[-1].event.sequence)
    return chunk


def _encode(message: EventMessage) -> bytes:
    event = message.event
    return f"id: {event.sequence}\r\nevent: {event.type}\r\ndata: {message.text}\r\n\r\n".encode()
