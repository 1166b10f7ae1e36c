"""Route files: one for each service, replaced atomically, and read by every process that forwards."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from domain import errors
from domain.ports.router import RouteFailed, Target


@dataclass(frozen=True)
class Route:
    """The contents of a route file. The port stays the same until the file is removed."""

    service_id: str
    name: str
    port: int
    targets: tuple[Target, ...]


class RouteDamaged(RouteFailed):
    """A route file cannot be parsed."""


class Routes:
    """The folder of route files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RouteFailed(f"The folder of the routes {folder} cannot be created: {error.strerror}") from error

    def path(self, service_id: str) -> Path:
        return self._folder / f"{service_id}.json"

    def lock_file(self, service_id: str) -> Path:
        """Return the file that is locked by the processes that listen for this service."""
        return self._folder / f".{service_id}.lock"

    def ids(self) -> set[str]:
        """Return the ids of all services with a route. Raise RouteFailed if the folder is missing."""
        try:
            return {name.removesuffix(".json") for name in os.listdir(self._folder) if name.endswith(".json")}
        except OSError as error:
            raise RouteFailed(f"The routes in {self._folder} cannot be read: {error.strerror}") from error

    def read(self, service_id: str) -> Route | None:
        path = self.path(service_id)
        try:
            return msgspec.json.decode(path.read_bytes(), type=Route)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise RouteFailed(f"The route file {path} cannot be read: {error.strerror}") from error
        except msgspec.MsgspecError as error:
            raise RouteDamaged(f"The route file {path} is damaged ({error}); remove it and deploy again") from None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder against other processes and threads; the lock ends with the process. Raise RouteFailed."""
        try:
            with (self._folder / ".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise RouteFailed(f"The routes in {self._folder} cannot be changed: {error.strerror}") from error

    def write(self, route: Route) -> None:
        """Write a temporary file and rename it, which is the atomic switch."""
        path = self.path(route.service_id)
        temporary = path.with_suffix(".new")
        with temporary.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(route)) + b"\n")
            file.flush()
            # A unique modification time, finer than the file system's own, tells readers that the file has changed.
            os.utime(file.fileno(), ns=(time.time_ns(), time.time_ns()))
            os.fsync(file.fileno())
        temporary.replace(path)
        self._sync()

    def remove(self, service_id: str) -> None:
        with suppress(FileNotFoundError):
            self.path(service_id).unlink()
            self._sync()
            self.lock_file(service_id).unlink()

    def used_ports(self) -> set[int]:
        """Return the ports of all routes, except damaged ones, whose ports are found to be in use."""
        ports = set()
        for service_id in self.ids():
            with suppress(errors.Unavailable):
                route = self.read(service_id)
                ports.add(route.port if route else 0)
        return ports

    def _sync(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class CachedRoute:
    """A route that is read again only if its file has changed."""

    def __init__(self, routes: Routes, service_id: str) -> None:
        self._routes = routes
        self._service_id = service_id
        self._path = os.fspath(routes.path(service_id))
        self._version = (0, 0)
        self._route: Route | None = None

    def current(self) -> Route | None:
        """Return the route, or None if it was removed.

        A damaged file raises RouteDamaged once; after that, the last valid version is returned.
        """
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            return None
        version = (found.st_ino, found.st_mtime_ns)
        if version != self._version:
            self._read(version)
        return self._route

    def _read(self, version: tuple[int, int]) -> None:
        try:
            self._route = self._routes.read(self._service_id)
        except RouteDamaged:
            self._version = version
            raise
        except errors.Unavailable:
            return  # probably too many open files; the next call tries again
        self._version = version
