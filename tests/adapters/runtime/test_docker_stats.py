"""Stats from the engine's counters: the time that rates are over, and the counters of the real engine."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from docker import APIClient
from docker.errors import APIError

from domain.adapters.docker import stats as docker_stats
from domain.adapters.docker.stats import MEGABYTE, StatsSampler
from domain.model.project import Mount
from domain.ports.runtime import Stats
from tests.engine import Images
from tests.runtime_setup import RuntimeSetup

Figures = dict[str, Any]
MACHINE = 8 * 2**30


class Engine:
    """Returns prepared measurements: (seconds since the start, CPU seconds, bytes of each other counter)."""

    def __init__(self, *measurements: tuple[float, float, int] | None) -> None:
        self.measurements = list(measurements)
        self.overrides: Figures = {}

    def info(self) -> Figures:
        return {"MemTotal": MACHINE}

    def stats(self, name: str, **_: object) -> Figures:
        measurement = self.measurements.pop(0)
        if measurement is None:
            raise APIError("is not running")
        second, cpu, moved = measurement
        return {
            "read": f"2026-01-01T00:{int(second) // 60:02}:{second % 60:012.9f}Z",
            "cpu_stats": {"cpu_usage": {"total_usage": int(cpu * 1e9)}},
            "memory_stats": {"usage": 50 * MEGABYTE, "limit": MACHINE, "stats": {"inactive_file": 10 * MEGABYTE}},
            "networks": {
                "eth0": {"rx_bytes": moved, "tx_bytes": 2 * moved},
                "eth1": {"rx_bytes": moved, "tx_bytes": 0},
            },
            "blkio_stats": {
                "io_service_bytes_recursive": [
                    {"major": 8, "minor": minor, "op": op, "value": moved * times}
                    for minor, op, times in ((0, "Read", 1), (0, "Write", 3), (0, "Total", 9), (1, "read", 1))
                ]
            },
            **self.overrides,
        }


def _stats(engine: Engine, sampler: StatsSampler, over: float = 0.0) -> Stats:
    return sampler.stats(cast(APIClient, engine), ["web"], over)["web"]


@pytest.fixture(autouse=True)
def no_waiting(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The prepared measurements have times of their own; those of a real engine need time between them."""
    if "real" not in request.fixturenames:
        monkeypatch.setattr(docker_stats.time, "sleep", lambda seconds: None)


def test_the_first_call_measures_twice_and_later_calls_once():
    engine, sampler = Engine((0, 1, 0), (1, 1.5, 1000), (11, 2.5, 21_000)), StatsSampler()
    assert _stats(engine, sampler) == Stats(0.5, 40, None, 2000, 2000, 2000, 3000)
    assert _stats(engine, sampler) == Stats(0.1, 40, None, 4000, 4000, 4000, 6000)


def test_rates_are_over_the_requested_time_regardless_of_calls_in_between():
    measurements = [(float(second), float(second * second), 0) for second in range(20)]
    engine, sampler = Engine(*measurements), StatsSampler()
    for _ in range(18):
        _stats(engine, sampler)
    assert _stats(engine, sampler, over=8).cpu == (19 * 19 - 11 * 11) / 8


def test_rates_are_over_the_time_since_the_first_measurement_if_it_is_shorter():
    engine, sampler = Engine((0, 0, 0), (1, 1, 0), (3, 5, 0)), StatsSampler()
    _stats(engine, sampler)
    assert _stats(engine, sampler, over=8).cpu == 2


@pytest.mark.parametrize("later", [(1.1, 9, 0), (150, 9, 0), (5, 0.5, 0)], ids=["too soon", "too late", "restarted"])
def test_a_measurement_that_cannot_be_compared_is_repeated(later: tuple[float, float, int]):
    second, cpu, _ = later
    engine, sampler = Engine((0, 1, 0), (1, 2, 0), later, (second + 1, cpu + 0.25, 0)), StatsSampler()
    _stats(engine, sampler)
    assert _stats(engine, sampler).cpu == 0.25


def test_counters_that_decrease_give_a_rate_of_zero():
    engine, sampler = Engine((0, 1, 9000), (1, 2, 1000)), StatsSampler()
    assert _stats(engine, sampler) == Stats(1, 40, None, 0, 0, 0, 0)


def test_counters_that_the_engine_omits_are_zero():
    engine, sampler = Engine((0, 1, 0), (1, 2, 0)), StatsSampler()
    engine.overrides = {"networks": None, "blkio_stats": {"io_service_bytes_recursive": None}}
    assert _stats(engine, sampler) == Stats(1, 40, None)


def test_a_memory_limit_counts_if_it_is_below_the_total_memory():
    engine, sampler = Engine((0, 1, 0), (1, 2, 0)), StatsSampler()
    engine.overrides = {"memory_stats": {"usage": MEGABYTE, "limit": 64 * MEGABYTE, "stats": {}}}
    assert _stats(engine, sampler) == Stats(1, 1, 64)


def test_a_container_that_is_not_running_has_no_stats():
    for measurements in ([None], [(0.0, 1.0, 0), None]):
        assert StatsSampler().stats(cast(APIClient, Engine(*measurements)), ["web"], 0) == {}
    ended = Engine((0, 1, 0))
    ended.overrides = {"memory_stats": {}}
    assert StatsSampler().stats(cast(APIClient, ended), ["web"], 0) == {}


# ── Counters of the real engine ──────────────────────────────────────────────────────────────────


@contextmanager
def _counting_disks(real: RuntimeSetup, images: Images) -> Iterator[None]:
    """Throttle a container: some kernels count the block I/O of containers only then."""
    device = os.stat(images.client.info()["DockerRootDir"]).st_dev
    uevent = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/uevent")
    if not uevent.exists():
        yield
        return
    [disk] = [line.partition("=")[2] for line in uevent.read_text().splitlines() if line.startswith("DEVNAME=")]
    host = images.client.create_host_config(device_write_bps=[{"Path": f"/dev/{disk}", "Rate": 10**12}])
    images.client.create_container(real.spec().image, ["sleep", "60"], name=real.name("throttled"), host_config=host)
    images.client.start(real.name("throttled"))
    try:
        yield
    finally:
        images.client.remove_container(real.name("throttled"), force=True)


def _rates(real: RuntimeSetup, names: list[str], act: Callable[[], object]) -> tuple[list[Stats], float]:
    """Return the stats over the time of `act`, and that time."""
    for _ in range(2):  # engines before 23 update the counters of a container once a second
        real.runtime.stats(names)
    began = time.monotonic()
    act()
    stats = real.runtime.stats(names)
    return [stats[name] for name in names], time.monotonic() - began


@pytest.mark.engine
def test_bytes_over_the_network_and_to_disk_are_rates_a_second(real: RuntimeSetup, images: Images):
    network = real.network()
    script = "busybox dd if=/dev/zero of=/www/big bs=1M count=8 2>/dev/null; exec httpd -f -p 8080 -h /www"
    server = real.start("server", command=("sh", "-c", script), networks={network: ()})
    real.wait_until(server, lambda found: real.probe_http(found, 8080, "/big", 5))
    name = real.start("web", networks={network: ()}, mounts=[Mount(real.volume(), "/data")])

    def run(script: str) -> None:
        """Run it, and wait longer than the least time between two measurements."""
        made = images.client.exec_create(name, ["sh", "-c", f"{script} && sleep 0.5"])
        images.client.exec_start(made["Id"])
        assert images.client.exec_inspect(made["Id"])["ExitCode"] == 0

    with _counting_disks(real, images):
        fetch = "wget -q -O /dev/null http://server:8080/big"
        [fetched, sent], seconds = _rates(real, [name, server], lambda: run(fetch))
        assert 8e6 < fetched.network_rx * seconds < 13e6
        assert 8e6 < sent.network_tx * seconds < 13e6
        assert fetched.network_tx < fetched.network_rx
        write = "busybox dd if=/dev/zero of=/data/x bs=1M count=30 conv=fsync 2>/dev/null"
        [written], seconds = _rates(real, [name], lambda: run(write))
        assert 30e6 < written.block_write * seconds < 45e6
        [idle], _ = _rates(real, [name], lambda: time.sleep(1))
        assert max(idle.network_rx, idle.block_write) < 100_000
