"""Send what containers print to connections. One thread reads the logs of a service for all its subscribers."""

import asyncio
import logging
from collections.abc import Callable, Collection
from threading import Thread

from domain import runtime, services
from domain.errors import NotFound, Refusal, Unavailable
from domain.identity.access import Caller
from domain.ports import Ports
from domain.runtime import ServiceLine
from handlers.edge.stream_limits import StreamBounds
from ws import protocol

_log = logging.getLogger(__name__)
_QUEUE_SIZE = 256  # messages that wait for one connection
_LINES_PER_MESSAGE = 500
_RETRY_INTERVAL = 1.0  # seconds
_LIMITS = StreamBounds("followed logs", 100, 200)  # each of them may occupy threads


class MessageQueue:
    """Messages that wait for one connection. `too_slow` closes a connection that is behind the other subscribers."""

    def __init__(self, caller: Caller, too_slow: Callable[[], None]) -> None:
        self.caller = caller
        self.queue: asyncio.Queue[str] = asyncio.Queue(_QUEUE_SIZE)
        self._too_slow = too_slow
        self._is_closed = False

    def close(self) -> None:
        """Drop all messages, and release a sender that waits for space."""
        self._is_closed = True
        while not self.queue.empty():
            self.queue.get_nowait()

    async def send(self, text: str, *, is_only_subscriber: bool) -> None:
        """Add a message. If the queue is full, wait for the only subscriber; report one of several as too slow."""
        if self._is_closed:
            return
        if is_only_subscriber:
            await self.queue.put(text)
        elif self.queue.full():
            self._too_slow()
        else:
            self.queue.put_nowait(text)


class LogSubscriptions:
    """The log readers and their subscribers. All methods run in the loop's thread; only the reading does not."""

    def __init__(self, ports: Ports, loop: asyncio.AbstractEventLoop) -> None:
        self._ports = ports
        self._loop = loop
        self._readers: dict[str, LogReader] = {}

    def subscribe(self, subscriber: MessageQueue, caller: Caller, services: Collection[str]) -> None:
        """Send the lines of these services, by id, and of no other services to a subscriber.

        Raise TooMany, without changing anything, if its caller or the caller's customer follows too many logs.
        """
        self._check_bounds(subscriber, len(services))
        for service_id in services:
            self._reader(service_id, caller).subscribers.add(subscriber)
        for service_id in self._readers.keys() - set(services):
            self._drop(service_id, subscriber)

    def _check_bounds(self, subscriber: MessageQueue, services: int) -> None:
        """Count anew: a reader that has ended leaves no count behind."""
        readers = self._readers.values()
        callers = [other.caller for reader in readers for other in reader.subscribers if other is not subscriber]
        _LIMITS.check([*callers, *[subscriber.caller] * services])

    def unsubscribe(self, subscriber: MessageQueue) -> None:
        """Close a subscriber's queue, and stop the readers that have no other subscriber."""
        subscriber.close()
        for service_id in list(self._readers):
            self._drop(service_id, subscriber)

    def stop(self) -> None:
        """Remove all subscribers, so that nothing more is sent."""
        for reader in self._readers.values():
            reader.subscribers.clear()

    def _reader(self, service_id: str, caller: Caller) -> "LogReader":
        reader = self._readers.get(service_id)
        if reader is None or reader.stopped:
            reader = self._readers[service_id] = LogReader(self._ports, self._loop, caller, service_id)
        return reader

    def _drop(self, service_id: str, subscriber: MessageQueue) -> None:
        reader = self._readers[service_id]
        reader.subscribers.discard(subscriber)
        if not reader.subscribers:
            reader.stopped = True
            del self._readers[service_id]


class LogReader:
    """Reads the logs of one service in a thread until `stopped` is set."""

    def __init__(self, ports: Ports, loop: asyncio.AbstractEventLoop, caller: Caller, service_id: str) -> None:
        self.subscribers: set[MessageQueue] = set()
        self.stopped = False
        self._ports = ports
        self._loop = loop
        self._caller = caller
        self._service_id = service_id
        self._customer_id: str | None = None
        self._warned = False
        self._resumes = False
        self._since = ports.clock.now()
        Thread(target=self._run, name=f"logs of {service_id}", daemon=True).start()

    def _run(self) -> None:
        while not self.stopped:
            try:
                self._follow()
                self._send(protocol.error_message(NotFound("The service is gone", details=self._service_id)))
                self.stopped = True
            except Unavailable as outage:
                self._warn(outage)
                self._ports.clock.sleep(_RETRY_INTERVAL)
            except Refusal as refusal:
                self._send(protocol.error_message(refusal))
                self.stopped = True
            except Exception:  # noqa: BLE001 - a thread's exception reaches no caller
                _log.exception("the log reader failed unexpectedly")
                self.stopped = True

    def _warn(self, outage: Unavailable) -> None:
        """Send an error once, not at every attempt."""
        if not self._warned:
            self._send(protocol.error_message(outage))
        self._warned = True

    def _follow(self) -> None:
        self._customer_id = services.get_service(self._ports, self._caller, self._service_id).service.customer_id
        batches = runtime.follow_service_logs(
            self._ports, self._caller, self._service_id, since=self._since, resume=self._resumes
        )
        self._resumes = True
        try:
            for lines in batches:
                if self.stopped:
                    return
                for first in range(0, len(lines), _LINES_PER_MESSAGE):
                    self._send_lines(lines[first : first + _LINES_PER_MESSAGE])
        finally:
            batches.close()

    def _send_lines(self, lines: tuple[ServiceLine, ...]) -> None:
        self._since, self._warned = lines[-1].at, False
        self._send(protocol.logs(self._service_id, self._customer_id, lines, self._ports.clock.now()))

    def _send(self, text: str) -> None:
        """Wait until the message is in the queues, so that a full queue slows down the reading."""
        if not self.stopped:
            asyncio.run_coroutine_threadsafe(self._send_to_all(text), self._loop).result()

    async def _send_to_all(self, text: str) -> None:
        is_only_subscriber = len(self.subscribers) == 1
        for subscriber in list(self.subscribers):
            await subscriber.send(text, is_only_subscriber=is_only_subscriber)
