"""Resource usage of containers. Rates are differences of two measurements; measurements are kept for two minutes."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from docker import APIClient
from docker.errors import APIError

from domain.ports.runtime import Stats

# Engines before 23 answer up to a second later, but all requests at the same time.
THREADS = 32
# A rate over a longer time would not show current usage.
MAX_AGE = 120.0
MIN_DISTANCE = 0.25
MAX_CACHED = 10_000
MEGABYTE = 2**20


@dataclass(frozen=True)
class _Measurement:
    """`counters` grow while a container runs: CPU seconds; bytes received, sent, read and written."""

    at: datetime
    memory: float
    limit: float
    counters: tuple[float, float, float, float, float]

    def age_at(self, now: "_Measurement") -> float:
        return (now.at - self.at).total_seconds()

    def is_comparable(self, now: "_Measurement") -> bool:
        """Return whether both are of the same run of the container, and neither too close nor too far apart."""
        return self.counters[0] <= now.counters[0] and MIN_DISTANCE <= self.age_at(now) <= MAX_AGE


class StatsSampler:
    """Keeps measurements. The first call for a container waits a moment to take two."""

    def __init__(self) -> None:
        self._measurements: dict[str, list[_Measurement]] = {}
        self._total_memory = 0

    def stats(self, client: APIClient, names: Sequence[str], over: float) -> dict[str, Stats]:
        """Return the stats of running containers, with rates over `over` seconds if a measurement is that old."""
        if not names:
            return {}
        self._total_memory = self._total_memory or int(client.info()["MemTotal"])
        if len(names) == 1:
            found = [self._sample(client, names[0], over)]
        else:
            with ThreadPoolExecutor(min(THREADS, len(names))) as pool:
                found = list(pool.map(lambda name: self._sample(client, name, over), names))
        return {name: stats for name, stats in zip(names, found, strict=True) if stats}

    def _sample(self, client: APIClient, name: str, over: float) -> Stats | None:
        now = _measure(client, name)
        earlier = self._earlier(name, now, over) if now else None
        if now and not earlier:
            time.sleep(MIN_DISTANCE)
            earlier, now = now, _measure(client, name)
        if not (now and earlier):
            return None
        self._keep(name, now)
        return self._stats_between(earlier, now)

    def _earlier(self, name: str, now: _Measurement, over: float) -> _Measurement | None:
        """Return the newest measurement that is at least `over` seconds old, else the oldest."""
        kept = [earlier for earlier in self._measurements.get(name, ()) if earlier.is_comparable(now)]
        oldest = kept[0] if kept else None
        return next((earlier for earlier in reversed(kept) if earlier.age_at(now) >= over), oldest)

    def _keep(self, name: str, now: _Measurement) -> None:
        kept = [earlier for earlier in self._measurements.get(name, ()) if earlier.age_at(now) <= MAX_AGE]
        if not kept or kept[-1].age_at(now) >= MIN_DISTANCE:
            kept.append(now)
        if len(self._measurements) > MAX_CACHED:
            self._measurements.clear()
        self._measurements[name] = kept

    def _stats_between(self, earlier: _Measurement, now: _Measurement) -> Stats:
        seconds = max(earlier.age_at(now), 0.001)
        counters = zip(earlier.counters, now.counters, strict=True)
        cpu, received, sent, read, written = (max(0.0, end - start) / seconds for start, end in counters)
        limited = 0 < now.limit < self._total_memory  # without a limit, the engine returns the total memory
        return Stats(
            round(cpu, 4),
            round(now.memory / MEGABYTE, 2),
            round(now.limit / MEGABYTE, 2) if limited else None,
            network_rx=round(received, 1),
            network_tx=round(sent, 1),
            block_read=round(read, 1),
            block_write=round(written, 1),
            network_total=int(now.counters[1] + now.counters[2]),
        )


def _measure(client: APIClient, name: str) -> _Measurement | None:
    """Return None if the container is not running: the engine then omits the memory, or refuses."""
    try:
        found = client.stats(name, stream=False, one_shot=True)
    except APIError:
        return None
    memory = found.get("memory_stats") or {}
    if "usage" not in memory:
        return None
    cpu = found["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9
    counters = (cpu, *_network_bytes(found), *_disk_bytes(found))
    return _Measurement(datetime.fromisoformat(found["read"]), _used(memory), memory.get("limit", 0), counters)


def _network_bytes(found: Mapping[str, Any]) -> tuple[float, float]:
    """Return bytes received and sent over all networks."""
    networks = (found.get("networks") or {}).values()
    return sum(network["rx_bytes"] for network in networks), sum(network["tx_bytes"] for network in networks)


def _disk_bytes(found: Mapping[str, Any]) -> tuple[float, float]:
    """Return bytes read and written on all disks. The operation is called `Read` in cgroup v1 and `read` in v2."""
    entries = (found.get("blkio_stats") or {}).get("io_service_bytes_recursive") or ()
    read, written = (
        sum(entry["value"] for entry in entries if entry["op"].lower() == operation) for operation in ("read", "write")
    )
    return read, written


def _used(memory: Mapping[str, Any]) -> float:
    """Return the memory in use without the reclaimable file cache, as `docker stats` does.

    The cache is called `inactive_file` in cgroup v2 and `total_inactive_file` in v1.
    """
    detail = memory.get("stats") or {}
    cache = detail.get("total_inactive_file", detail.get("inactive_file", 0))
    return float(memory["usage"] - min(cache, memory["usage"]))
