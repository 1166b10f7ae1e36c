"""What containers print, for sockets: each service is followed once, however many listen."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from threading import Thread

from domain import runtime, services
from domain.errors import NotFound, Refusal, Unavailable
from domain.identity.access import Caller
from domain.ports import Ports
from domain.runtime import ServiceLine
from ws import protocol

_log = logging.getLogger(__name__)
_WAITING = 256  # messages that one listener may be behind
_LINES = 500
_AGAIN = 1.0


class Listener:
    """Messages that wait for one socket; who lets too many wait is told so by `too_slow`."""

    def __init__(self, too_slow: Callable[[], Awaitable[None]]) -> None:
        self.queue: asyncio.Queue[str] = asyncio.Queue(_WAITING)
        self._too_slow = too_slow
        self._left = False

    def leave(self) -> None:
        """It reads nothing more; whoever waits for room in it need not wait any longer."""
        self._left = True
        while not self.queue.empty():
            self.queue.get_nowait()

    async def tell(self, text: str, *, alone: bool) -> None:
        """Whoever listens alone is waited for, for nobody else is slowed by that."""
        if self._left:
            return
        if alone:
            await self.queue.put(text)
        elif self.queue.full():
            await self._too_slow()
        else:
            self.queue.put_nowait(text)


class Logs:
    """Which services are followed for whom; everything but the following itself runs in the loop's thread."""

    def __init__(self, ports: Ports, loop: asyncio.AbstractEventLoop) -> None:
        self._ports = ports
        self._loop = loop
        self._followed: dict[str, Followed] = {}

    def listen(self, listener: Listener, caller: Caller, services: Collection[str]) -> None:
        """From here on the listener is told of these services and of no other."""
        for service_id in services:
            self._at(service_id, caller).listeners.add(listener)
        for service_id in self._followed.keys() - set(services):
            self._drop(service_id, listener)

    def leave(self, listener: Listener) -> None:
        """It is told of nothing any more."""
        listener.leave()
        for service_id in list(self._followed):
            self._drop(service_id, listener)

    def stop(self) -> None:
        """Every thread ends within a moment."""
        for followed in self._followed.values():
            followed.listeners.clear()

    def _at(self, service_id: str, caller: Caller) -> "Followed":
        known = self._followed.get(service_id)
        if known is None or known.over:
            known = self._followed[service_id] = Followed(self._ports, self._loop, caller, service_id)
        return known

    def _drop(self, service_id: str, listener: Listener) -> None:
        followed = self._followed[service_id]
        followed.listeners.discard(listener)
        if not followed.listeners:
            followed.over = True
            del self._followed[service_id]


class Followed:
    """One service, followed by a thread of its own until nobody listens any more."""

    def __init__(self, ports: Ports, loop: asyncio.AbstractEventLoop, caller: Caller, service_id: str) -> None:
        self.listeners: set[Listener] = set()
        self.over = False
        self._ports = ports
        self._loop = loop
        self._caller = caller
        self._service_id = service_id
        self._owner: str | None = None
        self._warned = False
        self._since = ports.clock.now()
        Thread(target=self._run, name=f"logs of {service_id}", daemon=True).start()

    def _run(self) -> None:
        while not self.over:
            try:
                self._follow()
                self._say(protocol.refused(NotFound("The service is gone", details=self._service_id)))
                self.over = True
            except Unavailable as away:
                self._warn(away)
                self._ports.clock.sleep(_AGAIN)
            except Refusal as refusal:
                self._say(protocol.refused(refusal))
                self.over = True
            except Exception:  # noqa: BLE001 - nobody else would hear of it
                _log.exception("unforeseen")
                self.over = True

    def _warn(self, away: Unavailable) -> None:
        """Once, not at every try."""
        if not self._warned:
            self._say(protocol.refused(away))
        self._warned = True

    def _follow(self) -> None:
        self._owner = services.get_service(self._ports, self._caller, self._service_id).service.customer_id
        batches = runtime.follow_service_logs(self._ports, self._caller, self._service_id, since=self._since)
        try:
            for lines in batches:
                if self.over:
                    return
                for first in range(0, len(lines), _LINES):
                    self._pass_on(lines[first : first + _LINES])
        finally:
            batches.close()

    def _pass_on(self, lines: tuple[ServiceLine, ...]) -> None:
        self._since, self._warned = lines[-1].at, False
        self._say(protocol.logs(self._service_id, self._owner, lines, self._ports.clock.now()))

    def _say(self, text: str) -> None:
        """Returns when it was handed over, so that a flood is slowed at its source."""
        if not self.over:
            asyncio.run_coroutine_threadsafe(self._tell(text), self._loop).result()

    async def _tell(self, text: str) -> None:
        alone = len(self.listeners) == 1
        for listener in list(self.listeners):
            await listener.tell(text, alone=alone)
