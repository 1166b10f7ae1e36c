"""The listening side: a door for each route, opened and closed as route files come and go."""

import asyncio
import math
import time
from asyncio import AbstractEventLoop
from socket import socket

import structlog

from domain import errors
from domain.adapters.forwarder.routes import Damaged, Reading, Routes
from domain.adapters.forwarder.sockets import BACKLOG, Held, hold, keep
from domain.adapters.forwarder.visits import LINGER_SECONDS, Visit
from domain.ports.router import Target

LOOK_SECONDS = 0.5
DRAIN_LOOK_SECONDS = 0.05
HALF_OPEN_SECONDS = 300.0
SHUT_SECONDS = 10.0

log = structlog.get_logger(__name__)


class Door:
    """The port of one service, and everybody who came in by it."""

    def __init__(self, loop: AbstractEventLoop, reading: Reading, held: Held) -> None:
        self.loop = loop
        self._held = held
        self.visits: set[Visit] = set()
        self._reading = reading
        self._turn = 0
        self._server: asyncio.Server | None = None
        self._draining: asyncio.Task[None] | None = None
        self._known = self.targets()

    async def open(self) -> None:
        listener = self._held.listener
        listener.setblocking(False)
        self._server = await self.loop.create_server(lambda: Visit(self), sock=listener, backlog=BACKLOG)

    def targets(self) -> tuple[Target, ...]:
        try:
            route = self._reading.now()
        except Damaged as damaged:
            log.warning("route_damaged", reason=damaged.message)
            return self.targets()
        return route.targets if route else ()

    def choose(self, refused: set[Target]) -> Target | None:
        """The next in turn of those that have not refused; read anew each time, as a switch may come in between."""
        left = [target for target in self.targets() if target not in refused]
        self._turn += 1
        return left[self._turn % len(left)] if left else None

    async def drain(self, seconds: float) -> None:
        """Part with earlier targets; without a limit, busy connections last as long as their target."""
        deadline = self.loop.time() + seconds
        while stale := self._stale():
            for visit in stale:
                self._part(visit, late=self.loop.time() >= deadline)
            await asyncio.sleep(DRAIN_LOOK_SECONDS)

    def look(self) -> None:
        """Notice what another process changed, and connections with one end gone and the other silent."""
        targets = self.targets()
        if targets != self._known and (self._draining is None or self._draining.done()):
            self._known = targets
            self._draining = self.loop.create_task(self.drain(math.inf))
        oldest = self.loop.time() - HALF_OPEN_SECONDS
        for visit in [visit for visit in self.visits if visit.half_open and visit.moved < oldest]:
            visit.transport.abort()

    async def close(self) -> None:
        """Returns when the last visitor is out, or was put out."""
        if self._draining:
            self._draining.cancel()
        if self._server:
            self._server.close()
        self._held.mark.close()
        for visit in list(self.visits):
            visit.finish()
        deadline = self.loop.time() + LINGER_SECONDS
        while self.visits and self.loop.time() < deadline:
            await asyncio.sleep(0.01)
        for visit in self.visits:
            visit.transport.abort()

    def _part(self, visit: Visit, *, late: bool) -> None:
        if visit.fresh and not late and self.targets():
            visit.move()
        elif late or visit.idle():
            visit.finish()

    def _stale(self) -> list[Visit]:
        targets = self.targets()
        return [visit for visit in self.visits if visit.target not in targets and not visit.finished]


class Doors:
    """All doors of this process; everything runs in the loop's thread."""

    def __init__(self, routes: Routes, host: str) -> None:
        self._routes = routes
        self._host = host
        self._doors: dict[str, Door] = {}
        self._shut: dict[str, float] = {}
        self._watching: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()

    async def start(self) -> None:
        await self._look()
        self._watching = asyncio.get_running_loop().create_task(self._watch())

    async def stop(self) -> None:
        if self._watching:
            self._watching.cancel()
        await asyncio.gather(*(self.close(service_id) for service_id in list(self._doors)))
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            # Whoever waits for a drain is answered before the loop ends.
            await asyncio.wait(others, timeout=LINGER_SECONDS)

    def has(self, service_id: str) -> bool:
        return service_id in self._doors

    async def open(self, service_id: str, port: int, listener: socket | None = None) -> None:
        """Raise OSError when somebody else has the port."""
        async with self._changing:
            if service_id in self._doors:
                if listener:
                    listener.close()
                return
            mark = self._routes.mark(service_id)
            held = keep(listener, mark) if listener else hold(self._host, port, mark)
            door = Door(asyncio.get_running_loop(), Reading(self._routes, service_id), held)
            try:
                await door.open()
            except OSError:
                held.release()
                raise
            self._doors[service_id] = door
            if self._shut.pop(service_id, 0.0) == math.inf:
                log.info("route_open", service_id=service_id)

    async def drain(self, service_id: str, seconds: float) -> None:
        if door := self._doors.get(service_id):
            await door.drain(seconds)

    async def close(self, service_id: str) -> None:
        self._shut.pop(service_id, None)
        if door := self._doors.pop(service_id, None):
            await door.close()

    async def _watch(self) -> None:
        blind = False
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._look()
            except errors.Unavailable as away:
                if not blind:
                    log.warning("routes_unreadable", reason=away.message)
                blind = True
            else:
                blind = False

    async def _look(self) -> None:
        ids = self._routes.ids()
        for service_id in self._doors.keys() - ids:
            await self.close(service_id)
        for service_id in ids - self._doors.keys():
            await self._try(service_id)
        for door in list(self._doors.values()):
            door.look()

    async def _try(self, service_id: str) -> None:
        """A port is promised to the service's visitors, so it is waited for, never exchanged."""
        try:
            route = self._routes.read(service_id)
            if route:
                await self.open(service_id, route.port)
        except (OSError, errors.Unavailable) as reason:
            self._failed(service_id, reason)

    def _failed(self, service_id: str, reason: Exception) -> None:
        since = self._shut.setdefault(service_id, time.monotonic())
        if time.monotonic() - since >= SHUT_SECONDS:
            self._shut[service_id] = math.inf
            log.error("route_shut", service_id=service_id, reason=str(reason))
