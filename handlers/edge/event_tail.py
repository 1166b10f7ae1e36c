"""Read new events once for all clients of a server, and keep the latest ones in memory for clients that are behind."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Event as Flag
from threading import Thread

import orjson

from domain import events
from domain.errors import Refusal
from domain.events import event_types
from domain.model.event import Event
from domain.ports import Ports
from handlers.edge.threads import READS

_log = logging.getLogger(__name__)
_RECENT_EVENTS = 10_000
_BATCH_SIZE = 500
_REFRESH_INTERVAL = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class EventMessage:
    """An event, its JSON as the document's `Event`, and the topics that deliver it."""

    event: Event
    text: str
    topics: frozenset[str]


class EventTail(ABC):
    """Reads in a thread; everything else runs in the loop's thread. Each event is serialized once."""

    def __init__(self, ports: Ports, loop: asyncio.AbstractEventLoop) -> None:
        self._ports = ports
        self._loop = loop
        self._stopping = Flag()
        self._thread = Thread(target=self._run, name="event reader", daemon=True)
        self._recent: list[EventMessage] = []
        self._last_warning = ""
        self.newest = 0

    @abstractmethod
    def deliver(self, before: int, messages: list[EventMessage]) -> None:
        """Send new events to the clients; `before` was the newest number until now."""

    def start(self) -> None:
        """Start at the newest event. Raise Unavailable if the database cannot be reached."""
        self.newest = events.latest(self._ports)
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread and wait for its end."""
        self._stopping.set()
        self._ports.notifier.notify()
        if self._thread.is_alive():
            self._thread.join()

    async def after(self, sequence: int) -> Sequence[EventMessage]:
        """Return the next batch of events after a number below `newest`, in order: from memory, else from the store."""
        is_behind = self._recent[0].event.sequence > sequence + 1 if self._recent else True
        if is_behind:
            return await READS.run(lambda: self._read_stored(sequence))
        first = sequence + 1 - self._recent[0].event.sequence  # numbers have no gaps
        return self._recent[first : first + _BATCH_SIZE]

    def _read_stored(self, sequence: int) -> list[EventMessage]:
        return [event_message(event) for event in events.read_after(self._ports, sequence, _BATCH_SIZE)]

    def _run(self) -> None:
        newest = self.newest
        while not self._stopping.is_set():
            version = self._ports.notifier.version()
            messages = self._read_new(newest)
            if messages:
                newest = messages[-1].event.sequence
                with suppress(RuntimeError):  # the loop is closed: the process is shutting down
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
        self.deliver(before, messages)


def event_message(event: Event) -> EventMessage:
    """Return the message of an event."""
    text = orjson.dumps(event_types.event_json(event)).decode()
    return EventMessage(event, text, frozenset(events.topics(event)))
