"""Read new events once for all connections, and keep the latest ones in memory for clients that are behind."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event as Flag
from threading import Thread
from typing import Protocol

from websockets.asyncio.server import ServerConnection, broadcast

from domain import events
from domain.errors import Refusal
from domain.model.event import Event
from domain.ports import Ports
from ws import protocol

_log = logging.getLogger(__name__)
_RECENT_EVENTS = 10_000
_BATCH_SIZE = 500
_REFRESH_INTERVAL = 1.0  # seconds
_MAX_BUFFERED = 64 * 1024  # bytes in a connection's write buffer; a subscriber with more is behind


@dataclass(frozen=True, slots=True)
class EventMessage:
    """An event, its message, and the topics that deliver it."""

    event: Event
    text: str
    topics: frozenset[str]


class Subscriber(Protocol):
    """A client that has received all events so far. New ones are broadcast to it, without a task of its own."""

    @property
    def connection(self) -> ServerConnection: ...
    def wants(self, message: EventMessage) -> bool: ...
    def catch_up(self, cursor: int) -> None:
        """Send the events after `cursor` in a task of its own: the connection is too slow for the broadcast."""


class EventReader:
    """Reads in a thread; everything else runs in the loop's thread. Each event is serialized once."""

    def __init__(self, ports: Ports, loop: asyncio.AbstractEventLoop) -> None:
        self._ports = ports
        self._loop = loop
        self._stopping = Flag()
        self._thread = Thread(target=self._run, name="event reader", daemon=True)
        self._recent: list[EventMessage] = []
        self._subscribers: set[Subscriber] = set()
        self._last_warning = ""
        self.newest = 0

    def start(self) -> None:
        """Start at the newest event. Raise Unavailable if the database cannot be reached."""
        self.newest = events.latest(self._ports)
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread and wait for its end."""
        self._stopping.set()
        self._ports.notifier.notify()
        self._thread.join()

    def subscribe(self, subscriber: Subscriber) -> None:
        """Broadcast new events to a subscriber that has received all events up to `newest`."""
        self._subscribers.add(subscriber)

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Stop broadcasting to a subscriber."""
        self._subscribers.discard(subscriber)

    async def after(self, sequence: int) -> Sequence[EventMessage]:
        """Return the next batch of events after a number below `newest`, in order: from memory, else from the store."""
        is_behind = self._recent[0].event.sequence > sequence + 1 if self._recent else True
        if is_behind:
            return await asyncio.to_thread(self._read_stored, sequence)
        first = sequence + 1 - self._recent[0].event.sequence  # numbers have no gaps
        return self._recent[first : first + _BATCH_SIZE]

    def _read_stored(self, sequence: int) -> list[EventMessage]:
        return [_event_message(event) for event in events.read_after(self._ports, sequence, _BATCH_SIZE)]

    def _run(self) -> None:
        newest = self.newest
        while not self._stopping.is_set():
            version = self._ports.notifier.version()
            messages = self._read_new(newest)
            if messages:
                newest = messages[-1].event.sequence
                self._loop.call_soon_threadsafe(self._publish, messages)
            else:
                self._ports.notifier.wait(_REFRESH_INTERVAL, version)

    def _read_new(self, newest: int) -> list[EventMessage]:
        """Return the next events, or none after a pause if the read fails: the next call then reads the same events."""
        try:
            messages = self._read_stored(newest)
        except Refusal as refusal:
            self._warn(refusal.message)
        except Exception:  # noqa: BLE001 - one failed read must not end the thread
            _log.exception("the read of new events failed unexpectedly")
        else:
            self._last_warning = ""
            return messages
        self._stopping.wait(_REFRESH_INTERVAL)
        return []

    def _warn(self, message: str) -> None:
        """Log a warning once, not at every attempt."""
        if message != self._last_warning:
            _log.warning("%s", message)
        self._last_warning = message

    def _publish(self, messages: list[EventMessage]) -> None:
        before, self.newest = self.newest, messages[-1].event.sequence
        self._recent += messages
        if len(self._recent) > 2 * _RECENT_EVENTS:
            del self._recent[:-_RECENT_EVENTS]
        for subscriber in [subscriber for subscriber in self._subscribers if _buffered(subscriber) > _MAX_BUFFERED]:
            self._subscribers.discard(subscriber)
            subscriber.catch_up(before)
        for message in messages:
            receivers = [subscriber.connection for subscriber in self._subscribers if subscriber.wants(message)]
            broadcast(receivers, message.text)


def _buffered(subscriber: Subscriber) -> int:
    return subscriber.connection.transport.get_write_buffer_size()


def _event_message(event: Event) -> EventMessage:
    return EventMessage(event, protocol.event_message(event), frozenset(events.topics(event)))
