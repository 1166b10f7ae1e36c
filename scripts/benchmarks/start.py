"""Measures how long `serve`, which is everything in one process, takes until it answers, and what it holds then.

On SQLite and without an engine; the first start makes the database, a later one finds it.
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

from processes import PANEL, answers, cpu, environment, free_port, memory, running


@dataclass(frozen=True)
class Figures:
    """Seconds until `/api/health` answered, CPU seconds by then, and megabytes that all its processes hold."""

    wait: float
    cpu: float
    memory: float


def main() -> None:
    """Several starts; nothing is asserted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(f"Python {python_version()}; load of the machine {os.getloadavg()[0]:.1f}")
    figures: dict[str, list[Figures]] = {"first start": [], "later start": []}
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory(prefix="bench") as folder:
            for found in figures.values():
                found.append(_figures(Path(folder)))
    for name, found in figures.items():
        wait, spent, held = (median(each) for each in zip(*map(astuple, found), strict=True))
        print(f"  {name:12} answers after {wait:5.2f} s, of which {spent:5.2f} s of CPU, and holds {held:4.0f} MB")


def _figures(folder: Path) -> Figures:
    port, began = free_port(), time.perf_counter()
    given = environment(folder, PANEL_RUNTIME="memory", PANEL_PORT=str(port))
    with running([PANEL, "serve"], given, partial(answers, port)) as pid:
        return Figures(time.perf_counter() - began, cpu(pid), memory(pid))


if __name__ == "__main__":
    main()
