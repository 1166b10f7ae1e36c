"""A router that keeps its routes in memory and forwards nothing."""

from collections.abc import Collection, Sequence
from itertools import count
from threading import Lock

from domain.ports.router import Target

FIRST_PORT, LAST_PORT = 49152, 65535


class Router:
    """Keeps routes. URLs have the form of real ones and stay the same until `close`, but nothing listens there."""

    def __init__(self, public_host: str = "localhost", base_domain: str = "") -> None:
        self._public_host = public_host
        self._base_domain = base_domain
        self._lock = Lock()
        self._ports: dict[str, int] = {}
        self._targets: dict[str, tuple[Target, ...]] = {}

    def start(self) -> None:
        """Do nothing: there are no connections to forward."""

    def stop(self) -> None:
        """Do nothing: there are no connections to close."""

    def problems(self) -> list[str]:
        """Return an empty list: no port can be in use."""
        return []

    def switch(self, service_id: str, name: str, targets: Sequence[Target]) -> str:
        with self._lock:
            port = self._ports.setdefault(service_id, self._free_port())
            self._targets[service_id] = tuple(targets)
        return f"https://{name}.{self._base_domain}" if self._base_domain else f"http://{self._public_host}:{port}"

    def drain(self, service_id: str, seconds: float) -> None:
        """Return at once: there are no connections."""

    def close(self, service_id: str) -> None:
        with self._lock:
            self._ports.pop(service_id, None)
            self._targets.pop(service_id, None)

    def targets(self, service_id: str) -> tuple[Target, ...]:
        with self._lock:
            return self._targets.get(service_id, ())

    def listener(self, service_id: str) -> Target | None:
        """Return the port of the service's URL, at which nothing listens."""
        with self._lock:
            port = self._ports.get(service_id)
        return Target("127.0.0.1", port) if port else None

    def find_free_port(self, protocol: str, used: Collection[int]) -> int:
        """Return a port that no route has; nothing listens at any."""
        with self._lock:
            routed = self._ports.values() if protocol == "tcp" else ()
            return next(port for port in count(LAST_PORT, -1) if port not in used and port not in routed)

    def routes(self) -> set[str]:
        with self._lock:
            return set(self._targets)

    def _free_port(self) -> int:
        used = set(self._ports.values())
        return next(port for port in count(FIRST_PORT) if port not in used)
