"""Notifications between processes over a Redis channel. A message has only its sender; the database has the data."""

from contextlib import suppress
from threading import Event, Thread
from typing import Any
from uuid import uuid4

from redis import TimeoutError as RedisTimeout
from redis.client import PubSub

from domain import ports
from domain.adapters.redis.server import TIMEOUT, Server
from domain.errors import Unavailable

_PING_AFTER = 1.0  # seconds without a message, after which the connection is checked
_RECONNECT_AFTER = 1.0  # seconds


class Notifier:
    """Notify the threads of this process through `local` at once, and other processes from background threads."""

    def __init__(self, server: Server, instance: str, local: ports.Notifier) -> None:
        self._server = server
        self._channel = f"panel:{instance}:news"
        self._local = local
        self._sender = uuid4().hex.encode()
        self._pending, self._closing = Event(), Event()
        self._threads = [
            Thread(target=self._publish, name="redis-publisher", daemon=True),
            Thread(target=self._subscribe, name="redis-subscriber", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def version(self) -> int:
        return self._local.version()

    def notify(self) -> None:
        """Notify all processes without waiting for Redis. Notifications in quick succession are published as one."""
        self._local.notify()
        self._pending.set()

    def wait(self, seconds: float, since: int | None = None) -> None:
        self._local.wait(seconds, since)

    def ping(self) -> None:
        self._server.ping()

    def close(self) -> None:
        """Publish a last message, which also wakes the subscriber of this process, and close the connections."""
        self._closing.set()
        self._pending.set()
        for thread in self._threads:
            thread.join(_PING_AFTER + 4 * TIMEOUT)
        self._server.close()
        self._local.close()

    def _publish(self) -> None:
        last = False
        while not last:
            self._pending.wait()
            self._pending.clear()
            last = self._closing.is_set()  # read before publishing, so that no pending notification is dropped
            with suppress(Unavailable), self._server.connection() as client:
                client.publish(self._channel, self._sender)

    def _subscribe(self) -> None:
        while not self._closing.is_set():
            with suppress(Unavailable), self._server.connection() as client, client.pubsub() as subscription:  # type: ignore[no-untyped-call]
                subscription.subscribe(self._channel)
                while not self._closing.is_set():
                    self._receive(subscription)
            self._closing.wait(_RECONNECT_AFTER)

    def _receive(self, subscription: PubSub) -> None:
        message = subscription.get_message(timeout=_PING_AFTER) or _ping(subscription)
        from_another = message["type"] == "message" and message["data"] != self._sender
        # Messages that were published before the subscription started are lost, so its start notifies too.
        if from_another or message["type"] == "subscribe":
            self._local.notify()


def _ping(subscription: PubSub) -> Any:  # noqa: ANN401 - a message of redis-py
    """Send PING and return the next message of any type. Raise RedisTimeout if there is none.

    A server that hangs and a connection that the network dropped are not noticed otherwise.
    """
    subscription.ping()
    message = subscription.get_message(timeout=TIMEOUT)
    if message is None:
        raise RedisTimeout("no response to PING")
    return message
