"""Figures from the engine's counters: rates over the right time, and what the real engine counts."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from docker import APIClient
from docker.errors import APIError

from domain.adapters.docker import measuring
from domain.adapters.docker.measuring import MEGABYTE, Meter
from domain.ports.runtime import Stats
from tests.engine import Images
from tests.runtime_setup import RuntimeSetup

Figures = dict[str, Any]
MACHINE = 8 * 2**30


class Engine:
    """Answers with prepared counters; each is (seconds from the start, seconds of CPU, bytes of everything else)."""

    def __init__(self, *looks: tuple[float, float, int] | None) -> None:
        self.looks = list(looks)
        self.more: Figures = {}

    def info(self) -> Figures:
        return {"MemTotal": MACHINE}

    def stats(self, name: str, **_: object) -> Figures:
        look = self.looks.pop(0)
        if look is None:
            raise APIError("is not running")
        second, cpu, moved = look
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
            **self.more,
        }


def _asked(engine: Engine, meter: Meter, over: float = 0.0) -> Stats:
    return meter.stats(cast(APIClient, engine), ["web"], over)["web"]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The prepared engine needs no time."""
    monkeypatch.setattr(measuring.time, "sleep", lambda seconds: None)


def test_the_first_question_looks_twice_and_the_next_ones_once():
    engine, meter = Engine((0, 1, 0), (1, 1.5, 1000), (11, 2.5, 21_000)), Meter()
    assert _asked(engine, meter) == Stats(0.5, 40, None, 2000, 2000, 2000, 3000)
    assert _asked(engine, meter) == Stats(0.1, 40, None, 4000, 4000, 4000, 6000)


def test_rates_reach_back_as_far_as_is_asked_whoever_looked_meanwhile():
    looks = [(float(second), float(second * second), 0) for second in range(20)]
    engine, meter = Engine(*looks), Meter()
    for _ in range(18):
        _asked(engine, meter)
    assert _asked(engine, meter, over=8).cpu == (19 * 19 - 11 * 11) / 8


def test_rates_reach_back_to_the_first_look_when_it_was_later_than_is_asked():
    engine, meter = Engine((0, 0, 0), (1, 1, 0), (3, 5, 0)), Meter()
    _asked(engine, meter)
    assert _asked(engine, meter, over=8).cpu == 2


@pytest.mark.parametrize("later", [(1.1, 9, 0), (90, 9, 0), (5, 0.5, 0)], ids=["too soon", "too late", "started anew"])
def test_a_look_whose_difference_says_nothing_is_followed_by_another(later: tuple[float, float, int]):
    second, cpu, _ = later
    engine, meter = Engine((0, 1, 0), (1, 2, 0), later, (second + 1, cpu + 0.25, 0)), Meter()
    _asked(engine, meter)
    assert _asked(engine, meter).cpu == 0.25


def test_counters_of_a_network_that_was_left_are_no_negative_rates():
    engine, meter = Engine((0, 1, 9000), (1, 2, 1000)), Meter()
    assert _asked(engine, meter) == Stats(1, 40, None, 0, 0, 0, 0)


def test_what_the_engine_leaves_out_counts_as_nothing():
    engine, meter = Engine((0, 1, 0), (1, 2, 0)), Meter()
    engine.more = {"networks": None, "blkio_stats": {"io_service_bytes_recursive": None}}
    assert _asked(engine, meter) == Stats(1, 40, None)


def test_a_limit_is_one_when_it_is_less_than_the_machine_has():
    engine, meter = Engine((0, 1, 0), (1, 2, 0)), Meter()
    engine.more = {"memory_stats": {"usage": MEGABYTE, "limit": 64 * MEGABYTE, "stats": {}}}
    assert _asked(engine, meter) == Stats(1, 1, 64)


def test_what_does_not_run_has_no_figures():
    for looks in ([None], [(0.0, 1.0, 0), None]):
        assert Meter().stats(cast(APIClient, Engine(*looks)), ["web"], 0) == {}
    ended = Engine((0, 1, 0))
    ended.more = {"memory_stats": {}}
    assert Meter().stats(cast(APIClient, ended), ["web"], 0) == {}


# ── What the real engine counts ──────────────────────────────────────────────────────────────────


@contextmanager
def _counting_disks(real: RuntimeSetup, images: Images) -> Iterator[None]:
    """Some kernels count what containers do to disks only while one of them is throttled."""
    device = os.stat(images.client.info()["DockerRootDir"]).st_dev
    words = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/uevent")
    if not words.exists():
        yield
        return
    [disk] = [line.partition("=")[2] for line in words.read_text().splitlines() if line.startswith("DEVNAME=")]
    host = images.client.create_host_config(device_write_bps=[{"Path": f"/dev/{disk}", "Rate": 10**12}])
    images.client.create_container(real.spec().image, ["sleep", "60"], name=real.name("throttled"), host_config=host)
    images.client.start(real.name("throttled"))
    try:
        yield
    finally:
        images.client.remove_container(real.name("throttled"), force=True)


def _rates(real: RuntimeSetup, names: list[str], act: Callable[[], object]) -> tuple[list[Stats], float]:
    """The figures over what `act` does, and how long that took."""
    for _ in range(2):  # an old engine has a clock of its own for each new container, of a second
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
    real.wait_until(server, lambda found: real.answers(found, 8080, "/big", 5))
    name = real.start("web", networks={network: ()}, volumes={real.volume(): ("/data", False)})

    def run(script: str) -> None:
        made = images.client.exec_create(name, ["sh", "-c", script])
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
