"""Ids of workers, from which another worker on the same machine sees at once that one is dead."""

import os
from pathlib import Path

from domain.model.identifiers import new_id


def new_owner() -> str:
    """Return an id that no other worker has; it names the boot, the process namespace and the process."""
    return f"{_machine()}-{os.getpid()}-{new_id('wrk')}"


def is_dead(owner: str) -> bool:
    """Return whether the worker ran under this very kernel and its process has ended.

    Nothing is known of workers on other machines: their leases run out.
    """
    machine, _, process = owner.rpartition("-")[0].rpartition("-")
    return machine == _machine() and process.isdigit() and not Path(f"/proc/{process}").exists()


def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}-{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return new_id("host")
