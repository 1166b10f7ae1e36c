"""What containers take: rates are differences between two looks, so that earlier looks are kept for a minute."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from docker import APIClient
from docker.errors import APIError

from domain.ports.runtime import Stats

# Engines before 23 answer at their next tick, up to a second later, all questions at once.
THREADS = 32
# A difference over a longer time would hide what happens now.
FRESH = 60.0
APART = 0.25
MANY = 10_000
MEGABYTE = 2**20


@dataclass(frozen=True)
class _Look:
    """`counters` only grow while a container runs: seconds of CPU, bytes received, sent, read and written."""

    at: datetime
    memory: float
    limit: float
    counters: tuple[float, float, float, float, float]

    def age(self, now: "_Look") -> float:
        return (now.at - self.at).total_seconds()

    def leads_to(self, now: "_Look") -> bool:
        """Whether the difference says something: of one and the same run, and neither too short nor too old."""
        return self.counters[0] <= now.counters[0] and APART <= self.age(now) <= FRESH


class Meter:
    """Remembers looks; the first question about a container waits a moment to have two."""

    def __init__(self) -> None:
        self._looks: dict[str, list[_Look]] = {}
        self._machine = 0

    def stats(self, client: APIClient, names: Sequence[str], over: float) -> dict[str, Stats]:
        """Of those that run."""
        if not names:
            return {}
        self._machine = self._machine or int(client.info()["MemTotal"])
        with ThreadPoolExecutor(min(THREADS, len(names))) as pool:
            each = zip(names, pool.map(lambda name: self._one(client, name, over), names), strict=True)
            return {name: stats for name, stats in each if stats}

    def _one(self, client: APIClient, name: str, over: float) -> Stats | None:
        now = _look(client, name)
        before = self._before(name, now, over) if now else None
        if now and not before:
            time.sleep(APART)
            before, now = now, _look(client, name)
        if not (now and before):
            return None
        self._keep(name, now)
        return self._difference(before, now)

    def _before(self, name: str, now: _Look, over: float) -> _Look | None:
        """The newest that is old enough, else the oldest."""
        known = [look for look in self._looks.get(name, ()) if look.leads_to(now)]
        return next((look for look in reversed(known) if look.age(now) >= over), known[0] if known else None)

    def _keep(self, name: str, now: _Look) -> None:
        looks = [look for look in self._looks.get(name, ()) if look.age(now) <= FRESH]
        if not looks or looks[-1].age(now) >= APART:
            looks.append(now)
        if len(self._looks) > MANY:
            self._looks.clear()
        self._looks[name] = looks

    def _difference(self, before: _Look, now: _Look) -> Stats:
        seconds = max(before.age(now), 0.001)
        pairs = zip(before.counters, now.counters, strict=True)
        cpu, *moved = (max(0.0, later - sooner) / seconds for sooner, later in pairs)
        limited = 0 < now.limit < self._machine  # the engine says all of the machine where there is none
        return Stats(
            round(cpu, 4),
            round(now.memory / MEGABYTE, 2),
            round(now.limit / MEGABYTE, 2) if limited else None,
            *(round(rate, 1) for rate in moved),
        )


def _look(client: APIClient, name: str) -> _Look | None:
    """None when it does not run: the engine then says nothing of its memory, or refuses."""
    try:
        found = client.stats(name, stream=False, one_shot=True)
    except APIError:
        return None
    memory = found.get("memory_stats") or {}
    if "usage" not in memory:
        return None
    cpu = found["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9
    counters = (cpu, *_network(found), *_disk(found))
    return _Look(datetime.fromisoformat(found["read"]), _resident(memory), memory.get("limit", 0), counters)


def _network(found: Mapping[str, Any]) -> tuple[float, float]:
    """Received and sent, over all its networks."""
    networks = (found.get("networks") or {}).values()
    return sum(one["rx_bytes"] for one in networks), sum(one["tx_bytes"] for one in networks)


def _disk(found: Mapping[str, Any]) -> tuple[float, float]:
    """Read and written, on all disks; cgroup v1 says `Read`, v2 `read`."""
    entries = (found.get("blkio_stats") or {}).get("io_service_bytes_recursive") or ()
    read, written = (sum(one["value"] for one in entries if one["op"].lower() == op) for op in ("read", "write"))
    return read, written


def _resident(memory: Mapping[str, Any]) -> float:
    """Without the file cache that the kernel may take back, by its name in cgroup v2 and v1; as `docker stats` says."""
    detail = memory.get("stats") or {}
    cache = detail.get("total_inactive_file", detail.get("inactive_file", 0))
    return float(memory["usage"] - min(cache, memory["usage"]))
