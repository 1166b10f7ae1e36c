"""Measures how long a service takes from its request until it runs, beside `docker run` of the same image.

The engine that DOCKER_HOST names has the image. The panel also makes the service a network of its own, waits until its
port answers, opens a door for visitors, and writes all of that down; the steps are as the operation tells them.
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

from panels import Panel, serving

IMAGE = "ai-admin-panel/hello:1"
NETWORK = "panel-bench"


def main() -> None:
    """Rounds of both in turn; nothing is asserted but that all of it runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    print(f"Python {python_version()}; load of the machine {os.getloadavg()[0]:.1f}", flush=True)
    docker, panel, steps = [], [], defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="bench") as folder, serving(Path(folder)) as served:
        _deployed(served)  # which also makes the image
        _docker("network", "create", NETWORK)
        try:
            for _ in range(options.rounds):
                docker.append(_run())
                took, operation = _deployed(served)
                panel.append(took)
                for step in operation["steps"]:
                    steps[step["name"]].append(_lasted(step["started_at"], step["finished_at"]))
                steps["until it begins"].append(_lasted(operation["created_at"], operation["started_at"]))
        finally:
            _docker("network", "rm", NETWORK)
    extra = median(mine - theirs for mine, theirs in zip(panel, docker, strict=True))
    print(f"  docker run {median(docker):6.0f} ms\n  the panel {median(panel):7.0f} ms, which is {extra:.0f} ms more")
    for name, lasted in steps.items():
        print(f"    {name:16} {median(lasted):5.0f} ms")


def _run() -> float:
    began = time.perf_counter()
    name = _docker("run", "--detach", "--network", NETWORK, IMAGE)
    took = 1000 * (time.perf_counter() - began)
    _docker("rm", "--force", name)
    return took


def _docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, check=True, text=True).stdout.strip()


def _deployed(panel: Panel) -> tuple[float, dict[str, Any]]:
    began = time.perf_counter()
    service_id, operation = panel.deployed({"deploy_method": "image", "image": IMAGE})
    took = 1000 * (time.perf_counter() - began)
    assert panel.ask("GET", f"/services/{service_id}")["status"] == "running"
    panel.ask("DELETE", f"/services/{service_id}")
    return took, operation


def _lasted(start: str, end: str) -> float:
    return 1000 * (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


if __name__ == "__main__":
    main()
