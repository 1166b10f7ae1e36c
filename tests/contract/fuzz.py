"""Run Schemathesis against a running panel: `python -m tests.contract.fuzz URL KEY [--long]`."""

import os
import random
import sys
import time

import click
import httpx

from tests.contract.reading import operations
from tests.contract.schemathesis_run import PHASES, Report, Target, run_schemathesis

_CONNECT_TIMEOUT = 30
_SHORT, _LONG = 20, 100


def main(url: str, key: str, *options: str) -> int:
    """Print the seed, the responses by operation and the failures; return 1 if there are any."""
    seed = int(os.environ.get("CONTRACT_SEED") or random.getrandbits(32))
    click.echo(f"Testing {url} with seed {seed}. Set CONTRACT_SEED={seed} to repeat this run.")
    target = Target(f"{url}/api", key, _key_id(url, key))
    report = run_schemathesis(target, PHASES, seed, _LONG if "--long" in options else _SHORT)
    click.echo(_format_report(report))
    return 1 if report.failures or report.errors else 0


def _key_id(url: str, key: str) -> str:
    """Return the ID of the key; wait until the panel accepts connections."""
    deadline = time.monotonic() + _CONNECT_TIMEOUT
    while True:
        try:
            response = httpx.get(f"{url}/api/auth/me", headers={"Authorization": f"Bearer {key}"})
            return str(response.raise_for_status().json()["id"])
        except httpx.ConnectError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _format_report(report: Report) -> str:
    statuses: dict[str, dict[int, int]] = {}
    for (label, status), count in sorted(report.seen.items()):
        statuses.setdefault(label, {})[status] = count
    lines = [f"{label:48} {counts}" for label, counts in statuses.items()]
    end = f"{report.seen.total()} requests to {len(statuses)} of {len(operations())} operations: "
    return "\n".join([*lines, str(report), f"{end}{len(report.failures)} failures, {len(report.errors)} errors"])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
