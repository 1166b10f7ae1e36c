"""The attack over HTTP, on a panel that runs: `python -m tests.contract.siege URL KEY [--long]`."""

import os
import random
import sys
import time

import click
import httpx

from tests.contract.attack import PHASES, Report, Target, attack
from tests.contract.reading import operations

_PATIENCE = 30
_SHORT, _LONG = 20, 100


def main(url: str, key: str, *options: str) -> int:
    """Print the seed, what was asked and what was found; 1 when something was."""
    seed = int(os.environ.get("CONTRACT_SEED") or random.getrandbits(32))
    click.echo(f"Attacking {url} with seed {seed}: CONTRACT_SEED={seed} repeats it")
    target = Target(f"{url}/api", key, _key_id(url, key))
    report = attack(target, PHASES, seed, _LONG if "--long" in options else _SHORT)
    click.echo(_told(report))
    return 1 if report.failures or report.errors else 0


def _key_id(url: str, key: str) -> str:
    """Who the key is, as soon as the panel answers."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            answer = httpx.get(f"{url}/api/auth/me", headers={"Authorization": f"Bearer {key}"})
            return str(answer.raise_for_status().json()["id"])
        except httpx.ConnectError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _told(report: Report) -> str:
    answers: dict[str, dict[int, int]] = {}
    for (label, status), count in sorted(report.seen.items()):
        answers.setdefault(label, {})[status] = count
    lines = [f"{label:48} {counts}" for label, counts in answers.items()]
    end = f"{report.seen.total()} requests to {len(answers)} of {len(operations())} operations: "
    return "\n".join([*lines, str(report), f"{end}{len(report.failures)} failures, {len(report.errors)} errors"])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
