"""The plan of faults: which part fails and when; equal seeds give equal plans."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

_WEIGHTS = {"api": 3, "worker": 4, "ws": 3, "redis": 2, "postgres": 2, "engine": 1}
_PROCESSES = ("api", "worker", "ws")
_FREEZE_SHARE = 0.4  # of the faults of workers
_FREEZE_SECONDS = (11.0, 16.0)  # longer than a lease
_MAX_OUTAGE = {"redis": 5.0, "postgres": 5.0, "engine": 6.0}
_PAUSES = (1.0, 4.0)
_FIRST_FAULT = 3.0
_LONG_CAMPAIGN, _LONG_OUTAGE = 90.0, 40.0  # of the engine: longer than operations wait for it


@dataclass(frozen=True)
class Fault:
    """At `at` seconds a part is killed or frozen; it is restored after `outage` seconds."""

    at: float
    part: str
    outage: float
    freezes: bool = False

    @property
    def description(self) -> str:
        """The command, for example `kill -9 api-1`."""
        return f"{'kill -STOP' if self.freezes else 'kill -9'} {self.part}"


def plan(seed: int, seconds: float) -> list[Fault]:
    """Return the faults in order. The last restarts the engine: stopped containers must stay stopped."""
    planned = [*_faults(Random(seed), seconds - 4), Fault(seconds - 2, "engine", 1.0)]
    if seconds >= _LONG_CAMPAIGN:
        planned.append(Fault(seconds / 3, "engine", _LONG_OUTAGE))
    return sorted(planned, key=lambda fault: fault.at)


def _faults(random: Random, until: float) -> Iterator[Fault]:
    at = _FIRST_FAULT
    while at < until:
        yield _fault(random, at)
        at += random.uniform(*_PAUSES)


def _fault(random: Random, at: float) -> Fault:
    kind = random.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
    part = f"{kind}-{random.randint(1, 2)}" if kind in _PROCESSES else kind
    freezes = kind == "worker" and random.random() < _FREEZE_SHARE
    outage = random.uniform(*_FREEZE_SECONDS) if freezes else random.uniform(0, _MAX_OUTAGE.get(kind, 3.0))
    return Fault(at, part, outage, freezes)
