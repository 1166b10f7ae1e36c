"""Measure the time from the start of `serve` (everything in one process) to its first response, and its memory then.

Runs on SQLite without an engine. The first start creates the database, the later one opens it.
"""

import argparse
import os
import tempfile
import time
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path
from platform import python_version
from statistics import median

from processes import PANEL, cpu_seconds, environment, free_port, is_up, memory_mb, start_process


@dataclass(frozen=True)
class Figures:
    """Seconds until `/api/health` responds, CPU seconds until then, and MiB of memory of all processes."""

    wait: float
    cpu: float
    memory: float


def main() -> None:
    """Start the panel several times and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(f"Python {python_version()}; machine load {os.getloadavg()[0]:.1f}")
    figures: dict[str, list[Figures]] = {"first start": [], "later start": []}
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory(prefix="bench") as folder:
            for starts in figures.values():
                starts.append(_figures(Path(folder)))
    for name, starts in figures.items():
        wait, spent, held = (median(values) for values in zip(*map(astuple, starts), strict=True))
        print(f"  {name:12} first response after {wait:5.2f} s ({spent:5.2f} s of CPU), memory {held:4.0f} MB")


def _figures(folder: Path) -> Figures:
    port, began = free_port(), time.perf_counter()
    given = environment(folder, PANEL_RUNTIME="memory", PANEL_PORT=str(port))
    with start_process([PANEL, "serve"], given, partial(is_up, port)) as pid:
        return Figures(time.perf_counter() - began, cpu_seconds(pid), memory_mb(pid))


if __name__ == "__main__":
    main()
