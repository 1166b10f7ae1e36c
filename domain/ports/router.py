"""Routing visitors to the containers of services."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Target:
    """Where a container listens."""

    host: str
    port: int


class Router(Protocol):
    """What brings visitors to a service's containers."""

    def switch(self, service_id: str, name: str, targets: Sequence[Target]) -> str:
        """Send every new visitor to these targets, in one atomic step; answer the service's URL.

        The URL of a service stays the same over all switches until `close`. No targets: visitors are refused.
        """

    def drain(self, service_id: str, seconds: float) -> None:
        """Let connections to earlier targets finish, for at most so long; idle ones are closed at once."""

    def close(self, service_id: str) -> None:
        """Withdraw the route; success when there is none."""

    def targets(self, service_id: str) -> tuple[Target, ...]: ...
    def routes(self) -> set[str]:
        """The ids of all services that have a route."""
