"""The embedded router: forwards TCP from one port of this host for each service, in a thread of its own.

It uses asyncio's Protocols and uvloop, which the web server requires anyway. A connection needs no task and no second
buffer, where streams need two of each; with asyncio's own loop, a new connection costs nearly twice as much.
"""

import asyncio
from asyncio import AbstractEventLoop
from collections.abc import Collection, Coroutine, Sequence
from pathlib import Path
from socket import socket
from threading import Thread

import uvloop

from domain import errors
from domain.adapters.forwarder.listeners import Listeners
from domain.adapters.forwarder.port_leases import ServicePorts, claim_port, find_free, lease_port
from domain.adapters.forwarder.routes import Route, Routes
from domain.identity.connection_limits import ConnectionLimits
from domain.ports.router import RouteFailed, Target, reachable_host

MAX_CONNECTIONS = 16_384
PORTS = ServicePorts()


class Router:
    """Keeps routes in files and forwards connections. Several processes of one user can share the files and ports.

    `drain` waits for the connections of this process only.
    """

    def __init__(
        self,
        folder: Path,
        host: str,
        public_host: str,
        base_domain: str = "",
        ports: ServicePorts | None = None,
        limits: ConnectionLimits | None = None,
    ) -> None:
        self._routes = Routes(folder)
        self._host = host
        self._ports = ports or PORTS
        self._public_host = f"[{public_host}]" if ":" in public_host else public_host
        self._base_domain = base_domain
        self._limits = limits or ConnectionLimits("the forwarder", MAX_CONNECTIONS, MAX_CONNECTIONS)
        self._listeners = Listeners(self._routes, host, self._limits)
        self._loop: AbstractEventLoop | None = None
        self._thread = Thread(target=lambda: None)

    def start(self) -> None:
        """Start listening for all routes. A port that another program uses is tried again later."""
        loop = uvloop.new_event_loop()
        self._listeners = Listeners(self._routes, self._host, self._limits)
        self._thread = Thread(target=loop.run_forever, name="forwarder", daemon=True)
        self._loop = loop
        self._thread.start()
        _run(loop, self._listeners.start())

    def stop(self) -> None:
        if self._loop:
            loop, self._loop = self._loop, None
            _run(loop, self._listeners.stop())
            loop.call_soon_threadsafe(loop.stop)
            self._thread.join()
            loop.close()

    def switch(self, service_id: str, name: str, targets: Sequence[Target]) -> str:
        with self._routes.locked():
            known = self._routes.read(service_id)
            if known:
                port = known.port
                self._open(service_id, port)
                self._routes.write(Route(service_id, name, port, tuple(targets)))
            else:
                port = self._publish(service_id, name, tuple(targets))
        return f"https://{name}.{self._base_domain}" if self._base_domain else f"http://{self._public_host}:{port}"

    def drain(self, service_id: str, seconds: float) -> None:
        if self._loop:
            _run(self._loop, self._listeners.drain(service_id, seconds))

    def close(self, service_id: str) -> None:
        with self._routes.locked():
            self._routes.remove(service_id)
        if self._loop:
            _run(self._loop, self._listeners.close(service_id))

    def targets(self, service_id: str) -> tuple[Target, ...]:
        route = self._routes.read(service_id)
        return route.targets if route else ()

    def listener(self, service_id: str) -> Target | None:
        """Return the port of the service's route, at a loopback address if the router listens at all addresses."""
        route = self._routes.read(service_id)
        return Target(reachable_host(self._host), route.port) if route else None

    def find_free_port(self, protocol: str, used: Collection[int]) -> int:
        routed = self._routes.used_ports() if protocol == "tcp" else set()
        return find_free(self._host, self._ports.all, routed | set(used), protocol)

    def routes(self) -> set[str]:
        return self._routes.ids()

    def problems(self) -> list[str]:
        """Return one sentence for each route that clients cannot use, also if the router is not started."""
        return [problem for service_id in sorted(self.routes()) if (problem := self._problem(service_id))]

    def _problem(self, service_id: str) -> str | None:
        try:
            route = self._routes.read(service_id)
        except errors.Unavailable as error:
            return error.message
        if route and not (self._loop and self._listeners.has(service_id)):
            try:
                lease_port(self._host, route.port, self._routes.lock_file(service_id)).release()
            except OSError as error:
                return _port_error(service_id, route.port, error)
        return None

    def _publish(self, service_id: str, name: str, targets: tuple[Target, ...]) -> int:
        listener = claim_port(self._host, self._ports.all, self._routes.used_ports() | set(self._ports.reserved()))
        port: int = listener.getsockname()[1]
        with listener:
            self._routes.write(Route(service_id, name, port, targets))
            try:
                self._open(service_id, port, listener)
            except errors.Unavailable:
                self._routes.remove(service_id)
                raise
        return port

    def _open(self, service_id: str, port: int, listener: socket | None = None) -> None:
        """Listen for a service if the router is started. Raise RouteFailed if its port is in use."""
        if self._loop is None:
            return
        try:
            _run(self._loop, self._listeners.open(service_id, port, listener and listener.dup()))
        except OSError as error:
            raise RouteFailed(_port_error(service_id, port, error)) from error


def _run(loop: AbstractEventLoop, work: Coroutine[object, object, None]) -> None:
    asyncio.run_coroutine_threadsafe(work, loop).result()


def _port_error(service_id: str, port: int, error: OSError) -> str:
    return f"Port {port} of {service_id} cannot be opened: {error.strerror}. `ss -ltnp` shows which program uses it"
