"""The smaller ports: routes, rate counters, encryption, time and news."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
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


@dataclass(frozen=True)
class Budget:
    """What is left of a caller's requests for this minute; `reset_at` is in epoch seconds."""

    allowed: bool
    limit: int
    remaining: int
    reset_at: int


class Counter(Protocol):
    """Counts requests against a budget a minute."""

    def hit(self, bucket: str, limit: int) -> Budget: ...


class Vault(Protocol):
    """Encryption at rest."""

    def seal(self, plain: str) -> str: ...
    def open(self, sealed: str) -> str: ...


class Clock(Protocol):
    """Time. `now()` is aware and in UTC, cut to milliseconds."""

    def now(self) -> datetime: ...
    def sleep(self, seconds: float) -> None: ...


class Feed(Protocol):
    """News that something changed. The database carries the truth: a lost nudge only costs a moment."""

    def mark(self) -> int:
        """Take it before looking at the database: news from between look and wait then ends the wait at once."""

    def nudge(self) -> None: ...
    def wait(self, seconds: float, since: int | None = None) -> None:
        """Return when nudged after the mark `since` (without one: from now on), or after so many seconds."""

    def ping(self) -> None:
        """Raise Unavailable when nudges do not reach the other processes now."""

    def close(self) -> None:
        """Let go of what brings news from other processes; threads of this one still hear each other."""
