"""One socket: what it is told, what it asks for, and why it is closed."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from websockets.exceptions import ConnectionClosed

from domain import events
from domain.errors import Forbidden, Refusal
from domain.identity.access import Caller
from domain.ports import Ports
from handlers.edge.refusals import Close
from ws import protocol
from ws.handshake import Admitted, Connection
from ws.logs import Listener, Logs
from ws.protocol import Command
from ws.tail import Tail, Told

SLOW = 10.0  # seconds that one message may take to leave before its reader is too slow
_COMMANDS = 300  # a minute
_LOGS = "logs:"
_ENOUGH = 0.5


class Session:
    """Three things at once: events go out, lines of logs go out, commands come in until the connection ends."""

    def __init__(self, ports: Ports, connection: Connection, tail: Tail, logs: Logs) -> None:
        admitted: Admitted = connection.admitted
        self.caller: Caller = admitted.caller
        self._ports = ports
        self.connection = connection
        self._tail = tail
        self._allowed = admitted.topics
        self._asked: frozenset[str] = frozenset()
        self._seen = tail.newest if admitted.after is None else admitted.after
        self._listener = Listener(self._too_slow)
        self._logs = logs
        self._telling: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Returns when the connection is closed, by either side."""
        lines = asyncio.create_task(self._tell_lines())
        try:
            await self._send(protocol.hello(self._tail.newest))
            self._listen()
            self._begin(self._seen)
            async for message in self.connection:
                await self._heed(message)
        except ConnectionClosed:
            pass
        finally:
            self._tail.leave(self)
            self._logs.leave(self._listener)
            lines.cancel()
            if self._telling:
                self._telling.cancel()

    @property
    def _topics(self) -> frozenset[str]:
        """What it is told of: what it asked for, else all that its ticket names; nothing there means everything."""
        return self._asked or self._allowed or frozenset()

    async def end(self, code: Close, reason: str) -> None:
        """Close, and do not wait for long for who does not answer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_ENOUGH):
                await self.connection.close(code, reason)
        self.connection.transport.abort()

    # ── Out ────────────────────────────────────────────────────────────────────────────────────

    def wants(self, told: Told) -> bool:
        """Whether the event is new to it, one that it asked for, and one that it may see.

        Another server may have told its client of events that this one has not even read.
        """
        wanted = not (topics := self._topics) or not topics.isdisjoint(told.topics)
        return wanted and told.event.sequence > self._seen and events.may_see(self.caller, told.event)

    def fall_behind(self, cursor: int) -> None:
        """It read too slowly to be told with the others: a task of its own waits for it."""
        self._begin(max(cursor, self._seen))

    def _begin(self, cursor: int) -> None:
        self._seen = cursor
        self._tail.leave(self)
        if self._telling:
            self._telling.cancel()
        self._telling = asyncio.create_task(self._catch_up(cursor))

    async def _catch_up(self, cursor: int) -> None:
        with suppress(ConnectionClosed):
            while cursor < self._tail.newest:
                for told in await self._after(cursor):
                    if self.wants(told):
                        await self._send(told.text)
                    cursor = told.event.sequence
            self._seen = cursor  # which may be ahead of what the tail has read
            self._tail.follow(self)  # nothing has been awaited since the last look: no event fell in between

    async def _after(self, cursor: int) -> Sequence[Told]:
        """While the database is away nothing is told, and nothing is lost."""
        while True:
            try:
                return await self._tail.after(cursor)
            except Refusal:
                await asyncio.sleep(1)

    async def _tell_lines(self) -> None:
        with suppress(ConnectionClosed):
            while True:
                await self._send(await self._listener.queue.get())

    async def _send(self, text: str) -> None:
        try:
            async with asyncio.timeout(SLOW):
                await self.connection.send(text)
        except TimeoutError:
            await self._too_slow()  # whoever sends next finds the connection closed

    async def _too_slow(self) -> None:
        await self.end(Close.TOO_SLOW, "too slow: come back with the last number that you have seen")

    # ── In ─────────────────────────────────────────────────────────────────────────────────────

    async def _heed(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            await self.connection.close(1003, "commands are text")
            return
        if not self._ports.counter.hit(f"socket:{self.connection.id}", _COMMANDS).allowed:
            await self.end(Close.TOO_MANY_COMMANDS, "too many commands")
            return
        try:
            await self._carry_out(protocol.command(message))
        except Refusal as refusal:
            await self._send(protocol.refused(refusal))
        else:
            await self._send(protocol.subscribed(sorted(self._topics)))

    async def _carry_out(self, command: Command) -> None:
        named = frozenset(command.topics)
        if command.action == "unsubscribe":
            self._asked -= named
            self._listen()
            return
        if self._allowed is not None and not named <= self._allowed:
            raise Forbidden("The ticket of this socket is for other topics")
        await asyncio.to_thread(events.check_topics, self._ports, self.caller, sorted(named))
        cursor = None if command.after is None else await asyncio.to_thread(events.resume, self._ports, command.after)
        self._asked |= named
        self._listen()
        if cursor is not None:
            self._begin(cursor)

    def _listen(self) -> None:
        """Of the topics that are lines, follow these and no other; a ticket may name some that its key lost since."""
        lines = self._topics if "logs.read" in self.caller.permissions else frozenset()
        services = {topic.removeprefix(_LOGS) for topic in lines if topic.startswith(_LOGS)}
        self._logs.listen(self._listener, self.caller, services)
