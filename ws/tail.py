"""The newest events, read once for all sockets: told at once to who keeps up, and kept for a while for who does not."""

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
_KEPT = 10_000
_AT_ONCE = 500
_REFRESH_INTERVAL = 1.0
_FULL = 64 * 1024  # bytes that may wait for a socket which counts as keeping up


@dataclass(frozen=True, slots=True)
class Told:
    """An event, its message, and what it may be subscribed to by."""

    event: Event
    text: str
    topics: frozenset[str]


class Follower(Protocol):
    """Who keeps up, and is told without a task of its own being woken."""

    @property
    def connection(self) -> ServerConnection: ...
    def wants(self, told: Told) -> bool: ...
    def fall_behind(self, cursor: int) -> None:
        """From here on it reads on by itself, after this number."""


class Tail:
    """One thread reads, and everything else runs in the loop's. An event is written as JSON once for all sockets."""

    def __init__(self, ports: Ports, loop: asyncio.AbstractEventLoop) -> None:
        self._ports = ports
        self._loop = loop
        self._stopping = Flag()
        self._thread = Thread(target=self._read, name="tail", daemon=True)
        self._recent: list[Told] = []
        self._followers: set[Follower] = set()
        self._warned = ""
        self.newest = 0

    def start(self) -> None:
        """Begin at the newest event; raises Unavailable when the database is away."""
        self.newest = events.latest(self._ports)
        self._thread.start()

    def stop(self) -> None:
        """Returns when the thread has ended."""
        self._stopping.set()
        self._ports.notifier.notify()
        self._thread.join()

    def follow(self, follower: Follower) -> None:
        """Tell it what comes, for it has everything up to `newest`."""
        self._followers.add(follower)

    def leave(self, follower: Follower) -> None:
        """Tell it nothing any more."""
        self._followers.discard(follower)

    async def after(self, sequence: int) -> Sequence[Told]:
        """What comes after a number below `newest`, in order, as far as that is read at once."""
        behind = self._recent[0].event.sequence > sequence + 1 if self._recent else True
        if behind:
            return await asyncio.to_thread(self._stored, sequence)
        first = sequence + 1 - self._recent[0].event.sequence  # numbers have no gaps
        return self._recent[first : first + _AT_ONCE]

    def _stored(self, sequence: int) -> list[Told]:
        return [_told(event) for event in events.following(self._ports, sequence, _AT_ONCE)]

    def _read(self) -> None:
        newest = self.newest
        while not self._stopping.is_set():
            mark = self._ports.notifier.version()
            found = self._found(newest)
            if found:
                newest = found[-1].event.sequence
                self._loop.call_soon_threadsafe(self._publish, found)
            else:
                self._ports.notifier.wait(_REFRESH_INTERVAL, mark)

    def _found(self, newest: int) -> list[Told]:
        """Nothing while the database is away: it is asked again in a moment, and nothing is lost meanwhile."""
        try:
            found = self._stored(newest)
        except Refusal as away:
            self._warn(away.message)
        except Exception:  # noqa: BLE001 - one bad look must not end the looking
            _log.exception("unforeseen")
        else:
            self._warned = ""
            return found
        self._stopping.wait(_REFRESH_INTERVAL)
        return []

    def _warn(self, message: str) -> None:
        """Once, not at every look."""
        if message != self._warned:
            _log.warning("%s", message)
        self._warned = message

    def _publish(self, found: list[Told]) -> None:
        before, self.newest = self.newest, found[-1].event.sequence
        self._recent += found
        if len(self._recent) > 2 * _KEPT:
            del self._recent[:-_KEPT]
        for follower in [one for one in self._followers if _waiting(one) > _FULL]:
            self._followers.discard(follower)
            follower.fall_behind(before)
        for told in found:
            broadcast([one.connection for one in self._followers if one.wants(told)], told.text)


def _waiting(follower: Follower) -> int:
    return follower.connection.transport.get_write_buffer_size()


def _told(event: Event) -> Told:
    return Told(event, protocol.event(event), frozenset(events.topics(event)))
