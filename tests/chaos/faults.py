"""What is done to the parts and when: the same for the same seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

_OFTEN = {"api": 3, "worker": 4, "ws": 3, "redis": 2, "postgres": 2, "engine": 1}
_PROCESSES = ("api", "worker", "ws")
_FROZEN = 0.4  # of what befalls a worker
_FREEZING = (11.0, 16.0)  # longer than its leases
_LONGEST = {"redis": 5.0, "postgres": 5.0, "engine": 6.0}
_PAUSES = (1.0, 4.0)
_FIRST = 3.0
_LONG_CAMPAIGN, _LONG_OUTAGE = 90.0, 40.0  # of the engine: longer than any work waits for it, so that it is left undone


@dataclass(frozen=True)
class Fault:
    """At so many seconds a part is killed, or frozen, and brought back after `away` seconds."""

    at: float
    part: str
    away: float
    freezes: bool = False

    @property
    def told(self) -> str:
        """What is done, in words."""
        return f"{'kill -STOP' if self.freezes else 'kill -9'} {self.part}"


def plan(seed: int, seconds: float) -> list[Fault]:
    """The last is always the engine: what is stopped by then must not come back with it."""
    planned = [*_faults(Random(seed), seconds - 4), Fault(seconds - 2, "engine", 1.0)]
    if seconds >= _LONG_CAMPAIGN:
        planned.append(Fault(seconds / 3, "engine", _LONG_OUTAGE))
    return sorted(planned, key=lambda fault: fault.at)


def _faults(chance: Random, until: float) -> Iterator[Fault]:
    at = _FIRST
    while at < until:
        yield _fault(chance, at)
        at += chance.uniform(*_PAUSES)


def _fault(chance: Random, at: float) -> Fault:
    kind = chance.choices(list(_OFTEN), list(_OFTEN.values()))[0]
    part = f"{kind}-{chance.randint(1, 2)}" if kind in _PROCESSES else kind
    freezes = kind == "worker" and chance.random() < _FROZEN
    away = chance.uniform(*_FREEZING) if freezes else chance.uniform(0, _LONGEST.get(kind, 3.0))
    return Fault(at, part, away, freezes)
