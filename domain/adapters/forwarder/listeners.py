"""The listening side: one listener for each route, opened and closed as route files appear and disappear."""

import asyncio
import math
import time
from asyncio import AbstractEventLoop
from socket import socket

import structlog

from domain import errors
from domain.adapters.forwarder.port_leases import BACKLOG, PortLease, lease_claimed, lease_port
from domain.adapters.forwarder.proxy_connections import LINGER_SECONDS, ProxyConnection
from domain.adapters.forwarder.routes import CachedRoute, RouteDamaged, Routes
from domain.identity.connection_limits import ConnectionLimits
from domain.ports.router import Target

CHECK_SECONDS = 0.5
DRAIN_CHECK_SECONDS = 0.05
FAILING_SECONDS = 10.0

log = structlog.get_logger(__name__)


class Listener:
    """The port of one service, and its connections."""

    def __init__(self, loop: AbstractEventLoop, route: CachedRoute, lease: PortLease, limits: ConnectionLimits) -> None:
        self.loop = loop
        self.limits = limits
        self._lease = lease
        self.connections: set[ProxyConnection] = set()
        self._route = route
        self._turn = 0
        self._server: asyncio.Server | None = None
        self._draining: asyncio.Task[None] | None = None
        self._known_targets = self.targets()

    async def open(self) -> None:
        listener = self._lease.listener
        listener.setblocking(False)
        self._server = await self.loop.create_server(lambda: ProxyConnection(self), sock=listener, backlog=BACKLOG)

    def targets(self) -> tuple[Target, ...]:
        try:
            route = self._route.current()
        except RouteDamaged as error:
            log.warning("route_damaged", reason=error.message)
            return self.targets()
        return route.targets if route else ()

    def choose(self, refused: set[Target]) -> Target | None:
        """Return the next target in turn that has not refused. They are read anew, as a switch may have happened."""
        left = [target for target in self.targets() if target not in refused]
        self._turn += 1
        return left[self._turn % len(left)] if left else None

    async def drain(self, seconds: float) -> None:
        """Close connections to earlier targets: idle ones at once, busy ones after `seconds`, which may be infinite."""
        deadline = self.loop.time() + seconds
        while stale := self._stale():
            for connection in stale:
                self._release(connection, late=self.loop.time() >= deadline)
            await asyncio.sleep(DRAIN_CHECK_SECONDS)

    def check(self) -> None:
        """Drain after a switch by another process, and close connections that take too long."""
        targets = self.targets()
        if targets != self._known_targets and (self._draining is None or self._draining.done()):
            self._known_targets = targets
            self._draining = self.loop.create_task(self.drain(math.inf))
        now = self.loop.time()
        for connection in list(self.connections):
            connection.check_time(now)

    async def close(self) -> None:
        """Close the port and wait until all connections have ended, or abort them."""
        if self._draining:
            self._draining.cancel()
        if self._server:
            self._server.close()
        self._lease.lock_file.close()
        for connection in list(self.connections):
            connection.finish()
        deadline = self.loop.time() + LINGER_SECONDS
        while self.connections and self.loop.time() < deadline:
            await asyncio.sleep(0.01)
        for connection in self.connections:
            connection.transport.abort()

    def _release(self, connection: ProxyConnection, *, late: bool) -> None:
        """Move a connection that awaits a request to a current target; end an idle one, and any one when it is late."""
        if connection.movable and not late and self.targets():
            connection.move()
        elif late or connection.idle():
            connection.finish()

    def _stale(self) -> list[ProxyConnection]:
        targets = self.targets()
        return [
            connection
            for connection in self.connections
            if connection.target not in targets and not connection.finished
        ]


class Listeners:
    """All listeners of this process; all methods run in the thread of the event loop."""

    def __init__(self, routes: Routes, host: str, limits: ConnectionLimits) -> None:
        self._routes = routes
        self._host = host
        self._limits = limits
        self._listeners: dict[str, Listener] = {}
        self._failing_since: dict[str, float] = {}
        self._watch_task: asyncio.Task[None] | None = None
        self._change_lock = asyncio.Lock()

    async def start(self) -> None:
        await self._check()
        self._watch_task = asyncio.get_running_loop().create_task(self._watch())

    async def stop(self) -> None:
        if self._watch_task:
            self._watch_task.cancel()
        await asyncio.gather(*(self.close(service_id) for service_id in list(self._listeners)))
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            # Callers that wait for a drain get their result before the loop ends.
            await asyncio.wait(others, timeout=LINGER_SECONDS)

    def has(self, service_id: str) -> bool:
        return service_id in self._listeners

    async def open(self, service_id: str, port: int, listener: socket | None = None) -> None:
        """Listen at a port, with `listener` if it is claimed. Raise OSError if the port is in use."""
        async with self._change_lock:
            if service_id in self._listeners:
                if listener:
                    listener.close()
                return
            lock_file = self._routes.lock_file(service_id)
            lease = lease_claimed(listener, lock_file) if listener else lease_port(self._host, port, lock_file)
            route = CachedRoute(self._routes, service_id)
            service_listener = Listener(asyncio.get_running_loop(), route, lease, self._limits)
            try:
                await service_listener.open()
            except OSError:
                lease.release()
                raise
            self._listeners[service_id] = service_listener
            if self._failing_since.pop(service_id, 0.0) == math.inf:
                log.info("route_open", service_id=service_id)

    async def drain(self, service_id: str, seconds: float) -> None:
        if service_listener := self._listeners.get(service_id):
            await service_listener.drain(seconds)

    async def close(self, service_id: str) -> None:
        self._failing_since.pop(service_id, None)
        if service_listener := self._listeners.pop(service_id, None):
            await service_listener.close()

    async def _watch(self) -> None:
        unreadable = False
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                await self._check()
            except errors.Unavailable as error:
                if not unreadable:
                    log.warning("routes_unreadable", reason=error.message)
                unreadable = True
            else:
                unreadable = False

    async def _check(self) -> None:
        ids = self._routes.ids()
        for service_id in self._listeners.keys() - ids:
            await self.close(service_id)
        for service_id in ids - self._listeners.keys():
            await self._try_open(service_id)
        for service_listener in list(self._listeners.values()):
            service_listener.check()

    async def _try_open(self, service_id: str) -> None:
        """Open the route's port, or try again later: clients know this port, so it is never replaced by another."""
        try:
            route = self._routes.read(service_id)
            if route:
                await self.open(service_id, route.port)
        except (OSError, errors.Unavailable) as reason:
            self._log_failure(service_id, reason)

    def _log_failure(self, service_id: str, reason: Exception) -> None:
        since = self._failing_since.setdefault(service_id, time.monotonic())
        if time.monotonic() - since >= FAILING_SECONDS:
            self._failing_since[service_id] = math.inf
            log.error("route_shut", service_id=service_id, reason=str(reason))
