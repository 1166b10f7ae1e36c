"""One connection: the messages that it gets, the commands that it sends, and the reasons to close it."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from websockets.exceptions import ConnectionClosed

from domain import events
from domain.errors import Forbidden, Refusal, TooMany
from domain.identity.access import Caller
from domain.ports import Ports
from handlers.edge.event_tail import EventMessage
from handlers.edge.refusals import Close
from ws import protocol
from ws.connection import Connection, HandshakeResult
from ws.event_reader import EventReader
from ws.logs import LogSubscriptions, MessageQueue
from ws.protocol import Command

SEND_TIMEOUT = 10.0  # seconds to send one message; after that the client is too slow
_COMMANDS_PER_MINUTE = 300
_LOGS_PREFIX = "logs:"


class Session:
    """Sends events, sends lines of logs and handles commands, all three at once, until the connection closes."""

    def __init__(self, ports: Ports, connection: Connection, reader: EventReader, logs: LogSubscriptions) -> None:
        accepted: HandshakeResult = connection.accepted
        self.caller: Caller = accepted.caller
        self._ports = ports
        self.connection = connection
        self._reader = reader
        self._ticket_topics = accepted.topics
        self._subscribed: frozenset[str] = frozenset()
        self._cursor = reader.newest if accepted.after is None else accepted.after
        self._log_messages = MessageQueue(accepted.caller, self._close_slow)
        self._logs = logs
        self._catching_up: asyncio.Task[None] | None = None
        self._sending_lines: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Serve the connection until either side closes it."""
        self._sending_lines = asyncio.create_task(self._send_log_messages())
        try:
            await self._send(protocol.hello(self._reader.newest))
            if not self._subscribe_ticket_logs():
                return
            self._restart(self._cursor)
            async for message in self.connection:
                await self._handle_command(message)
        except ConnectionClosed:
            pass
        finally:
            self._stop_sending()

    @property
    def _topics(self) -> frozenset[str]:
        """The topics subscribed to, else all topics of the ticket. An empty set means all events."""
        return self._subscribed or self._ticket_topics or frozenset()

    def end(self, code: Close, reason: str) -> None:
        """Send nothing more, and close the connection when the client has read what was sent."""
        self._stop_sending()
        self.connection.end(code, reason)

    def _stop_sending(self) -> None:
        self._reader.unsubscribe(self)
        self._logs.unsubscribe(self._log_messages)
        for task in (self._sending_lines, self._catching_up):
            if task:
                task.cancel()

    # ── Messages to the client ─────────────────────────────────────────────────────────────────

    def wants(self, message: EventMessage) -> bool:
        """Return whether the event is new to the client, matches its topics, and may be seen by the caller.

        A client that resumes may know events, from another server, that this server has not read yet.
        """
        matches = not (topics := self._topics) or not topics.isdisjoint(message.topics)
        return matches and message.event.sequence > self._cursor and events.may_see(self.caller, message.event)

    def catch_up(self, cursor: int) -> None:
        """Send the events after `cursor` that the client does not have, in a task of its own."""
        self._restart(max(cursor, self._cursor))

    def _restart(self, cursor: int) -> None:
        self._cursor = cursor
        self._reader.unsubscribe(self)
        if self._catching_up:
            self._catching_up.cancel()
        self._catching_up = asyncio.create_task(self._send_after(cursor))

    async def _send_after(self, cursor: int) -> None:
        """Send the events after `cursor`, then subscribe to new ones."""
        with suppress(ConnectionClosed):
            while cursor < self._reader.newest:
                for message in await self._read_after(cursor):
                    if self.wants(message):
                        await self._send(message.text)
                    cursor = message.event.sequence
            self._cursor = cursor  # may be greater than `newest` of this server's reader
            self._reader.subscribe(self)  # no event is missed: nothing is awaited since the loop's last comparison

    async def _read_after(self, cursor: int) -> Sequence[EventMessage]:
        """Return the next events. Retry while the database cannot be reached."""
        while True:
            try:
                return await self._reader.after(cursor)
            except Refusal:
                await asyncio.sleep(1)

    async def _send_log_messages(self) -> None:
        with suppress(ConnectionClosed):
            while True:
                await self._send(await self._log_messages.queue.get())

    async def _send(self, text: str) -> None:
        try:
            async with asyncio.timeout(SEND_TIMEOUT):
                await self.connection.send(text)
        except TimeoutError:
            self._close_slow()

    def _close_slow(self) -> None:
        self.end(Close.TOO_SLOW, "too slow: come back with the last number that you have seen")

    # ── Commands of the client ─────────────────────────────────────────────────────────────────

    async def _handle_command(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            await self.connection.close(1003, "commands are text")
            return
        if not self._ports.counter.hit(f"socket:{self.connection.id}", _COMMANDS_PER_MINUTE).allowed:
            self.end(Close.TOO_MANY_COMMANDS, "too many commands")
            return
        try:
            await self._run_command(protocol.parse_command(message))
        except Refusal as refusal:
            await self._send(protocol.error_message(refusal))
        else:
            await self._send(protocol.subscribed(sorted(self._topics)))

    async def _run_command(self, command: Command) -> None:
        topics = frozenset(command.topics)
        if command.action == "unsubscribe":
            self._subscribed -= topics
            self._subscribe_logs()
            return
        if self._ticket_topics is not None and not topics <= self._ticket_topics:
            raise Forbidden("The ticket of this socket is for other topics")
        await asyncio.to_thread(events.check_topics, self._ports, self.caller, sorted(topics))
        cursor = None if command.after is None else await asyncio.to_thread(events.resume, self._ports, command.after)
        before, self._subscribed = self._subscribed, self._subscribed | topics
        try:
            self._subscribe_logs()
        except TooMany:
            self._subscribed = before
            raise
        if cursor is not None:
            self._restart(cursor)

    def _subscribe_ticket_logs(self) -> bool:
        """Subscribe to the logs of the ticket. Return False if they are too many and the connection closes."""
        try:
            self._subscribe_logs()
        except TooMany as refusal:
            self.end(Close.TOO_MANY_COMMANDS, refusal.message)
            return False
        return True

    def _subscribe_logs(self) -> None:
        """Subscribe to the logs among the topics, unless the caller has lost the permission that its ticket had."""
        topics = self._topics if "logs.read" in self.caller.permissions else frozenset()
        services = {topic.removeprefix(_LOGS_PREFIX) for topic in topics if topic.startswith(_LOGS_PREFIX)}
        self._logs.subscribe(self._log_messages, self.caller, services)
