"""CPU and memory of containers: CPU is a difference, so the last sample of each is kept for the next question."""

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from docker import APIClient
from docker.errors import NotFound

from domain.model import Usage

# Engines before 23 answer at their next tick, up to a second later, all questions at once.
THREADS = 32
# A difference over a longer time would hide what happens now.
FRESH = 60.0
APART = 0.25
MEGABYTE = 2**20


@dataclass(frozen=True)
class _Sample:
    at: datetime
    cpu: float
    memory: float

    def seconds_since(self, before: "_Sample") -> float:
        return (self.at - before.at).total_seconds()


class Meter:
    """Remembers samples; the first question about a container waits a moment to have two."""

    def __init__(self) -> None:
        self._last: dict[str, _Sample] = {}
        self._lock = threading.Lock()

    def usage(self, client: APIClient, names: Sequence[str]) -> Usage:
        """The sum over those of them that run."""
        if not names:
            return Usage()
        with ThreadPoolExecutor(min(THREADS, len(names))) as pool:
            each = list(pool.map(lambda name: self._one(client, name), names))
        return Usage(round(sum(one.cpu for one in each), 4), round(sum(one.memory_mb for one in each), 2))

    def _one(self, client: APIClient, name: str) -> Usage:
        now = _taken(client, name)
        before = self._last.get(name)
        if now and not (before and APART <= now.seconds_since(before) <= FRESH and now.cpu >= before.cpu):
            time.sleep(APART)
            before, now = now, _taken(client, name)
        self._keep(name, now)
        if not (now and before):
            return Usage()
        return Usage(max(0.0, now.cpu - before.cpu) / now.seconds_since(before), now.memory / MEGABYTE)

    def _keep(self, name: str, now: _Sample | None) -> None:
        """Forget with it the containers that nobody has asked about for long."""
        with self._lock:
            self._last.pop(name, None)
            if now:
                self._last = {known: last for known, last in self._last.items() if now.seconds_since(last) <= FRESH}
                self._last[name] = now


def _taken(client: APIClient, name: str) -> _Sample | None:
    try:
        return _sample(client.stats(name, stream=False, one_shot=True))
    except NotFound:
        return None


def _sample(stats: Mapping[str, Any]) -> _Sample | None:
    """None when the container does not run: the engine then says nothing of its memory."""
    memory = stats.get("memory_stats") or {}
    if "usage" not in memory:
        return None
    cpu = stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9
    return _Sample(datetime.fromisoformat(stats["read"]), cpu, _resident(memory))


def _resident(memory: Mapping[str, Any]) -> float:
    """Without the file cache that the kernel may take back, by its name in cgroup v2 and v1; as `docker stats` says."""
    detail = memory.get("stats") or {}
    cache = detail.get("total_inactive_file", detail.get("inactive_file", 0))
    return float(memory["usage"] - min(cache, memory["usage"]))
