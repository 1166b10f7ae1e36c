"""Route files: one a service, replaced in one step, and read by every process that forwards."""

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
    """What a route file holds: the port stays from the first switch until the file is removed."""

    service_id: str
    name: str
    port: int
    targets: tuple[Target, ...]


class Damaged(RouteFailed):
    """A route file is not one of ours."""


class Routes:
    """The folder of route files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, service_id: str) -> Path:
        return self._folder / f"{service_id}.json"

    def mark(self, service_id: str) -> Path:
        """The file that the processes which listen for this service hold locked."""
        return self._folder / f".{service_id}.lock"

    def ids(self) -> set[str]:
        """Raise errors.Unavailable when the folder is away: no routes is something else."""
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
            raise Damaged(f"The route file {path} is damaged ({error}); remove it and deploy again") from None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One process and one thread at a time; a process that dies inside lets go.

        Raise errors.Unavailable when the disk refuses.
        """
        try:
            with (self._folder / ".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise RouteFailed(f"The routes in {self._folder} cannot be changed: {error.strerror}") from error

    def write(self, route: Route) -> None:
        """The rename is the switch."""
        path = self.path(route.service_id)
        fresh = path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(route)) + b"\n")
            file.flush()
            # A time of its own for every version, finer than the file system's: readers tell versions apart by it.
            os.utime(file.fileno(), ns=(time.time_ns(), time.time_ns()))
            os.fsync(file.fileno())
        fresh.replace(path)
        self._sync()

    def remove(self, service_id: str) -> None:
        with suppress(FileNotFoundError):
            self.path(service_id).unlink()
            self._sync()
            self.mark(service_id).unlink()

    def used_ports(self) -> set[int]:
        """Without those of damaged files: their ports show by somebody listening."""
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


class Reading:
    """The newest version of a route, read again only when the file is another one."""

    def __init__(self, routes: Routes, service_id: str) -> None:
        self._routes = routes
        self._service_id = service_id
        self._path = os.fspath(routes.path(service_id))
        self._version = (0, 0)
        self._route: Route | None = None

    def now(self) -> Route | None:
        """None when it was withdrawn; a damaged version raises Damaged once, and then the last good one holds."""
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            return None
        version = (found.st_ino, found.st_mtime_ns)
        if version != self._version:
            self._take(version)
        return self._route

    def _take(self, version: tuple[int, int]) -> None:
        try:
            self._route = self._routes.read(self._service_id)
        except Damaged:
            self._version = version
            raise
        except errors.Unavailable:
            return  # too many open files, most likely: it is tried again
        self._version = version
