"""Broadcast new events to all connections that have received the earlier ones."""

import asyncio
from typing import Protocol

from websockets.asyncio.server import ServerConnection, broadcast

from domain.ports import Ports
from handlers.edge.event_tail import EventMessage, EventTail

_MAX_BUFFERED = 64 * 1024  # bytes in a connection's write buffer; a subscriber with more is behind


class Subscriber(Protocol):
    """A client that has received all events so far. New ones are broadcast to it, without a task of its own."""

    @property
    def connection(self) -> ServerConnection: ...
    def wants(self, message: EventMessage) -> bool: ...
    def catch_up(self, cursor: int) -> None:
        """Send the events after `cursor` in a task of its own: the connection is too slow for the broadcast."""


class EventReader(EventTail):
    """The events for all connections of the WebSocket server."""

    def __init__(self, ports: Ports, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(ports, loop)
        self._subscribers: set[Subscriber] = set()

    def subscribe(self, subscriber: Subscriber) -> None:
        """Broadcast new events to a subscriber that has received all events up to `newest`."""
        self._subscribers.add(subscriber)

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Stop broadcasting to a subscriber."""
        self._subscribers.discard(subscriber)

    def deliver(self, before: int, messages: list[EventMessage]) -> None:
        """Broadcast the messages; subscribers that are behind get them in their own time."""
        for subscriber in [subscriber for subscriber in self._subscribers if _buffered(subscriber) > _MAX_BUFFERED]:
            self._subscribers.discard(subscriber)
            subscriber.catch_up(before)
        for message in messages:
            receivers = [subscriber.connection for subscriber in self._subscribers if subscriber.wants(message)]
            broadcast(receivers, message.text)


def _buffered(subscriber: Subscriber) -> int:
    return subscriber.connection.transport.get_write_buffer_size()
