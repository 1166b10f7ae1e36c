"""Measure the time from the request for a service until it runs, compared with `docker run` of the same image.

The image is on the engine of DOCKER_HOST. The panel additionally creates a network, waits until the port responds,
routes traffic to it and records every step. The times of the steps come from the operation.
"""

import argparse
import os
import subprocess
import tempfile
import time
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from platform import python_version
from statistics import median
from typing import Any

from panels import Panel, start_panel

IMAGE = "ai-admin-panel/hello:1"
NETWORK = "panel-bench"


def main() -> None:
    """Run rounds of both in turn and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    print(f"Python {python_version()}; machine load {os.getloadavg()[0]:.1f}", flush=True)
    docker_times, panel_times, steps = [], [], defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="bench") as folder, start_panel(Path(folder)) as panel:
        _deploy(panel)  # this also builds the image
        _docker("network", "create", NETWORK)
        try:
            for _ in range(options.rounds):
                docker_times.append(_run())
                took, operation = _deploy(panel)
                panel_times.append(took)
                for step in operation["steps"]:
                    steps[step["name"]].append(_duration(step["started_at"], step["finished_at"]))
                steps["queued"].append(_duration(operation["created_at"], operation["started_at"]))
        finally:
            _docker("network", "rm", NETWORK)
    difference = median(mine - theirs for mine, theirs in zip(panel_times, docker_times, strict=True))
    print(f"  docker run {median(docker_times):6.0f} ms")
    print(f"  the panel {median(panel_times):7.0f} ms, which is {difference:.0f} ms more")
    for name, durations in steps.items():
        print(f"    {name:16} {median(durations):5.0f} ms")


def _run() -> float:
    began = time.perf_counter()
    name = _docker("run", "--detach", "--network", NETWORK, IMAGE)
    took = 1000 * (time.perf_counter() - began)
    _docker("rm", "--force", name)
    return took


def _docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, check=True, text=True).stdout.strip()


def _deploy(panel: Panel) -> tuple[float, dict[str, Any]]:
    began = time.perf_counter()
    service_id, operation = panel.deploy({"deploy_method": "image", "image": IMAGE})
    took = 1000 * (time.perf_counter() - began)
    assert panel.request("GET", f"/services/{service_id}")["status"] == "running"
    panel.request("DELETE", f"/services/{service_id}")
    return took, operation


def _duration(start: str, end: str) -> float:
    return 1000 * (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


if __name__ == "__main__":
    main()
