"""News between processes, by a channel of Redis. A message says who sent it and no more: the database has the rest."""

from contextlib import suppress
from threading import Event, Thread
from typing import Any
from uuid import uuid4

from redis import TimeoutError as Silence
from redis.client import PubSub

from domain import ports
from domain.adapters.redis.server import PATIENCE, Server
from domain.errors import Unavailable

_QUIET = 1.0  # seconds without news, after which a sign of life is asked for
_AGAIN_AFTER = 1.0


class Notifier:
    """Notify the threads of this process through `here`, at once, and other processes through two threads."""

    def __init__(self, server: Server, instance: str, here: ports.Notifier) -> None:
        self._server = server
        self._channel = f"panel:{instance}:news"
        self._here = here
        self._me = uuid4().hex.encode()
        self._untold, self._closing = Event(), Event()
        self._threads = [Thread(target=act, name=act.__name__, daemon=True) for act in (self._tell, self._listen)]
        for thread in self._threads:
            thread.start()

    def version(self) -> int:
        return self._here.version()

    def notify(self) -> None:
        """Costs who has written no time: many at once are told as one."""
        self._here.notify()
        self._untold.set()

    def wait(self, seconds: float, since: int | None = None) -> None:
        self._here.wait(seconds, since)

    def ping(self) -> None:
        self._server.ping()

    def close(self) -> None:
        """Tell what is still untold; that last message also wakes the thread that listens here."""
        self._closing.set()
        self._untold.set()
        for thread in self._threads:
            thread.join(_QUIET + 4 * PATIENCE)
        self._server.close()
        self._here.close()

    def _tell(self) -> None:
        last = False
        while not last:
            self._untold.wait()
            self._untold.clear()
            last = self._closing.is_set()  # asked before telling, so that nothing is left untold
            with suppress(Unavailable), self._server.asked() as client:
                client.publish(self._channel, self._me)

    def _listen(self) -> None:
        while not self._closing.is_set():
            with suppress(Unavailable), self._server.asked() as client, client.pubsub() as listening:  # type: ignore[no-untyped-call]
                listening.subscribe(self._channel)
                while not self._closing.is_set():
                    self._hear(listening)
            self._closing.wait(_AGAIN_AFTER)

    def _hear(self, listening: PubSub) -> None:
        message = listening.get_message(timeout=_QUIET) or _sign_of_life(listening)
        from_another = message["type"] == "message" and message["data"] != self._me
        if from_another or message["type"] == "subscribe":  # before that, something may have been missed
            self._here.notify()


def _sign_of_life(listening: PubSub) -> Any:  # noqa: ANN401 - a message of redis-py
    """Whatever comes now. A server that hangs, or a network that forgot the connection, says nothing at all."""
    listening.ping()
    message = listening.get_message(timeout=PATIENCE)
    if message is None:
        raise Silence("no sign of life")
    return message
