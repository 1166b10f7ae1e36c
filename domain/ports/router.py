"""The router: accepts connections for services and forwards them to containers."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.errors import Unavailable


class RouteFailed(Unavailable):
    """Routes cannot be read or changed now."""

    default = "route_failed"


@dataclass(frozen=True)
class Target:
    """A host and port at which a container accepts connections."""

    host: str
    port: int


def reachable_host(host: str) -> str:
    """Return where this machine reaches what listens at `host`: at loopback if it listens at all addresses."""
    return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


class Router(Protocol):
    """Routes from the public address of each service to its containers.

    Routes can be changed and read whether the router is started or not. All methods raise RouteFailed if routes
    cannot be read or changed.
    """

    def start(self) -> None:
        """Start forwarding connections in this process."""

    def stop(self) -> None:
        """Close all connections and stop forwarding. Routes are kept. Does nothing if the router is not started."""

    def problems(self) -> list[str]:
        """Return one sentence for each route that clients cannot use, with the next step; an empty list if none."""

    def switch(self, service_id: str, name: str, targets: Sequence[Target]) -> str:
        """Send all new connections of a service to these targets, in one atomic step. Return the service's URL.

        The URL stays the same until `close`. Without targets, new connections are closed.
        """

    def drain(self, service_id: str, seconds: float) -> None:
        """Wait until connections to earlier targets have finished, for at most `seconds`; close idle ones at once."""

    def close(self, service_id: str) -> None:
        """Remove the route of a service, if there is one, and close its connections."""

    def targets(self, service_id: str) -> tuple[Target, ...]:
        """Return the current targets of a service; empty if it has no route."""

    def listener(self, service_id: str) -> Target | None:
        """Return where this host accepts the connections of a service; None if it has no route."""

    def find_free_port(self, protocol: str, used: Collection[int]) -> int:
        """Return a port of this host for a service, highest first, that neither a route nor another program has.

        `used` are ports that are reserved already.
        """

    def routes(self) -> set[str]:
        """Return the ids of all services that have a route."""
