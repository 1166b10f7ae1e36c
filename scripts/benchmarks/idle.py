"""Measure the CPU time of a panel whose services run and that gets no requests, and its memory.

With --docker, the services are containers on the engine of DOCKER_HOST, whose own CPU time is not counted.
"""

import argparse
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from panels import Panel, start_panel
from processes import cpu_seconds, memory_mb

_IMAGE = {"deploy_method": "image", "image": "ai-admin-panel/hello:1"}
_AT_ONCE = 8


def main() -> None:
    """Deploy the services, wait, measure, and delete them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--docker", action="store_true", help="use the engine of DOCKER_HOST")
    options = parser.parse_args()
    settings = {} if options.docker else {"PANEL_RUNTIME": "memory"}
    print(f"machine load {os.getloadavg()[0]:.1f}", flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="bench") as folder,
        start_panel(Path(folder), **settings) as panel,
        ThreadPoolExecutor(_AT_ONCE) as pool,
    ):
        ids = list(pool.map(partial(_deploy, panel), range(options.services)))
        print(f"{len(ids)} services run", flush=True)
        _measure(panel, options.seconds)
        list(pool.map(lambda service_id: panel.request("DELETE", f"/services/{service_id}"), ids))


def _deploy(panel: Panel, number: int) -> str:
    return panel.deploy({**_IMAGE, "name": f"idle-{number}"})[0]


def _measure(panel: Panel, seconds: float) -> None:
    time.sleep(10)  # what the deployments have begun ends
    began, before = time.monotonic(), cpu_seconds(panel.pid)
    time.sleep(seconds)
    share = (cpu_seconds(panel.pid) - before) / (time.monotonic() - began)
    print(f"  {100 * share:4.1f} % of a core, {memory_mb(panel.pid):4.0f} MB", flush=True)


if __name__ == "__main__":
    main()
